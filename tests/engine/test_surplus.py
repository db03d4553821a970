"""Deletions of surplus copies: split off, made only if the kept copy is verified, and shown with other seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.engine.leases import LeaseDoubt, RunLeases
from reconciler.engine.observation import Observation
from reconciler.engine.surplus import add_live_facts, delete_surplus_copies, split_surplus_deletions
from reconciler.model.errors import UnreachableError
from reconciler.model.groups import ActionPlacement, KeptCopy
from reconciler.model.lease import Holder, LeaseHold, LeaseMark
from reconciler.model.plan import Blast, DeleteCategory, DeleteTorrent, GuardVerdict, InstancePlan, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.example_runs import ADD_ACTION
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import OWNER_TAG, make_live_torrent, make_v1_hash

X, Y = make_v1_hash("x"), make_v1_hash("y")
SURPLUS = DeleteTorrent(
    "x", "surplus", infohash=X, torrent_id=X, placement=ActionPlacement("g", "surplus", KeptCopy("a", X, 100))
)
PLAIN = DeleteTorrent("y", "no longer declared", infohash=Y, torrent_id=Y, blast=Blast(1, 100))
CATEGORY = DeleteCategory("films", "not declared, and no torrent is in it")


def test_without_a_surplus_copy_nothing_is_split_off() -> None:
    plan = InstancePlan("b", (ADD_ACTION, PLAIN, CATEGORY))
    assert split_surplus_deletions(plan) == (plan, ())


def test_category_deletions_wait_for_the_surplus_deletions() -> None:
    plan = InstancePlan("b", (SURPLUS, ADD_ACTION, CATEGORY, PLAIN))
    assert split_surplus_deletions(plan) == (InstancePlan("b", (ADD_ACTION, PLAIN)), (SURPLUS, CATEGORY))


def test_a_deletion_on_hold_is_not_split_off() -> None:
    plan = InstancePlan("b", (replace(SURPLUS, hold=Outcome.DEFERRED), CATEGORY))
    assert split_surplus_deletions(plan) == (plan, ())


class World:
    """A copy on `a` that is kept, and a surplus copy on `b`, whose plan is to delete it."""

    def __init__(self) -> None:
        self.boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
        for box in self.boxes.values():
            box.torrents[X] = make_live_torrent({"hash": "x", "is": "whole", "tags": [OWNER_TAG]})
        self.plan = InstancePlan("b", (SURPLUS,))
        self.results = {name: InstanceResult(name, Status.OK) for name in self.boxes}
        self.doubts: dict[str, LeaseDoubt] = {}

    def delete(self) -> Mapping[str, InstanceResult]:
        """Delete the surplus copies, and return the results of all instances."""
        observations = {name: Observation(box) for name, box in self.boxes.items()}
        retry = fake_retry_policy(max_attempts=1)
        leases = RunLeases(confirm=self.confirm)
        return delete_surplus_copies({"b": self.plan}, self.results, observations, leases, "home", retry)

    def confirm(self, names: Collection[str]) -> Mapping[str, LeaseDoubt]:
        """Confirm the leases, before any copy is read."""
        assert sorted(names) == ["a", "b"]
        assert [box.request_count for box in self.boxes.values()] == [0, 0]
        return self.doubts

    @property
    def has_surplus_copy(self) -> bool:
        """True while the surplus copy exists."""
        return X in self.boxes["b"].torrents


def test_a_surplus_copy_goes_once_the_kept_copy_is_verified() -> None:
    world = World()
    assert world.delete()["b"].results == (ActionResult(SURPLUS, Outcome.APPLIED, is_removed=True),)
    assert not world.has_surplus_copy
    assert X in world.boxes["a"].torrents


def test_a_kept_copy_that_is_smaller_now_saves_the_surplus_copy() -> None:
    world = World()
    world.boxes["a"].torrents[X] = replace(world.boxes["a"].torrents[X], size=99)
    reason = "the copy on a has changed since the plan was made"
    assert world.delete()["b"].results == (ActionResult(SURPLUS, Outcome.DROPPED, reason),)
    assert world.has_surplus_copy


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_surplus_copy_waits_for_another_run_on_either_instance(name: str) -> None:
    world = World()
    mark = LeaseMark("home", name, "11111111", datetime(2026, 1, 1, tzinfo=UTC))
    rival = LeaseHold(mark, Holder("nas", "elsewhere", "7.1", "beef"))
    world.doubts = {name: rival}
    result = world.delete()["b"]
    reason = f"another run is under way on {name} (process 7 on nas, since 2026-01-01 00:00:00 UTC)"
    assert result.results == (ActionResult(SURPLUS, Outcome.DEFERRED, reason),)
    assert (result.keeper_rival, world.has_surplus_copy) == (rival, True)
    assert [box.request_count for key, box in world.boxes.items() if key == name] == [0]


def test_another_run_that_data_waits_for_is_still_known_after_the_surplus_copies() -> None:
    world = World()
    mark = LeaseMark("home", "c", "11111111", datetime(2026, 1, 1, tzinfo=UTC))
    rival = LeaseHold(mark, Holder("nas", "elsewhere", "7.1", "beef"))
    world.results["b"] = replace(world.results["b"], keeper_rival=rival)
    assert world.delete()["b"].keeper_rival == rival
    assert not world.has_surplus_copy


def test_a_surplus_copy_stays_where_a_lease_is_not_known() -> None:
    world = World()
    world.doubts = {"a": UnreachableError("a: no connection")}
    reason = "the copy on a could not be verified: a: no connection"
    assert world.delete()["b"].results == (ActionResult(SURPLUS, Outcome.DROPPED, reason),)
    assert world.has_surplus_copy


PARTIAL: dict[str, Any] = {"state": "downloading", "size": 100}


@pytest.mark.parametrize(
    ("least", "own", "goes"),
    [
        (50, {"progress": 0.6}, True),
        (50, {"progress": 0.7}, False),
        (0, {"progress": 0.7}, True),  # failback: immediate
        (0, {"progress": 1.0, "state": "stalledUP"}, False),
    ],
)
def test_a_surplus_copy_that_has_more_by_now_stays(least: int, own: dict[str, Any], goes: bool) -> None:
    world = World()
    kept, copy = world.boxes["a"].torrents[X], world.boxes["b"].torrents[X]
    world.boxes["a"].torrents[X] = replace(kept, **PARTIAL, progress=0.6)
    world.boxes["b"].torrents[X] = replace(copy, **{**PARTIAL, **own})
    placement = ActionPlacement("g", "surplus", KeptCopy("a", X, least, must_be_complete=False))
    world.plan = InstancePlan("b", (replace(SURPLUS, placement=placement),))
    (result,) = world.delete()["b"].results
    assert (result.error, world.has_surplus_copy) == (
        (None, False) if goes else ("it has more now than the copy on a", True)
    )


def test_a_keeper_that_was_lost_or_does_not_answer_saves_the_surplus_copy() -> None:
    lost, silent = World(), World()
    lost.results["a"] = InstanceResult("a", Status.UNREACHABLE, "a: gone")
    silent.boxes["a"].fail_next(9, UnreachableError("a: no connection"))
    reasons = [world.delete()["b"].results[0].error for world in (lost, silent)]
    assert reasons == [
        "the copy on a could not be verified: the instance was lost",
        "the copy on a could not be verified: a: no connection",
    ]
    assert lost.has_surplus_copy and silent.has_surplus_copy


def test_a_refused_or_suspended_plan_deletes_nothing() -> None:
    for plan in (
        InstancePlan("b", (SURPLUS,), verdict=GuardVerdict(True, ("too many",))),
        InstancePlan("b", (SURPLUS,), suspended=True),
    ):
        world = World()
        world.plan = plan
        assert world.delete() == world.results
        assert world.has_surplus_copy
        assert [box.request_count for box in world.boxes.values()] == [0, 0]


def test_other_seeds_are_counted_for_deletions_by_one_request() -> None:
    world, box = World(), MemoryInstance()
    box.torrents = dict(world.boxes["b"].torrents) | {Y: make_live_torrent({"hash": "y"})}
    box.seed_counts = {X: 3, Y: 4}
    plan = add_live_facts(InstancePlan("b", (ADD_ACTION, SURPLUS, PLAIN)), box, fake_retry_policy())
    assert plan.actions == (ADD_ACTION, SURPLUS, replace(PLAIN, blast=Blast(1, 100, other_seeds=4)))
    assert box.request_count == 1


def test_the_plan_goes_on_without_other_seeds_where_they_cannot_be_read() -> None:
    box = MemoryInstance()
    box.fail_next(9, UnreachableError("b: no connection"))
    plan = InstancePlan("b", (PLAIN,))
    assert add_live_facts(plan, box, fake_retry_policy(max_attempts=1)) == plan


@pytest.mark.parametrize(
    ("version", "option", "to_trash"),
    [("5.3.0", "MoveToTrash", True), ("5.3.0", "Delete", False), ("4.5.2", None, False)],
)
def test_a_deletion_with_data_knows_of_a_trash(version: str, option: str | None, to_trash: bool) -> None:
    box = MemoryInstance(version)
    box.live_preferences |= {"torrent_content_remove_option": option} if option else {}
    plan = add_live_facts(InstancePlan("b", (replace(PLAIN, delete_files=True),)), box, fake_retry_policy())
    (deletion,) = plan.actions
    assert deletion.blast and deletion.blast.to_trash is to_trash
    assert box.request_count == (1 if version == "4.5.2" else 2)
