"""The entries that an import makes of live torrents, and the torrents that it skips."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.desired.render import EntrySource, ImportedEntry, SkippedTorrent
from reconciler.model.errors import RejectedError
from reconciler.model.snapshot import AddOptions, Snapshot
from reconciler.queries.import_entries import (
    ImportFilter,
    SourceBuilder,
    entries_of,
    find_undeclared_categories,
    may_hold_passkey,
)
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_desired_state, make_live_torrent, make_snapshot, make_v1_hash
from tests.support.torrents import make_torrent

EVERYTHING = ImportFilter("imported.yaml")


def make_magnet_source() -> SourceBuilder:
    return SourceBuilder(MemoryInstance(), fake_retry_policy(), None)


@pytest.mark.parametrize(
    ("import_filter", "matches"),
    [
        (EVERYTHING, True),
        (ImportFilter("f", categories=("films", "linux")), True),
        (ImportFilter("f", categories=("",)), False),
        (ImportFilter("f", tags=("x", "y")), True),
        (ImportFilter("f", tags=("z",)), False),
        (ImportFilter("f", categories=("films",), tags=("x",)), False),
    ],
)
def test_a_torrent_must_match_both_parts_of_a_filter(import_filter: ImportFilter, matches: bool) -> None:
    assert import_filter.matches(make_live_torrent({"hash": "a", "category": "linux", "tags": ["x"]})) is matches


def test_declared_foreign_ignored_and_quarantined_torrents_are_skipped() -> None:
    desired = make_desired_state({"desired": [{"hash": "a"}]})
    marks = ["reconcile:work", "reconcile:ignore", "reconcile:quarantine:2026-01-01", "reconcile:home"]
    rows = [{"hash": letter, "tags": [mark]} for letter, mark in zip("bcde", marks, strict=True)]
    snapshot = make_snapshot([{"hash": "a"}, *rows])
    imports = list(entries_of(desired, EVERYTHING, "box", snapshot, make_magnet_source()))
    assert [(item.name, item.reason) for item in imports if isinstance(item, SkippedTorrent)] == [
        ("a", "declared already"),
        ("b", 'it belongs to the owner "work"'),
        ("c", "it has the tag reconcile:ignore"),
        ("d", "it is in quarantine; declaring it would bring it back"),
    ]
    assert [item.infohash for item in imports if isinstance(item, ImportedEntry)] == [make_v1_hash("e")]


@pytest.mark.parametrize(("instances", "keys"), [(["box"], {}), (["box", "other"], {"instance": "box"})])
def test_an_entry_names_its_instance_only_if_there_are_several(instances: list[str], keys: dict[str, str]) -> None:
    desired, snapshot = make_desired_state({"instances": instances}), make_snapshot([{"hash": "a", "size": 2**30}])
    (item,) = entries_of(desired, EVERYTHING, "box", snapshot, make_magnet_source())
    assert isinstance(item, ImportedEntry)
    assert {key: value for key, value in item.entry.keys.items() if key == "instance"} == keys
    assert (item.entry.comments[0], item.size) == ("a, 1.0 GiB", 2**30)


def test_the_source_is_the_saved_file_if_the_torrent_has_metadata() -> None:
    box, data, saved = MemoryInstance(), make_torrent(7), {}
    box.add_torrent_files({"a": data}, AddOptions(stopped=True, auto_tmm=False))
    box.add_magnets([f"magnet:?xt=urn:btih:{make_v1_hash('a')}&dn=a"], AddOptions(stopped=True, auto_tmm=False))
    with_file, without_file = box.torrents.values()

    def save(infohash: str, content: bytes) -> str:
        saved[infohash] = content
        return f"torrents/{infohash}.torrent"

    builder = SourceBuilder(box, fake_retry_policy(), save)
    assert builder.build_source(with_file) == EntrySource("torrent", f"torrents/{with_file.id}.torrent")
    assert saved == {with_file.id: data}
    assert builder.build_source(without_file) == EntrySource("magnet", f"magnet:?xt=urn:btih:{make_v1_hash('a')}&dn=a")


def test_a_torrent_that_cannot_be_exported_raises() -> None:
    box = MemoryInstance()
    box.fail_next(1, RejectedError("box: refused", 409))
    builder = SourceBuilder(box, fake_retry_policy(), lambda infohash, content: infohash)
    with pytest.raises(RejectedError, match="box: refused"):
        builder.build_source(make_live_torrent({"hash": "a"}))


def read_categories(**categories: Any) -> Snapshot:
    return make_snapshot([], categories)


def test_undeclared_categories_are_found_for_each_instance() -> None:
    desired = make_desired_state({"instances": ["a", "b"], "declared_categories": {"known": "/known"}})
    snapshots = {
        "a": read_categories(same=["/s", "/inc"], differs="/d1", only_a="/a", known="/known", odd="relative"),
        "b": read_categories(same=["/s", False], differs="/d2", known="/known"),
    }
    assert find_undeclared_categories(desired, snapshots) == {
        "a": {
            "same": {"save_path": "/s", "download_path": "/inc"},
            "differs": {"save_path": "/d1"},
            "only_a": {"save_path": "/a"},
        },
        "b": {"same": {"save_path": "/s"}, "differs": {"save_path": "/d2"}},
    }
    assert find_undeclared_categories(desired, {"b": snapshots["b"]}).keys() == {"b"}


@pytest.mark.parametrize(
    ("key", "tracker", "expected"),
    [
        ("magnet", "http://tracker/announce", False),
        ("magnet", "http://tracker/0123456789abcdef/announce", True),
        ("torrent", "http://tracker/0123456789abcdef/announce", False),
    ],
)
def test_a_link_with_an_unusual_tracker_may_hold_a_passkey(key: str, tracker: str, expected: bool) -> None:
    source = EntrySource(key, f"magnet:?xt=urn:btih:{make_v1_hash('a')}&tr={tracker}")
    assert may_hold_passkey(source) is expected


def test_a_broken_link_holds_no_passkey() -> None:
    assert not may_hold_passkey(EntrySource("magnet", "magnet:?tr=http://tracker/0123456789abcdef"))


def test_a_torrent_whose_check_hides_the_stop_intent_is_skipped() -> None:
    snapshot = make_snapshot([{"hash": "a", "state": "checkingUP"}])
    (skipped,) = entries_of(make_desired_state({}), EVERYTHING, "box", snapshot, make_magnet_source())
    assert isinstance(skipped, SkippedTorrent)
    assert skipped.reason == "it is being checked, which hides whether it is stopped; import it when that is over"
