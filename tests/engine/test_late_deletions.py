"""Data that another instance may use, and copies that it takes metadata from, are deleted last or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.engine.late_deletions import delete_late, list_receivers, split_late_deletions
from reconciler.engine.observation import Observation
from reconciler.model.errors import UnreachableError
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
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import OWNER_TAG, make_live_torrent, make_snapshot, make_v1_hash

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

    def observe(self) -> dict[str, Observation]:
        return {name: Observation(box, make_snapshot([ROW])) for name, box in self.boxes.items()}

    def delete(self) -> InstanceResult:
        observations = self.observe()
        retry = fake_retry_policy(max_attempts=1)
        return delete_late({"a": self.plan}, {"a": self.result}, observations, {}, retry)["a"]

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
    result = delete_late(plans, results, world.observe(), receivers, fake_retry_policy(max_attempts=1))["a"]
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
    result = delete_late(plans, results, world.observe(), list_receivers(plans), fake_retry_policy(max_attempts=1))
    assert [entry.outcome for entry in result["a"].results] == [Outcome.DEFERRED]
    assert world.has_torrent
