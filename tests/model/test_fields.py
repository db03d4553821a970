"""The registry of fields is complete, and the only list of fields that the package has."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

import reconciler
from reconciler.model.fields import (
    CREATE_ONLY_OPTIONS,
    FIELD_ORDER,
    FIELDS,
    HELD,
    OPTIONS,
    PROPERTIES,
    SAVE_PATH,
    TAGS,
    ChangeRequest,
    FieldKind,
    change_tags_to_add,
    change_tags_to_remove,
    entry_key_of,
    is_applied,
    list_ignorable_keys,
    list_options_set_by,
    sort_changes,
)
from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import AddTorrent, Change, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import HELD_FORCED_TAG, HELD_TAG

PACKAGE: Final = Path(reconciler.__file__).parent
MAX_FILES_NAMING_A_FIELD: Final = (
    8  # the schema, the server's rows, the API calls, the in-memory server, the registry, …
)
TORRENT: Final = LiveTorrent(
    "a" * 40, InfoHashes("a" * 40), "debian.iso", False, "uploading", "linux", frozenset({"iso"}), "/data"
)


def find_files_with_literal(text: str) -> list[str]:
    """Return the files of the package that contain a string constant with exactly this value."""
    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    return sorted(
        str(path.relative_to(PACKAGE))
        for path, source in sources.items()
        if text in source  # the others need not be parsed
        and any(isinstance(node, ast.Constant) and node.value == text for node in ast.walk(ast.parse(source)))
    )


def test_few_files_name_a_field_by_a_literal() -> None:
    files = find_files_with_literal(SAVE_PATH)
    assert "model/fields.py" in files
    assert len(files) <= MAX_FILES_NAMING_A_FIELD, files


def test_every_field_has_one_place_in_plans() -> None:
    assert sorted(FIELD_ORDER) == sorted(FIELDS)
    changes = tuple(Change(name, None, True) for name in FIELD_ORDER)
    assert sort_changes(changes[::-1]) == changes


@pytest.mark.parametrize("name", [*PROPERTIES, *OPTIONS])
def test_a_declarable_value_is_read_from_a_live_torrent(name: str) -> None:
    field = FIELDS[name]
    assert field.matches(TORRENT, field.read(TORRENT))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_set_by_one_kind_of_request(name: str) -> None:
    assert [request for request in ChangeRequest if name in list_options_set_by(request)] == [OPTIONS[name].request]


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_with_its_default_is_not_imported(name: str) -> None:
    read_import = OPTIONS[name].import_value
    assert read_import
    assert read_import(replace(TORRENT, comment="")) is None


def test_what_only_an_add_sets_is_neither_compared_nor_ignorable() -> None:
    for name, field in CREATE_ONLY_OPTIONS.items():
        assert field.kind is FieldKind.CREATE_ONLY
        assert field.diff is None
        assert entry_key_of(name) not in list_ignorable_keys()


def test_a_change_of_tags_adds_and_removes_only_the_difference() -> None:
    change = Change(TAGS, ("iso", "old"), ("iso", "new"))
    assert change_tags_to_add(change) == {"new"}
    assert change_tags_to_remove(change) == {"old"}


def test_a_release_removes_every_tag_of_the_kill_switch() -> None:
    assert change_tags_to_remove(Change(HELD, "running", None)) == {HELD_TAG, HELD_FORCED_TAG}
    assert change_tags_to_add(Change(HELD, None, "forced")) == {HELD_FORCED_TAG}


def test_an_add_that_is_being_checked_counts_as_stopped() -> None:
    """It stops when its data has been checked. A stop that was sent shows at once."""
    stop, checked = Change("paused", None, True), replace(TORRENT, state="checkingDL")
    assert is_applied(stop, checked, AddTorrent("a", ""))
    assert not is_applied(stop, checked, UpdateTorrent("a", ""))
    assert not is_applied(stop, TORRENT, AddTorrent("a", ""))
