"""The values that an entry declares, with which it adds a torrent, and where a live torrent differs."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.fields.entry_values import (
    build_initial_changes,
    iter_importable_values,
    list_differences,
    read_declared_values,
    read_initial_values,
)
from reconciler.model.fields.names import CATEGORY, COMMENT, NAME, PAUSED, SAVE_PATH, SHARE_LIMITS
from reconciler.model.fields.registry import FIELD_ORDER
from reconciler.model.plan import Change
from tests.support.field_examples import TORRENT, make_entry

V4_2, V5_3 = (2, 4, 0), (2, 16, 2)
ENTRY = make_entry(name="iso", category="linux", save_path="/data", options={"upload_limit": 1024, COMMENT: "mine"})


def test_an_add_sets_the_declared_fields_in_plan_order_and_starts() -> None:
    values = read_initial_values(ENTRY)
    assert dict(values) == {
        NAME: "iso",
        CATEGORY: "linux",
        SAVE_PATH: "/data",
        PAUSED: False,
        "upload_limit": 1024,
        COMMENT: "mine",
    }
    assert [name for name, _ in values] == sorted(dict(values), key=FIELD_ORDER.index)


def test_entries_that_declare_the_same_share_their_changes() -> None:
    changes = build_initial_changes(ENTRY)
    assert changes[0] == Change(NAME, None, "iso")
    assert build_initial_changes(replace(ENTRY, instance="attic")) is changes


def test_what_is_not_declared_has_no_value() -> None:
    assert read_declared_values(make_entry()) == {}
    assert read_declared_values(make_entry(category="")) == {CATEGORY: ""}, "no category is declared"


def test_only_declared_fields_that_differ_and_are_not_ignored_are_listed() -> None:
    assert list_differences(make_entry(), TORRENT) == []
    assert list_differences(ENTRY, replace(TORRENT, comment="mine")) == [
        (NAME, "debian.iso", "iso"),
        ("upload_limit", 0, 1024),
    ]
    entry = make_entry(options={f"{SHARE_LIMITS}.ratio": 2.0}, name="iso", ignore_changes=frozenset({SHARE_LIMITS}))
    assert [name for name, *_ in list_differences(entry, TORRENT)] == [NAME]


def test_an_import_leaves_out_defaults_and_what_the_server_cannot_set() -> None:
    live = replace(TORRENT, comment="mine")
    assert dict(iter_importable_values(live, V5_3)) == {
        CATEGORY: "linux",
        "tags": ("iso",),
        SAVE_PATH: "/data",
        COMMENT: "mine",
    }
    assert COMMENT not in dict(iter_importable_values(live, V4_2))
