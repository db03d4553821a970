"""The JSON Schema: complete, equal to its copy in docs/, right about every example, and never stricter than a load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from jsonschema_rs import Draft202012Validator, meta

from reconciler.desired import DesiredStateError, load
from reconciler.desired.json_schema import build_json_schema, format_json_schema
from tests.support.desired_yaml import write_file
from tests.support.docs_pages import list_pages, read_blocks
from tests.support.editor_schema import is_inside, list_error_spans, list_schema_errors
from tests.support.examples import run_examples
from tests.support.random_documents import documents, render_document

ROOT = Path(__file__).parents[3]
COPY = ROOT / "docs" / "schema" / "desired-state.json"
CORPUS = ROOT / "tests" / "desired" / "broken"
EXPECTATION = re.compile(r"^# expect: (\d+):(\d+): (.*)", re.MULTILINE)
FIRST_KEYS = ("version", "policy", "owner", "guard", "instances", "groups", "categories", "defaults", "torrents")

# What the schema does not find in the broken files, by a part of the message, and the reason
_SEVERAL = "depends on other entries, sections or documents, or on the defaults"
_MACHINE = "depends on the variables and files of this machine"
_YAML = "is not the YAML that we read, which every editor reports or reads in its own way"
_LOGIC = "a rule that a pattern cannot express, or only as a pattern that nobody can read"
NOT_CAUGHT = {
    "appears twice in one mapping": _YAML,
    "YAML": _YAML,
    "is not expected here": _YAML,
    "is missing after this key": _YAML,
    "is not closed": _YAML,
    "inside a quoted text": _YAML,
    "does not line up": _YAML,
    "anchor (&)": _YAML,
    "alias": _YAML,
    "cannot contain this escape": _YAML,
    "half of a character": _YAML,
    "cannot begin a value": _YAML,
    "not UTF-8": _YAML,
    "a key must be": _YAML,
    "merges mappings only": _YAML,
    "levels deep": _YAML,
    "the placeholder": _LOGIC,
    "already declared": _SEVERAL,
    "already defined": _SEVERAL,
    "there is no instance": _SEVERAL,
    "this torrent has no instance": _SEVERAL,
    "the intake has no instance": _SEVERAL,
    "no instance is declared": _SEVERAL,
    "no document sets": _SEVERAL,
    "this instance has no url": _SEVERAL,  # categories alone, for the instance of another document
    "no entry with content is named": _SEVERAL,
    "is the name of several entries": _SEVERAL,
    "is created on the same instance": _SEVERAL,
    "exported to the same file": _SEVERAL,
    "is declared absent": _SEVERAL,
    'and "g" is a group': _SEVERAL,
    "cannot be combined with": _SEVERAL,
    'needs a "save_path"': _SEVERAL,
    'has an effect only with "state: absent"': _SEVERAL,
    'is the same as "save_path"': _LOGIC,
    "is never reached": _LOGIC,
    "environment variable": _MACHINE,
    "the file with the": _MACHINE,
    "no such CA file": _MACHINE,
    "from 1 to 65535": _LOGIC,
    "beyond its prefix length": _LOGIC,
    "at most 1d": _LOGIC,
    "at most 365d": _LOGIC,
    "less than 2 GiB/s": _LOGIC,
    "host or port is malformed": _LOGIC,
    "three decimals": _LOGIC,
    "its bt": _LOGIC,
    "two different": _LOGIC,
    "an empty part": _LOGIC,
}


def iter_properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property at every depth, with its path."""
    if isinstance(schema, list):
        for item in schema:
            yield from iter_properties(item, path)
    elif isinstance(schema, dict):
        is_rule = "if" in schema or "not" in schema
        for key, value in schema.items():
            if key in ("allOf", "if", "then", "not", "examples", "default"):
                continue  # rules of keys that are described elsewhere
            if key == "properties" and not is_rule:
                for name, described in value.items():
                    yield f"{path}.{name}", described
                    yield from iter_properties(described, f"{path}.{name}")
            else:
                yield from iter_properties(value, f"{path}.{key}" if key == "$defs" else path)


def has_few_values(schema: dict[str, Any]) -> bool:
    """True if the schema itself lists the values, or is of keys that have descriptions of their own."""
    choices = [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]
    return all("enum" in choice or "$ref" in choice or choice.get("type") == "boolean" for choice in choices)


def test_it_is_a_json_schema_and_the_copy_in_the_docs_is_equal() -> None:
    meta.validate(build_json_schema())
    assert COPY.read_text(encoding="utf-8") == format_json_schema(), (
        "run: reconcile schema > docs/schema/desired-state.json"
    )


def test_every_key_has_a_description_and_examples() -> None:
    properties = list(iter_properties(build_json_schema()))
    assert len(properties) > 300
    for path, schema in properties:
        assert schema.get("description", "").endswith("."), path
        assert "examples" in schema or has_few_values(schema), path


def test_examples_and_defaults_are_valid() -> None:
    schema = build_json_schema()
    properties = list(iter_properties(schema))
    by_number = {str(number): described for number, (_, described) in enumerate(properties)}
    validator = Draft202012Validator({"properties": by_number, "$defs": schema["$defs"]})  # to make one takes long
    for number, (path, described) in enumerate(properties):
        for value in [*described.get("examples", ()), *([described["default"]] if "default" in described else [])]:
            assert validator.is_valid({str(number): value}), (path, value)


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_validate_and_name_the_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert list_schema_errors(text) == []
    match = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert match
    assert (file.parent / match[1]).resolve() == COPY


@pytest.mark.parametrize("page", list_pages())
def test_yaml_blocks_of_the_docs_validate(page: str) -> None:
    for block in read_blocks(page):
        if block.language == "yaml" and re.match(rf"(?:#.*\n|\s)*(?:{'|'.join(FIRST_KEYS)}):", block.text):
            version = "" if re.search("^version:", block.text, re.MULTILINE) else "version: 1\n"
            assert list_schema_errors(version + block.text) == [], block


@cache
def list_problems(case: Path) -> list[tuple[str, bool]]:
    """Return the message of each expected problem of a broken case, and True if the schema finds it too."""
    files = sorted(case.iterdir()) if case.is_dir() else [case]
    texts = {str(file.relative_to(CORPUS)): file.read_bytes().decode("utf-8-sig", "replace") for file in files}
    spans = [span for name, text in texts.items() for span in list_error_spans(name, text)]
    return [
        (message, any(is_inside(span, name, (int(line), int(column))) for span in spans))
        for name, text in texts.items()
        for line, column, message in EXPECTATION.findall(text)
    ]


@pytest.mark.parametrize("case", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_is_broken_is_found_or_there_is_a_reason(case: Path) -> None:
    missed = [message for message, is_caught in list_problems(case) if not is_caught]
    assert [message for message in missed if not any(part in message for part in NOT_CAUGHT)] == []


def test_each_reason_is_needed() -> None:
    missed = [message for case in CORPUS.iterdir() for message, is_caught in list_problems(case) if not is_caught]
    assert [part for part in NOT_CAUGHT if not any(part in message for message in missed)] == []


@run_examples(30, searched=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=documents())
def test_a_state_that_is_accepted_is_valid(tmp_path: Path, document: dict[str, Any]) -> None:
    text = render_document(document)
    try:
        load([write_file(tmp_path, text)], {"SECRET": "x"}, resolve_secrets=False)
    except DesiredStateError:
        return
    assert list_schema_errors(text) == [], text
