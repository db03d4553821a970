"""Builders of actions, and the reasons that they give."""

from __future__ import annotations

from reconciler.model.plan import AdoptTorrent, Change, Outcome
from reconciler.plan.actions import (
    build_add_action,
    build_held_delete,
    build_live_update,
    build_spared,
    build_update_action,
    drift_reason,
)
from tests.support.planner_inputs import make_content_entry, make_desired_torrent, make_live_torrent, make_v1_hash

SAVE_PATH_CHANGE = Change("save_path", "/downloads", "/d")


def _make_changes(*fields: str) -> tuple[Change, ...]:
    return tuple(Change(field, None, "x") for field in fields)


def test_a_reason_names_up_to_four_fields_and_counts_more() -> None:
    assert drift_reason(_make_changes("name")) == "name differs"
    assert drift_reason(_make_changes("name", "tags", "paused", "category")) == (
        "name and tags and paused and category differ"
    )
    assert drift_reason(_make_changes("name", "tags", "paused", "category", "protect")) == "5 fields differ"
    assert drift_reason((), "declared") == "declared"
    assert drift_reason(_make_changes("name"), "declared") == "declared; name differs"


def test_a_reason_says_that_a_quarantine_ends() -> None:
    ends = Change("quarantine", ("2026-11-28",), ())
    assert drift_reason([ends]) == "declared again: its quarantine ends"
    assert drift_reason([ends, Change("paused", True, False)]) == "declared again: its quarantine ends; paused differs"


def test_an_add_carries_the_unmasked_trackers_only_if_they_are_among_the_changes() -> None:
    tracker = "https://t.example/0123456789abcdef/announce"
    entry = make_desired_torrent({"hash": "a", "trackers": [tracker]}, 3)
    assert build_add_action(entry, "new", _make_changes("trackers")).added_urls == {"trackers": (tracker,)}
    action = build_add_action(entry, "new", _make_changes("name"), Outcome.BLOCKED)
    assert (action.added_urls, action.hold, action.name, action.infohash) == (
        {},
        Outcome.BLOCKED,
        "a",
        make_v1_hash("a"),
    )


def test_an_update_carries_only_the_trackers_that_the_torrent_lacks() -> None:
    entry = make_desired_torrent({"hash": "a", "trackers": ["udp://one.example:1", "udp://two.example:2"]}, 1)
    live_torrent = make_live_torrent({"hash": "a", "trackers": ["udp://one.example:1"]})
    action = build_update_action(entry, live_torrent, "trackers differ", _make_changes("trackers"))
    assert action.added_urls == {"trackers": ("udp://two.example:2",)}


def test_an_update_is_disruptive_only_if_there_is_data_to_move() -> None:
    entry = make_desired_torrent({"hash": "a", "save_path": "/d"}, 1)
    with_data, without_data = make_live_torrent({"hash": "a", "is": "half"}), make_live_torrent({"hash": "a"})
    assert build_update_action(entry, with_data, "x", (SAVE_PATH_CHANGE,)).disruptive is True
    assert build_update_action(entry, without_data, "x", (SAVE_PATH_CHANGE,)).disruptive is False
    absent = build_update_action(entry, None, "x", (SAVE_PATH_CHANGE,), action_type=AdoptTorrent)
    assert (type(absent), absent.disruptive, absent.torrent_id) == (AdoptTorrent, False, None)


def test_an_add_from_content_is_created_and_exports_only_if_that_is_among_the_changes() -> None:
    entry = make_content_entry({"content": "/data/film", "export": "film.torrent"}, 1, [])
    action = build_add_action(entry, "not created yet", _make_changes("export"))
    assert action.creation is not None
    assert (action.creation.path, action.infohash, action.export_path) == ("/data/film", None, "/here/film.torrent")
    assert build_add_action(entry, "not created yet").export_path is None


def test_a_held_deletion_never_deletes_data() -> None:
    entry = make_desired_torrent({"hash": "a", "state": "absent", "delete_files": True}, 4)
    live_torrent = make_live_torrent({"hash": "a", "name": "Film"})
    action = build_held_delete(entry, live_torrent, "declared absent", Outcome.BLOCKED)
    assert (action.name, action.hold, action.delete_files, action.position) == (
        "Film",
        Outcome.BLOCKED,
        False,
        entry.position,
    )
    assert build_held_delete(entry, None, "declared absent", Outcome.DEFERRED).torrent_id is None


def test_an_action_on_a_live_torrent_has_its_name_and_no_position() -> None:
    live_torrent = make_live_torrent({"hash": "a", "name": "Film", "id": "f" * 40})
    action, spared = build_live_update(live_torrent, (SAVE_PATH_CHANGE,), "x"), build_spared(live_torrent, "y")
    assert (action.name, action.position, action.infohash, action.torrent_id) == (
        "Film",
        None,
        make_v1_hash("a"),
        "f" * 40,
    )
    assert (spared.name, spared.infohash, spared.reason) == ("Film", make_v1_hash("a"), "y")
