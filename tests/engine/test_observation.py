"""The parts of a snapshot that a desired state depends on, and the views of what was read."""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine.observation import Observation, ReadRequest, collect_health, collect_snapshots
from reconciler.model.content import CreationSpec
from reconciler.model.errors import UnreachableError
from reconciler.model.files import FileRule, Priority
from reconciler.model.health import Health, HealthState
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_time import EPOCH
from tests.support.planner_inputs import make_desired_state, make_snapshot, make_v1_hash

HEALTHY = Health(HealthState.OK, EPOCH)
DOWN = Health(HealthState.UNREACHABLE, EPOCH, "no connection")


def test_nothing_optional_is_read_where_nothing_declares_it() -> None:
    desired = make_desired_state({"desired": [{"hash": "a"}]})
    assert ReadRequest.for_instance(desired, "box") == ReadRequest(frozenset(), frozenset(), platform=False)


def test_what_is_read_is_what_the_entries_of_that_instance_declare() -> None:
    rows = [{"hash": "a"}, {"hash": "b", "save_path": "/b"}, {"content": "/disk/c", "name": "c", "instance": "attic"}]
    desired = make_desired_state({"desired": rows})
    ruled = replace(desired.torrents[0], files=(FileRule("*.nfo", Priority.SKIP),))
    desired = replace(desired, torrents=(ruled, *desired.torrents[1:]))
    assert ReadRequest.for_instance(desired, "box") == ReadRequest(
        frozenset({make_v1_hash("a")}), frozenset(), platform=True
    )
    assert ReadRequest.for_instance(desired, "attic") == ReadRequest(
        frozenset(), frozenset({CreationSpec("/disk/c")}), platform=True, v2_entries=desired.torrents[2:]
    )


def test_files_are_read_for_every_member_of_the_group() -> None:
    groups = {"g": {"strategy": "failover", "members": ["a", "b"]}}
    desired = make_desired_state(
        {"groups": groups, "instances": ["a", "b", "c"], "desired": [{"hash": "x", "instance": "g"}]}
    )
    ruled = replace(desired.torrents[0], files=(FileRule("*.nfo", Priority.SKIP),))
    desired = replace(desired, torrents=(ruled,))
    files = {name: ReadRequest.for_instance(desired, name).files_of for name in "abc"}
    assert files == {"a": {make_v1_hash("x")}, "b": {make_v1_hash("x")}, "c": frozenset()}


def test_only_what_was_read_and_checked_is_collected() -> None:
    target, snapshot = MemoryInstance(), make_snapshot([{"hash": "a"}])
    observations = {
        "read": Observation(target, snapshot),
        "checked": Observation(target, snapshot, health=HEALTHY),
        "down": Observation(target, error=UnreachableError("no"), health=DOWN),
    }
    assert collect_snapshots(observations) == {"read": snapshot, "checked": snapshot}
    assert collect_health(observations) == {"checked": HEALTHY, "down": DOWN}
