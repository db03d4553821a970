"""Adds: what goes with them, what prevents them, and that the add of one entry is like the add of another."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.desired import DesiredTorrent, Policy
from reconciler.model.groups import ActionPlacement
from reconciler.model.plan import Action, AddTorrent, Change, Outcome
from reconciler.plan.adds import NO_FACTS, EntryFacts, build_add, plan_add, plan_adds, unaddable_reason
from reconciler.plan.assignment import Assignment, Disposition
from reconciler.plan.match import Match
from reconciler.plan.torrents import plan_entry
from tests.support.planner_inputs import CONTEXT, make_content_entry, make_desired_torrent, make_snapshot
from tests.support.strategies import entry_rows

SNAPSHOT = make_snapshot([])
FILM_ROW = {"content": "/data/film", "name": "film", "instance": "attic"}
FILM = make_content_entry(FILM_ROW, 7, [])
COPY = make_content_entry({"content_of": "film"}, 8, [FILM_ROW])


def _declare(**row: Any) -> DesiredTorrent:
    return make_desired_torrent({"hash": "a", **row}, 1)


def test_a_missing_torrent_is_added_with_our_owner_tag_under_every_policy() -> None:
    for policy in Policy:
        context = replace(CONTEXT, policy=policy)
        (action,) = plan_entry(Match(_declare(category="c")), context, SNAPSHOT)
        assert isinstance(action, AddTorrent)
        assert action.hold is None
        assert action.changes == (
            Change("owner", None, "home"),
            Change("category", None, "c"),
            Change("paused", None, False),
        )


@given(entry_rows(), st.sampled_from(("4.2.5", "4.5.2", "5.1.0")))
def test_an_add_is_the_same_whatever_is_planned_with_it(rows: list[dict[str, Any]], version: str) -> None:
    entries = [entry for row in rows[:1] for entry in _declare_similar(row)]
    for preferences in ({}, {"save_path": "C:\\data"}):
        snapshot = make_snapshot([], preferences=preferences, version=version)
        alone = [action for entry in entries for action in plan_add(entry, CONTEXT, snapshot, NO_FACTS)]
        together = plan_adds(map(Match, entries), CONTEXT, snapshot)
        assert sorted(together, key=_find_line) == alone


def _find_line(action: Action) -> int:
    assert action.position
    return action.position.line


def _declare_similar(row: dict[str, Any]) -> list[DesiredTorrent]:
    """Return entries for several torrents, each with all keys of the row but one."""
    rows = [{key: value for key, value in row.items() if key != left_out} for left_out in row]
    own_keys = (
        {"hash": row["hash"], "source": row["source"]},
        {"hash": "e", "source": "magnet", "name": None},
        {"hash": "g", "source": "magnet", "name": None},
        {"hash": "h2", "source": "magnet", "name": None},
        {"hash": "f", "source": "magnet", "name": "film"},
        {"hash": "1:v1", "source": "torrent", "name": None},
    )
    return [make_desired_torrent(similar | own, line) for line, (similar, own) in enumerate(product(rows, own_keys))]


def test_adds_that_differ_only_in_their_torrents_share_what_they_have_in_common() -> None:
    tags = {"a": "t", "b": "u", "c": "u", "d": "t"}
    rows = [{"hash": letter, "tags": [tag], "trackers": ["http://t.example/1"]} for letter, tag in tags.items()]
    matches = [Match(make_desired_torrent(row, line)) for line, row in enumerate(rows, 1)]
    first, last, other, same = plan_adds(matches, CONTEXT, SNAPSHOT)
    assert [action.name for action in (first, last, other, same)] == ["a", "d", "b", "c"]
    assert isinstance(first, AddTorrent)
    assert isinstance(last, AddTorrent)
    assert first.added_urls is last.added_urls, "only the first add is planned"
    assert other.changes is same.changes
    assert other.changes != first.changes


def test_adds_of_a_group_that_are_alike_have_their_own_placements() -> None:
    assignments = [Assignment("box", Disposition.WANTED, reason) for reason in ("the first", "the second")]
    entries = [make_desired_torrent({"hash": letter, "instance": "pool"}, 1) for letter in "ab"]
    actions = plan_adds(map(Match.assign, map(Match, entries), assignments), CONTEXT, SNAPSHOT)
    placements = [action.placement for action in actions if isinstance(action, AddTorrent)]
    assert placements == [ActionPlacement("pool", "the first"), ActionPlacement("pool", "the second")]


def test_adds_that_set_the_same_share_one_tuple_of_changes() -> None:
    rows = ({"hash": "a", "tags": ["t"]}, {"hash": "b", "tags": ["t"]}, {"hash": "c", "tags": ["u"]})
    entries = [make_desired_torrent(row, 1) for row in rows]
    first, second, other = (build_add(entry, CONTEXT, SNAPSHOT, "missing")[0].changes for entry in entries)
    assert first is second
    assert other != first


def test_a_torrent_that_is_only_known_by_its_infohash_cannot_be_added() -> None:
    (action,) = plan_entry(Match(_declare(source="infohash")), CONTEXT, SNAPSHOT)
    assert isinstance(action, AddTorrent)
    assert action.hold is Outcome.BLOCKED
    assert action.reason.startswith("not on the instance, and an infohash alone cannot be added")


def test_an_unavailable_torrent_is_added_later() -> None:
    facts = EntryFacts(unavailable="its .torrent file could not be read")
    (action,) = plan_entry(Match(_declare()), CONTEXT, SNAPSHOT, facts)
    assert isinstance(action, AddTorrent)
    assert action.hold is Outcome.DEFERRED
    assert action.reason == "its .torrent file could not be read"


def test_a_v2_torrent_needs_a_server_that_supports_it() -> None:
    entry, old_server = make_desired_torrent({"hash": "a2"}, 1), make_snapshot([], version="4.2.5")
    assert unaddable_reason(entry, old_server) == (
        "unsupported: qBittorrent v4.2.5 has no v2 torrents; 4.4 and later do"
    )
    assert unaddable_reason(entry, SNAPSHOT) is None
    assert unaddable_reason(make_desired_torrent({"hash": "a+a2"}, 1), old_server) is None


def test_a_copy_is_downloaded_from_the_instance_of_its_content() -> None:
    copy = replace(COPY, infohashes=_declare().infohashes, source=_declare().source)
    (action,) = plan_entry(Match(copy), CONTEXT, SNAPSHOT, EntryFacts(peer="192.0.2.1:6881"))
    assert isinstance(action, AddTorrent)
    assert (action.peer_address, action.get_new_value("peer")) == ("192.0.2.1:6881", "attic")
    (other,) = plan_entry(Match(_declare()), CONTEXT, SNAPSHOT, EntryFacts(peer="192.0.2.1:6881"))
    assert isinstance(other, AddTorrent)
    assert other.peer_address is None


def test_a_paused_magnet_with_rules_for_files_stops_once_its_metadata_has_arrived() -> None:
    rules = [{"match": "*.nfo", "priority": "skip"}]
    (action,) = plan_entry(Match(_declare(paused=True, files=rules)), CONTEXT, SNAPSHOT)
    assert action.reason == ("not on the instance; the priorities of its files are set once its metadata has arrived")
    assert isinstance(action, AddTorrent)
    assert action.get_new_value("stop_condition") == "metadata-received"


def test_a_magnet_carries_its_web_seeds_to_a_server_that_cannot_set_them() -> None:
    entry = _declare(web_seeds=["http://seed.example/film"])
    (action,) = plan_entry(Match(entry), CONTEXT, make_snapshot([], version="4.5.2"))
    assert isinstance(action, AddTorrent)
    assert action.added_urls == {"web_seeds": ("http://seed.example/film",)}


def test_an_add_names_the_task_that_created_its_torrent() -> None:
    content = replace(FILM, infohashes=_declare().infohashes, source=_declare().source)
    (action,) = plan_entry(Match(content), CONTEXT, SNAPSHOT, EntryFacts(task="task-1"))
    assert isinstance(action, AddTorrent)
    assert action.creator_task_id == "task-1"
