"""The pages of docs/reference are what the code makes of itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import TypeAdapter

from reconciler.saved.snapshot_rows import SnapshotDocument
from tests.support import reference_pages


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_a_reference_page_is_made_from_the_code(name: str) -> None:
    page = (reference_pages.FOLDER / name).read_text(encoding="utf-8")
    assert page == reference_pages.PAGES[name](), "run: python -m tests.support.reference_pages"


def test_the_json_page_has_every_key_of_a_snapshot() -> None:
    chapter = reference_pages.make_json_page().partition("## A snapshot")[2]
    schema = TypeAdapter(SnapshotDocument).json_schema()
    assert set(re.findall(r"^\| `(\S+)`", chapter, re.MULTILINE)) == set(list_paths(schema, schema["$defs"]))


def list_paths(schema: Any, definitions: Any, path: str = "") -> list[str]:
    """Return the paths of all keys that a JSON Schema describes, as the page writes them."""
    if "$ref" in schema:
        return list_paths(definitions[schema["$ref"].rpartition("/")[2]], definitions, path)
    if "items" in schema:
        return list_paths(schema["items"], definitions, f"{path}[]")
    by_name = schema.get("additionalProperties")
    keys = schema.get("properties") or ({"NAME": by_name} if isinstance(by_name, dict) else {})
    paths = []
    for key, inner in keys.items():
        inner_path = f"{path}.{key}" if path else key
        paths += [inner_path, *list_paths(inner, definitions, inner_path)]
    return paths
