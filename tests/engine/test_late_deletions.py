"""Data that another instance may use, and copies that it takes metadata from, are deleted last or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.engine.late_deletions import delete_late, list_receivers, split_late_deletions
from reconciler.engine.leases import NO_LEASES, LeaseDoubt, RunLeases
from reconciler.engine.observation import Observation
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.errors import UnreachableError
from reconciler.model.lease import Holder, LeaseHold, LeaseMark
from reconciler.model.plan import (
    AddTorrent,
    Blast,
    DeleteCategory,
    DeleteTorrent,
    InstancePlan,
    MetadataSource,
    Outcome,
)
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context, fake_retry_policy
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_snapshot, make_v1_hash

X, Y = make_v1_hash("x"), make_v1_hash("y")
WITH_DATA = DeleteTorrent("x", "no longer declared", infohash=X, torrent_id=X, blast=Blast(1, 100), delete_files=True)
WITHOUT = DeleteTorrent("y", "no longer declared", infohash=Y, torrent_id=Y, blast=Blast(1, 100))
WITHOUT_X = DeleteTorrent("x", "no longer declared", infohash=X, torrent_id=X, blast=Blast(1, 100))
CATEGORY = DeleteCategory("films", "not declared, and no torrent is in it")
ROW = {"hash": "x", "is": "whole", "tags": [OWNER_TAG]}


def test_only_data_that_others_see_is_deleted_late() -> None:
    alone = InstancePlan("a", (WITH_DATA, CATEGORY))
    assert split_late_deletions(alone, {}) == (alone, ())
    shared = InstancePlan("a", (WITH_DATA, WITHOUT, CATEGORY), sharers=("b",))
    assert split_late_deletions(shared, {}) == (replace(shared, actions=(WITHOUT,)), (WITH_DATA, CATEGORY))
    held = replace(shared, actions=(replace(WITH_DATA, hold=Outcome.DEFERRED), WITHOUT))
    assert split_late_deletions(held, {}) == (held, ())


class World:
    """`a` is to delete a torrent with its data, and `b` sees the same files."""

    def __init__(self) -> None:
        self.boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
        self.boxes["a"].torrents[X] = make_live_torrent(ROW)
        self.plan = InstancePlan("a", (WITH_DATA,), sharers=("b",))
        self.result = InstanceResult("a", Status.OK)
        self.doubts: dict[str, LeaseDoubt] = {}

    def observe(self) -> dict[str, Observation]:
        return {name: Observation(box, make_snapshot([ROW])) for name, box in self.boxes.items()}

    def delete(self) -> InstanceResult:
        observations = self.observe()
        retry, leases = fake_retry_policy(max_attempts=1), RunLeases(confirm=self.confirm)
        return delete_late({"a": self.plan}, {"a": self.result}, observations, {}, leases, retry)["a"]

    def confirm(self, names: Collection[str]) -> Mapping[str, LeaseDoubt]:
        """Confirm the leases, before the sharer is read."""
        assert sorted(names) == ["a", "b"]
        assert [box.request_count for box in self.boxes.values()] == [0, 0]
        return self.doubts

    @property
    def has_torrent(self) -> bool:
        return X in self.boxes["a"].torrents


def test_what_no_other_instance_uses_is_deleted() -> None:
    world = World()
    assert [result.outcome for result in world.delete().results] == [Outcome.APPLIED]
    assert not world.has_torrent


def test_what_another_instance_has_come_to_use_is_kept() -> None:
    world = World()
    world.boxes["b"].torrents[Y] = make_live_torrent({**ROW, "hash": "y", "content_path": "/downloads/x/part"})
    reason = f"{Y[:10]} on b may have files in its data since it was planned"
    assert world.delete().results == (ActionResult(WITH_DATA, Outcome.DROPPED, reason),)
    assert world.has_torrent


def test_an_instance_that_cannot_be_read_again_defers_the_deletion() -> None:
    world = World()
    world.boxes["b"].fail_next(1, UnreachableError("b: no connection"))
    reason = "its data may be used there: b: no connection"
    assert world.delete().results == (ActionResult(WITH_DATA, Outcome.DEFERRED, reason),)
    assert world.has_torrent


@pytest.mark.parametrize("name", ["a", "b"])
def test_data_waits_for_another_run_on_an_instance_that_sees_it(name: str) -> None:
    world = World()
    mark = LeaseMark("home", name, "11111111", datetime(2026, 1, 1, tzinfo=UTC))
    rival = LeaseHold(mark, Holder("nas", "elsewhere", "7.1", "beef"))
    world.doubts = {name: rival}
    result = world.delete()
    reason = f"another run is under way on {name} (process 7 on nas, since 2026-01-01 00:00:00 UTC)"
    assert result.results == (ActionResult(WITH_DATA, Outcome.DEFERRED, reason),)
    assert (result.keeper_rival, world.has_torrent) == (rival, True)
    assert world.boxes["b"].request_count == (0 if name == "b" else 1)


def test_data_stays_where_a_lease_is_not_known() -> None:
    world = World()
    world.doubts = {"b": UnreachableError("b: no connection")}
    reason = "its data may be used there: b: no connection"
    assert world.delete().results == (ActionResult(WITH_DATA, Outcome.DEFERRED, reason),)
    assert world.has_torrent


def test_an_instance_that_was_lost_deletes_nothing() -> None:
    world = World()
    world.result = InstanceResult("a", Status.UNREACHABLE, "a: no connection")
    assert world.delete().results == (
        ActionResult(WITH_DATA, Outcome.DROPPED, "the instance was lost: a: no connection"),
    )
    assert world.has_torrent


def test_a_refused_or_suspended_plan_deletes_nothing() -> None:
    world = World()
    world.plan = replace(world.plan, suspended=True)
    assert world.delete() == world.result
    assert world.has_torrent


@pytest.mark.parametrize("outcome", [Outcome.APPLIED, Outcome.FAILED])
def test_a_copy_goes_once_the_instance_that_takes_its_metadata_has_it(outcome: Outcome) -> None:
    world = World()
    add = AddTorrent("x", "not on the instance", infohash=X, metadata_from=MetadataSource("a", X))
    plans = {"a": InstancePlan("a", (WITHOUT_X, CATEGORY)), "b": InstancePlan("b", (add,))}
    receivers = list_receivers(plans)
    assert split_late_deletions(plans["a"], receivers) == (replace(plans["a"], actions=()), (WITHOUT_X, CATEGORY))
    assert split_late_deletions(plans["b"], receivers) == (plans["b"], ())
    results = {
        "a": InstanceResult("a", Status.OK),
        "b": InstanceResult("b", Status.OK, results=(ActionResult(add, outcome),)),
    }
    result = delete_late(plans, results, world.observe(), receivers, NO_LEASES, fake_retry_policy(max_attempts=1))["a"]
    assert world.has_torrent == (outcome is Outcome.FAILED)
    assert result.results[0].outcome == (Outcome.APPLIED if outcome is Outcome.APPLIED else Outcome.DEFERRED)
    if outcome is Outcome.FAILED:
        assert result.results[0].error == "b takes its metadata from here, and does not have it yet"


def test_a_copy_stays_where_the_add_fell_back_to_its_own_source() -> None:
    world = World()
    add = AddTorrent("x", "not on the instance", infohash=X, metadata_from=MetadataSource("a", X))
    plans = {"a": InstancePlan("a", (WITHOUT_X,)), "b": InstancePlan("b", (add,))}
    fallback = ActionResult(replace(add, metadata_from=None), Outcome.APPLIED)
    results = {"a": InstanceResult("a", Status.OK), "b": InstanceResult("b", Status.OK, results=(fallback,))}
    retry = fake_retry_policy(max_attempts=1)
    result = delete_late(plans, results, world.observe(), list_receivers(plans), NO_LEASES, retry)
    assert [entry.outcome for entry in result["a"].results] == [Outcome.DEFERRED]
    assert world.has_torrent


def test_a_torrent_that_another_run_is_adding_keeps_its_data() -> None:
    boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
    boxes["a"].torrents[X] = make_live_torrent(ROW)
    mark = LeaseMark("home", "b", "11111111", datetime(2026, 1, 1, tzinfo=UTC))
    rival = LeaseHold(mark, Holder("nas", "elsewhere", "7.1", "beef"))
    boxes["b"].create_tags([rival.tag])  # a run on `b`, with a later desired state, which is to add the torrent
    rows = [{"hash": "y", "instance": "b"}]
    guard = {"max_delete_percent": 100}
    shared = {"instances": ["a", "b"], "data": dict.fromkeys("ab", "nas"), "delete_files": True, "guard": guard}
    desired = make_desired_state({"desired": rows, **shared})
    context = fake_context(lambda instance, _: boxes[instance.name], max_attempts=2)

    (result,) = run_once(desired, RunOptions(instances=("a",)), context).instances
    assert [(item.action.name, item.outcome) for item in result.results] == [("x", Outcome.DEFERRED)]
    assert (result.keeper_rival, list(boxes["a"].torrents)) == (rival, [X])

    boxes["b"].torrents[X] = make_live_torrent(ROW)
    boxes["b"].delete_tags([rival.tag])
    (result,) = run_once(desired, RunOptions(instances=("a",)), context).instances
    (deletion,) = [item.action for item in result.results]
    assert (isinstance(deletion, DeleteTorrent) and deletion.delete_files, list(boxes["a"].torrents)) == (False, [])
