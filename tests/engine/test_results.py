"""The result of each instance by what was read and planned, and the exit code of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.engine.observation import Observation
from reconciler.engine.results import (
    build_content_results,
    build_linked_result,
    build_result,
    build_unread_result,
    compute_exit_code,
    list_lasting_faults,
    results_from_plan,
)
from reconciler.model.errors import StopRequested, UnreachableError
from reconciler.model.health import Health, HealthState
from reconciler.model.plan import GuardVerdict, InstancePlan, MetadataSource, Outcome, UpdateTorrent
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.example_runs import (
    ADD_ACTION,
    DELETE_ACTION,
    FAULTS,
    STUCK_FAULT,
    UNREACHABLE_RESULT,
    make_instance_result,
)
from tests.support.fake_time import EPOCH
from tests.support.planner_inputs import make_desired_state, make_snapshot

TARGET = MemoryInstance()
READ = Observation(TARGET, make_snapshot([]), health=Health(HealthState.OK, EPOCH))
VPN_DOWN = Health(HealthState.VPN_DOWN, EPOCH, "the connection is refused")
REFUSED = make_instance_result("home", verdict=GuardVerdict(True, ("too many",)))


def with_outcome(outcome: Outcome) -> InstanceResult:
    """An instance with one action of this outcome."""
    return make_instance_result("home", (ActionResult(ADD_ACTION, outcome),))


@pytest.mark.parametrize(
    ("instances", "pending", "code", "detailed_code"),
    [
        ([], False, 0, 0),
        ([with_outcome(Outcome.APPLIED)], False, 0, 0),
        ([with_outcome(Outcome.PLANNED)], False, 0, 2),
        ([with_outcome(Outcome.DEFERRED)], False, 0, 2),
        ([with_outcome(Outcome.FAILED)], False, 1, 1),
        ([with_outcome(Outcome.BLOCKED)], False, 1, 1),
        ([with_outcome(Outcome.DROPPED)], False, 1, 1),
        ([with_outcome(Outcome.PLANNED), UNREACHABLE_RESULT], False, 1, 1),
        ([InstanceResult("home", Status.SUSPENDED)], False, 0, 0),
        ([InstanceResult("home", Status.UNHEALTHY)], False, 1, 1),
        ([with_outcome(Outcome.PLANNED)], True, 1, 1),
        ([REFUSED, UNREACHABLE_RESULT, with_outcome(Outcome.FAILED)], True, 3, 3),
    ],
)
def test_the_exit_code_is_the_most_urgent_that_applies(
    instances: list[InstanceResult], pending: bool, code: int, detailed_code: int
) -> None:
    assert compute_exit_code(instances, detailed=False, needs_attention=pending) == code
    assert compute_exit_code(instances, detailed=True, needs_attention=pending) == detailed_code


def test_a_serious_fault_is_a_problem_and_any_fault_with_strict() -> None:
    faulty = [make_instance_result("home", faults=(FAULTS[0],))]
    waiting = [make_instance_result("home", faults=(FAULTS[2],))]
    assert not FAULTS[2].is_serious
    assert compute_exit_code(faulty, detailed=False) == 1
    assert compute_exit_code(waiting, detailed=False) == 0
    assert compute_exit_code(waiting, detailed=True, strict=True) == 1
    assert compute_exit_code([REFUSED, *faulty], detailed=False) == 3


def test_an_action_of_a_plan_that_is_not_executed_is_planned_or_on_hold() -> None:
    blocked = replace(DELETE_ACTION, hold=Outcome.BLOCKED)
    assert results_from_plan(InstancePlan("home", (ADD_ACTION, blocked))) == (
        ActionResult(ADD_ACTION, Outcome.PLANNED),
        ActionResult(blocked, Outcome.BLOCKED),
    )


def test_an_unread_instance_has_the_status_of_its_error() -> None:
    down = build_unread_result("home", Observation(TARGET, error=UnreachableError("no connection")))
    assert (down.status, down.error, down.version) == (Status.UNREACHABLE, "no connection", None)
    stopped = build_unread_result("home", Observation(TARGET, error=StopRequested("stop")))
    assert (stopped.status, stopped.error) == (Status.ERROR, "the run was stopped before it was read")


def test_a_linked_instance_is_reported_by_its_version_or_its_error() -> None:
    assert build_linked_result("a", READ) == InstanceResult("a", Status.OK, None, "v5.1.0", "2.11.4")
    down = Observation(TARGET, error=UnreachableError("no connection"))
    assert build_linked_result("a", down) == InstanceResult("a", Status.UNREACHABLE, "no connection")


def test_the_status_is_that_of_the_loss_then_of_the_suspension_then_of_the_health() -> None:
    unhealthy, suspended = replace(READ, health=VPN_DOWN), InstancePlan("home", suspended=True)
    lost = build_result(suspended, unhealthy, (), UnreachableError("gone"))
    assert (lost.status, lost.error) == (Status.UNREACHABLE, "gone")
    result = build_result(suspended, unhealthy, ())
    assert (result.status, result.error) == (Status.SUSPENDED, None)
    result = build_result(InstancePlan("home"), unhealthy, ())
    assert (result.status, result.error) == (Status.UNHEALTHY, "VPN is down: the connection is refused")
    result = build_result(InstancePlan("home", owned=3, foreign=2, unchanged=1), READ, ())
    assert (result.status, result.owned, result.foreign, result.unchanged) == (Status.OK, 3, 2, 1)


def test_content_without_a_torrent_has_neither_infohash_nor_magnet() -> None:
    rows = [
        {"content": "/disk/film", "name": "film"},
        {"content": "/disk/gone", "name": "gone", "state": "absent"},
        {"content": "/disk/other", "name": "other", "instance": "attic"},
    ]
    desired = make_desired_state({"desired": rows})
    (result,) = build_content_results(desired, make_snapshot([]), make_instance_result("box"))
    assert (result.name, result.path, result.infohash, result.magnet) == ("film", "/disk/film", None, None)
    assert build_content_results(desired, None, make_instance_result("home")) == ()


def test_metadata_that_a_run_gives_is_no_fault_any_more() -> None:
    update = UpdateTorrent(
        "a", "it has no metadata", position=STUCK_FAULT.position, metadata_from=MetadataSource("x", "1")
    )
    for outcome, faults in ((Outcome.APPLIED, ()), (Outcome.PLANNED, ()), (Outcome.DEFERRED, (STUCK_FAULT,))):
        result = make_instance_result("home", (ActionResult(update, outcome),), faults=(STUCK_FAULT,))
        assert list_lasting_faults(result) == faults
