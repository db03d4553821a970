"""Properties of any plan, for any desired state and any instance."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.data_overlap import DataPathIndex
from reconciler.model.desired import Policy
from reconciler.model.fields import QUARANTINE
from reconciler.model.plan import Action, DeleteTorrent, ObjectKind, Verb
from reconciler.model.tags import IGNORE_TAG, PROTECT_TAG
from reconciler.plan import PlanInput, make_plan
from tests.support.planner_inputs import OWNER_TAG
from tests.support.strategies import NOW, cases, make_world


def _actions(case: dict[str, Any]) -> tuple[Action, ...]:
    desired, live = make_world(case)
    return make_plan(PlanInput(desired, {"box": live}, take_over=case["take_over"], now=NOW)).instances[0].actions


@given(cases())
def test_nothing_is_deleted_that_is_not_owned_or_declared_absent(case: dict[str, Any]) -> None:
    desired, live = make_world(case)
    by_id = {torrent.id: torrent for torrent in live.torrents}
    absent = {key for entry in desired.torrents if entry.absent for key in entry.ids}
    for action in _actions(case):
        if action.kind is ObjectKind.TORRENT and action.verb is Verb.DELETE and action.hold is None:
            torrent = by_id[str(action.torrent_id)]
            assert OWNER_TAG in torrent.tags or absent.intersection(torrent.infohashes.ids)
            assert not {PROTECT_TAG, IGNORE_TAG} & torrent.tags
            assert desired.policy is Policy.SYNC


@given(cases())
def test_a_url_that_could_not_be_fetched_deletes_only_what_is_declared_absent(case: dict[str, Any]) -> None:
    ours = [{**row, "tags": [OWNER_TAG]} for row in case["live"]]
    case = case | {"policy": "sync", "live": ours, "desired": [{"url": "torrents.example"}, *case["desired"][1:]]}
    desired, live = make_world(case)
    by_id = {torrent.id: torrent for torrent in live.torrents}
    absent = {key for entry in desired.torrents if entry.absent for key in entry.ids}
    for action in _actions(case):
        if isinstance(action, DeleteTorrent) and action.hold is None:
            assert absent.intersection(by_id[str(action.torrent_id)].infohashes.ids)
        assert action.get_new_value(QUARANTINE) is None


@given(cases())
def test_torrents_neither_declared_nor_owned_are_in_no_plan(case: dict[str, Any]) -> None:
    desired, live = make_world(case)
    declared = {key for entry in desired.torrents for key in entry.ids}
    strangers = {
        torrent.id
        for torrent in live.torrents
        if OWNER_TAG not in torrent.tags and not declared.intersection(torrent.infohashes.ids)
    }
    assert not strangers.intersection(str(action.torrent_id) for action in _actions(case))


@given(cases())
def test_ignored_torrents_are_in_no_plan(case: dict[str, Any]) -> None:
    _, live = make_world(case)
    ignored = {torrent.id for torrent in live.torrents if IGNORE_TAG in torrent.tags}
    touched = {str(action.torrent_id) for action in _actions(case) if action.hold is None}
    assert not ignored & touched


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(case: dict[str, Any], rng: random.Random) -> None:
    desired, live = make_world(case)
    entries, torrents = list(desired.torrents), list(live.torrents)
    rng.shuffle(entries)
    rng.shuffle(torrents)
    first = make_plan(PlanInput(desired, {"box": live}, now=NOW))
    second = make_plan(
        PlanInput(replace(desired, torrents=tuple(entries)), {"box": replace(live, torrents=tuple(torrents))}, now=NOW)
    )
    assert first == second


@given(cases())
def test_every_action_and_every_spared_torrent_has_a_reason(case: dict[str, Any]) -> None:
    desired, live = make_world(case)
    plan = make_plan(PlanInput(desired, {"box": live}, now=NOW)).instances[0]
    assert all(action.reason for action in plan.actions)
    assert all(spared.reason for spared in plan.spared)


@given(cases())
def test_each_torrent_has_at_most_one_action(case: dict[str, Any]) -> None:
    actions = [a for a in _actions(case) if a.kind is ObjectKind.TORRENT and a.hold is None]
    subjects = [action.torrent_id or action.infohash for action in actions]
    assert len(subjects) == len(set(subjects))


@given(cases())
def test_data_shared_with_kept_torrents_is_never_deleted(case: dict[str, Any]) -> None:
    _, live = make_world(case)
    actions = _actions(case)
    by_id = {torrent.id: torrent for torrent in live.torrents}
    gone = {action.torrent_id for action in actions if action.verb is Verb.DELETE and action.hold is None}
    for action in actions:
        if isinstance(action, DeleteTorrent) and action.delete_files and action.hold is None:
            doomed = DataPathIndex([by_id[str(action.torrent_id)]])
            assert not any(doomed.find_overlaps(torrent) for torrent in live.torrents if torrent.id not in gone)


@given(cases())
def test_data_shared_with_torrents_that_stay_is_never_moved(case: dict[str, Any]) -> None:
    _, live = make_world(case)
    actions = [action for action in _actions(case) if action.kind is ObjectKind.TORRENT and action.hold is None]
    by_id = {torrent.id: torrent for torrent in live.torrents}
    leaving = {action.torrent_id for action in actions if action.disruptive or action.verb is Verb.DELETE}
    for action in actions:
        if action.disruptive:
            moved = DataPathIndex([by_id[str(action.torrent_id)]])
            assert not any(moved.find_overlaps(torrent) for torrent in live.torrents if torrent.id not in leaving)


@given(cases())
def test_pruning_deletes_nothing_before_its_quarantine_ends(case: dict[str, Any]) -> None:
    desired, live = make_world(case | {"quarantine": 7})
    absent = {key for entry in desired.torrents if entry.absent for key in entry.ids}
    by_id = {torrent.id: torrent for torrent in live.torrents}
    for action in _actions(case | {"quarantine": 7}):
        if action.kind is ObjectKind.TORRENT and action.verb is Verb.DELETE and action.hold is None:
            torrent = by_id[str(action.torrent_id)]
            over = "reconcile:quarantine:2020-01-01:stopped" in torrent.tags
            assert over or absent.intersection(torrent.infohashes.ids)


@given(cases())
def test_no_category_is_deleted_that_a_torrent_is_in(case: dict[str, Any]) -> None:
    _, live = make_world(case)
    actions = _actions(case)
    changed = {a.torrent_id for a in actions if a.get_new_value("category") is not None or a.verb is Verb.DELETE}
    used = {torrent.category for torrent in live.torrents if torrent.id not in changed}
    used |= {str(action.get_new_value("category")) for action in actions if action.get_new_value("category")}
    for action in actions:
        if action.kind is ObjectKind.CATEGORY and action.verb is Verb.DELETE:
            assert case["prune_categories"] and case["policy"] == "sync"
            assert not any(name == action.name or name.startswith(f"{action.name}/") for name in used)
            assert action.name not in case["declared_categories"]


@given(cases())
def test_no_secret_shows_in_a_plan(case: dict[str, Any]) -> None:
    assert "hunter2" not in repr(_actions(case))


@given(cases())
def test_no_passkey_is_in_a_plan(case: dict[str, Any]) -> None:
    desired, live = make_world(case)
    plan = make_plan(PlanInput(desired, {"box": live}, now=NOW))
    assert "s3cr3t" not in repr(plan)
    assert "s3cr3t" not in repr(live) + repr(desired)
