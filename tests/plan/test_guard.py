"""The limits that tables of cases do not cover, and instances that have lost most of their owned torrents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.fields.names import HELD, PAUSED
from reconciler.model.history import OwnedCount, UnreadFile
from reconciler.model.plan import Action, AddTorrent, Change, Outcome, UpdateTorrent, Verb
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.guard import evaluate_guard, is_removal, list_removals
from reconciler.plan.quarantine import is_quarantine_start
from tests.support.planner_inputs import (
    OWNER_TAG,
    make_desired_state,
    make_snapshot,
    make_v1_hash,
    render_plan_lines,
)
from tests.support.strategies import NOW, cases, make_world

THEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
CASE: dict[str, Any] = {
    "desired": [{"hash": "a"}, {"hash": "b"}],
    "live": [{"hash": "b", "tags": [OWNER_TAG]}, {"hash": "c", "name": "c", "tags": [OWNER_TAG]}],
}
WARNING = (
    "it looks wiped or not fully loaded: of 5 torrents that we owned on 2026-11-01 12:00 UTC it shows 2. "
    "Nothing is deleted, all else goes on; if the loss is meant: --accept-plan {hash}"
)


@pytest.mark.parametrize(("remembered", "blocked"), [(None, False), (2, False), (4, False), (5, True), (1000, True)])
def test_with_less_than_half_of_the_owned_torrents_nothing_is_deleted(remembered: int | None, blocked: bool) -> None:
    desired, live = make_desired_state(CASE), {"box": make_snapshot(CASE["live"], None)}
    remembered_counts = {"box": OwnedCount(remembered, THEN)} if remembered is not None else {}
    plan = make_plan(PlanInput(desired, live, remembered=remembered_counts))
    add, delete = plan.instances[0].actions
    assert (add.verb, add.hold) == (Verb.ADD, None), "what is missing is added again"
    assert (delete.verb, delete.hold) == (Verb.DELETE, Outcome.BLOCKED if blocked else None)
    assert plan.instances[0].verdict.refused is False
    assert plan.hash == make_plan(PlanInput(desired, live)).hash, (
        "what is remembered does not change what a person approves"
    )
    if remembered == 5:
        assert plan.instances[0].verdict.reasons == (WARNING.format(hash=plan.hash),)
        assert delete.reason == "no longer declared, but the instance looks wiped"


def test_the_approved_plan_deletes() -> None:
    desired, live = make_desired_state(CASE), {"box": make_snapshot(CASE["live"], None)}
    remembered_counts = {"box": OwnedCount(100, THEN)}
    accepted = make_plan(
        PlanInput(desired, live, remembered=remembered_counts, accept=make_plan(PlanInput(desired, live)).hash)
    )
    assert render_plan_lines(accepted.instances[0]) == render_plan_lines(
        make_plan(PlanInput(desired, live)).instances[0]
    )
    other = make_plan(PlanInput(desired, live, remembered=remembered_counts, accept="sha256:" + "0" * 64))
    assert other.instances[0].actions[1].hold is Outcome.BLOCKED


@given(cases(), st.integers(0, 40))
def test_remembered_counts_only_hold_deletions_back(case: dict[str, Any], owned: int) -> None:
    desired, live = make_world(case)
    plain = make_plan(PlanInput(desired, {"box": live}, now=NOW)).instances[0]
    held = make_plan(PlanInput(desired, {"box": live}, now=NOW, remembered={"box": OwnedCount(owned, THEN)})).instances[
        0
    ]

    def removes(action: Action) -> bool:
        return action.verb is Verb.DELETE or is_quarantine_start(action)

    def others(instance_plan: Any) -> list[Any]:
        return [action for action in instance_plan.actions if not removes(action)]

    assert others(held) == others(plain)
    assert len(held.actions) == len(plain.actions)
    free = [action for action in held.actions if removes(action) and action.hold is None]
    assert all(action in plain.actions for action in free)
    assert not (free and plain.owned * 2 < owned)


@given(cases())
def test_the_guard_judges_a_plan_as_if_it_had_no_adds(case: dict[str, Any]) -> None:
    desired, live = make_world(case)
    actions = make_plan(PlanInput(desired, {"box": live}, now=NOW)).instances[0].actions
    adds = [action for action in actions if isinstance(action, AddTorrent)]
    assert not any(is_removal(action) or action.disruptive or action.blast for action in adds)
    assert list_removals(actions) == [action for action in actions if is_removal(action)]
    for owned in (0, 30):
        others = [action for action in actions if action not in adds]
        verdict, verdict_without = (evaluate_guard(judged, owned, desired) for judged in (actions, others))
        assert verdict == verdict_without and verdict.counts == verdict_without.counts


def test_a_wiped_instance_starts_no_quarantine_and_prunes_no_category() -> None:
    desired = make_desired_state({**CASE, "quarantine": 7, "prune_categories": True})
    live = {"box": make_snapshot(CASE["live"], {"of the torrents that are not loaded": "/d"})}
    plan = make_plan(PlanInput(desired, live, now=NOW, remembered={"box": OwnedCount(100, THEN)}))
    assert [(a.verb, a.name, a.hold) for a in plan.instances[0].actions] == [
        (Verb.DELETE, "of the torrents that are not loaded", Outcome.BLOCKED),
        (Verb.ADD, "a", None),
        (Verb.UPDATE, "c", Outcome.BLOCKED),
    ]


PAUSE = UpdateTorrent("t", "paused differs", (Change(PAUSED, False, True),), torrent_id="a" * 40)


@pytest.mark.parametrize(
    ("updates", "owned", "most", "reason"),
    [
        (10, 20, 50, None),
        (11, 20, 50, "11 of 20 owned torrents (55 %) to change are more than max_update_percent 50"),
        (19, 19, 50, None),
        (20, 20, None, None),
        (1, 20, 0, "1 of 20 owned torrents (5 %) to change are more than max_update_percent 0"),
    ],
)
def test_max_update_percent(updates: int, owned: int, most: int | None, reason: str | None) -> None:
    desired = make_desired_state({"desired": [{"hash": "a"}], "guard": {"max_update_percent": most}})
    verdict = evaluate_guard([PAUSE] * updates, owned, desired)
    assert verdict.reasons == ((reason,) if reason else ())
    assert verdict.refused is bool(reason)


@pytest.mark.parametrize(
    "action",
    [
        replace(PAUSE, urgent=True),
        replace(PAUSE, changes=(Change(PAUSED, True, False), Change(HELD, "running", None))),
        replace(PAUSE, hold=Outcome.DEFERRED),
    ],
    ids=["the kill switch stops", "the kill switch starts again", "held"],
)
def test_max_update_percent_does_not_count(action: Action) -> None:
    desired = make_desired_state({"desired": [{"hash": "a"}], "guard": {"max_update_percent": 0}})
    assert evaluate_guard([action] * 20, 20, desired).refused is False


UNREAD: dict[str, Any] = {
    "guard": {"max_delete": 100, "max_delete_percent": 100},
    "desired": [{"hash": "a"}, {"hash": "b"}, {"hash": "x", "state": "absent"}],
    "live": [{"hash": key, "name": key, "tags": [OWNER_TAG]} for key in "abcdex"],
}


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("", None),
        ("ab", None),
        ("f", None),
        ("x", None),
        ("c", "1 of the torrents to delete was declared in old.yaml, which this run did not read"),
        ("cdef", "3 torrents to delete were declared in old.yaml, which this run did not read"),
        ("bcd", "2 torrents to delete were declared in old.yaml, which this run did not read"),
        ("abc", None),
        ("bc", None),
    ],
)
def test_what_an_unread_file_declared_is_not_deleted_unless_most_of_it_is_declared_elsewhere(
    declared: str, reason: str | None
) -> None:
    desired, live = make_desired_state(UNREAD), {"box": make_snapshot(UNREAD["live"])}
    files = (UnreadFile("old.yaml", frozenset(map(make_v1_hash, declared))),)
    plan = make_plan(PlanInput(desired, live, unread_files={"box": files}))
    reasons = plan.instances[0].verdict.reasons
    assert reasons == ((f"{reason}. Name it with -f or in include",) if reason else ())
    assert plan.instances[0].verdict.refused is bool(reason)
    assert plan.hash == make_plan(PlanInput(desired, live)).hash
    accepted = make_plan(PlanInput(desired, live, unread_files={"box": files}, accept=plan.hash))
    assert not accepted.instances[0].verdict.refused
    other = make_plan(PlanInput(desired, live, unread_files={"elsewhere": files}))
    assert not other.instances[0].verdict.refused


def test_of_many_unread_files_only_those_with_the_most_deletions_are_named() -> None:
    keys = [f"{number:x}" for number in range(16)]
    case = {**UNREAD, "live": [{"hash": key, "name": key, "tags": [OWNER_TAG]} for key in keys]}
    names = [["d", "e"], ["c"], *([key] for key in "013456")]
    files = tuple(UnreadFile(f"{ids[0]}.yaml", frozenset(map(make_v1_hash, ids))) for ids in names)
    plan_input = PlanInput(make_desired_state(case), {"box": make_snapshot(case["live"])}, unread_files={"box": files})
    *named, last = make_plan(plan_input).instances[0].verdict.reasons
    assert [reason.partition(", which")[0].rpartition(" ")[2] for reason in named] == [
        *("d.yaml", "0.yaml", "1.yaml", "3.yaml", "4.yaml")
    ]
    assert last == "3 torrents to delete were declared in 3 more files that were not read"


def test_the_verdict_has_all_that_was_counted_with_its_limit() -> None:
    live = [{"hash": key, "name": key, "tags": [OWNER_TAG]} for key in "0123456789abcdef"]
    desired = make_desired_state(
        {"desired": [{"hash": key} for key in "3456789abcdef"], "guard": {"max_delete": 5, "max_delete_percent": 12.5}}
    )
    plan = make_plan(PlanInput(desired, {"box": make_snapshot(live)}))
    verdict = plan.instances[0].verdict
    assert [(count.subject, count.value, count.limit_name, count.limit) for count in verdict.counts] == [
        ("deletions", 3, "max_delete", 5),
        ("deletions with data", 0, "max_delete_files", 5),
        ("owned torrents to delete", 18.75, "max_delete_percent", 12.5),
        ("quarantines", 0, "max_delete", 5),
        ("owned torrents to quarantine", 0.0, "max_delete_percent", 12.5),
        ("deletions of categories", 0, "max_delete", 5),
        ("torrents to move", 0, "max_move", 10),
    ]
    assert [count.subject for count in verdict.counts if count.is_exceeded] == ["owned torrents to delete"]
    assert verdict.reasons == ("3 of 16 owned torrents (19 %) are more than max_delete_percent 12.5",)
    accepted = make_plan(PlanInput(desired, {"box": make_snapshot(live)}, accept=plan.hash)).instances[0].verdict
    assert not accepted.refused and accepted.counts == verdict.counts
