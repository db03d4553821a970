"""Data that another instance may use is deleted only after that instance was read again."""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine.observation import Observation
from reconciler.engine.shared_data import delete_shared_data, split_shared_deletions
from reconciler.model.errors import UnreachableError
from reconciler.model.plan import Blast, DeleteCategory, DeleteTorrent, InstancePlan, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import OWNER_TAG, make_live_torrent, make_snapshot, make_v1_hash

X, Y = make_v1_hash("x"), make_v1_hash("y")
WITH_DATA = DeleteTorrent("x", "no longer declared", infohash=X, torrent_id=X, blast=Blast(1, 100), delete_files=True)
WITHOUT = DeleteTorrent("y", "no longer declared", infohash=Y, torrent_id=Y, blast=Blast(1, 100))
CATEGORY = DeleteCategory("films", "not declared, and no torrent is in it")
ROW = {"hash": "x", "is": "whole", "tags": [OWNER_TAG]}


def test_only_data_that_others_see_is_deleted_late() -> None:
    alone = InstancePlan("a", (WITH_DATA, CATEGORY))
    assert split_shared_deletions(alone) == (alone, ())
    shared = InstancePlan("a", (WITH_DATA, WITHOUT, CATEGORY), sharers=("b",))
    assert split_shared_deletions(shared) == (replace(shared, actions=(WITHOUT,)), (WITH_DATA, CATEGORY))
    held = replace(shared, actions=(replace(WITH_DATA, hold=Outcome.DEFERRED), WITHOUT))
    assert split_shared_deletions(held) == (held, ())


class World:
    """`a` is to delete a torrent with its data, and `b` sees the same files."""

    def __init__(self) -> None:
        self.boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
        self.boxes["a"].torrents[X] = make_live_torrent(ROW)
        self.plan = InstancePlan("a", (WITH_DATA,), sharers=("b",))
        self.result = InstanceResult("a", Status.OK)

    def delete(self) -> InstanceResult:
        observations = {name: Observation(box, make_snapshot([ROW])) for name, box in self.boxes.items()}
        retry = fake_retry_policy(max_attempts=1)
        return delete_shared_data({"a": self.plan}, {"a": self.result}, observations, retry)["a"]

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
    assert world.delete() == world.result
    assert world.has_torrent


def test_a_refused_or_suspended_plan_deletes_nothing() -> None:
    world = World()
    world.plan = replace(world.plan, suspended=True)
    assert world.delete() == world.result
    assert world.has_torrent
