"""Surplus copies: deleted without data, as slowly as the guard allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.model.desired import Policy
from reconciler.model.groups import KeptCopy
from reconciler.model.plan import Change, DeleteTorrent, SparedTorrent
from reconciler.plan.assignment import Assignment, Disposition
from reconciler.plan.context import Decision, PlanContext
from reconciler.plan.surplus import SurplusCopy, defer_move, plan_surplus_copies
from tests.support.planner_inputs import (
    CONTEXT,
    OWNER_TAG,
    make_desired_state,
    make_desired_torrent,
    make_live_torrent,
    make_v1_hash,
)

KEEPER = KeptCopy("attic", make_v1_hash("a"), 100)
SURPLUS = Assignment("box", Disposition.SURPLUS, "complete on attic", KEEPER)


def _make_copy(letter: str = "a", assignment: Assignment = SURPLUS, **row: Any) -> SurplusCopy:
    entry = make_desired_torrent({"hash": letter, "instance": "all"}, 3)
    live_torrent = make_live_torrent({"hash": letter, "is": "whole", "tags": [OWNER_TAG], **row})
    return SurplusCopy(entry, live_torrent, assignment)


def _plan(
    *copies: SurplusCopy, context: PlanContext = CONTEXT, max_delete: int = 10, planned: tuple[DeleteTorrent, ...] = ()
) -> list[Decision]:
    desired = make_desired_state({"desired": [{"hash": "a"}], "guard": {"max_delete": max_delete}})
    return plan_surplus_copies(copies, planned, 5, desired, context)


def test_a_surplus_copy_is_deleted_and_its_data_stays_even_if_data_is_deleted_elsewhere() -> None:
    (action,) = _plan(_make_copy(), context=replace(CONTEXT, delete_files=True))
    assert isinstance(action, DeleteTorrent)
    assert (action.delete_files, action.hold) == (False, None)
    assert action.changes == (Change("owner", "home", None),)
    assert action.reason == "surplus: complete on attic"
    assert action.placement is not None
    assert (action.placement.group, action.placement.kept_copy) == ("all", KEEPER)


def test_a_copy_is_spared_with_the_reason() -> None:
    leaving = Assignment("box", Disposition.LEAVING, "attic has 50 % of it")
    decisions = _plan(
        _make_copy(tags=[]),
        _make_copy(tags=[OWNER_TAG, "reconcile:protect"]),
        _make_copy(tags=[OWNER_TAG, "reconcile:amy"]),
        _make_copy(assignment=leaving),
    )
    assert [decision.reason for decision in decisions] == [
        "all: surplus, but not ours: complete on attic",
        "all: surplus: complete on attic; but it has the tag reconcile:protect",
        'all: surplus: complete on attic; but it belongs to the owner "amy" as well',
        "all: attic has 50 % of it",
    ]
    assert all(isinstance(decision, SparedTorrent) for decision in decisions)


def test_only_the_policy_sync_deletes_a_copy() -> None:
    (decision,) = _plan(_make_copy(), context=replace(CONTEXT, policy=Policy.UPSERT))
    assert decision == SparedTorrent(
        make_v1_hash("a"), "a", "all: surplus: complete on attic; but policy upsert does not delete"
    )


def test_the_guard_limits_the_deletions_of_one_run_by_name() -> None:
    first, second = _plan(_make_copy("b"), _make_copy("a"), max_delete=1)
    assert isinstance(first, DeleteTorrent)
    assert first.name == "a"
    assert second == SparedTorrent(
        make_v1_hash("b"), "b", "all: surplus: complete on attic; it goes later: the guard allows 1 at a time"
    )


def test_other_planned_deletions_use_up_the_limit_of_the_guard() -> None:
    (decision,) = _plan(_make_copy(), max_delete=1, planned=(DeleteTorrent("x", "no longer declared"),))
    assert isinstance(decision, SparedTorrent)
    assert decision.reason.endswith("it goes later: the guard allows no more now")


def test_a_deferred_move_says_why() -> None:
    copy = _make_copy()
    assert defer_move(copy.entry, copy.live, "moves to attic later") == SparedTorrent(
        make_v1_hash("a"), "a", "all: moves to attic later"
    )
