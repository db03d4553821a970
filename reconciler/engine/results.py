"""What a run tells a script: 0 fine, 1 something failed, is pending or needs a person, 2 changes, 3 a guard refused."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.engine.reading import Observation
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.health import Health
from reconciler.model.plan import InstancePlan, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status


def _results_from_plan(instance_plan: InstancePlan) -> tuple[ActionResult, ...]:
    return tuple(ActionResult(action, action.hold or Outcome.PLANNED) for action in instance_plan.actions)


def build_unread_result(name: str, observation: Observation) -> InstanceResult:
    """The result of an instance that could not be read."""
    error = observation.error
    status = error.status if isinstance(error, InstanceError) else Status.ERROR
    why = "the run was stopped before it was read" if isinstance(error, StopRequested) else str(error)
    return InstanceResult(name, status, why, health=observation.health)


def _build_linked_result(name: str, observation: Observation) -> InstanceResult:
    """How an instance answered for which nothing was planned."""
    read = observation.snapshot
    return (
        InstanceResult(name, Status.OK, None, read.version, read.web_api)
        if read
        else build_unread_result(name, observation)
    )


def _build_result(
    instance_plan: InstancePlan,
    observation: Observation,
    results: tuple[ActionResult, ...],
    lost: InstanceError | None = None,
) -> InstanceResult:
    snapshot = observation.snapshot
    status, error = instance_status(instance_plan, observation.health)
    return InstanceResult(
        instance_plan.name,
        lost.status if lost else status,
        str(lost) if lost else error,
        snapshot.version if snapshot else None,
        snapshot.web_api if snapshot else None,
        owned=instance_plan.owned,
        foreign=instance_plan.foreign,
        unchanged=instance_plan.unchanged,
        verdict=instance_plan.verdict,
        results=results,
        spared=instance_plan.spared,
        health=observation.health,
    )


def instance_status(instance_plan: InstancePlan, health: Health | None) -> tuple[Status, str | None]:
    """How an instance is that has answered to the end, and what is wrong with it."""
    if instance_plan.suspended:
        return Status.SUSPENDED, None
    return (Status.OK, None) if health is None or health.is_healthy else (Status.UNHEALTHY, health.reason)


_PROBLEM_OUTCOMES = (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED)


def compute_exit_code(instances: Iterable[InstanceResult], *, detailed: bool, pending: bool = False) -> int:
    """The exit code of a run; where several hold: 3, then 1, then (with `detailed`, a dry-run) 2 for changes."""
    instances = tuple(instances)
    outcomes = {result.outcome for instance in instances for result in instance.results}
    if any(instance.verdict.refused for instance in instances):
        return 3
    if pending or outcomes.intersection(_PROBLEM_OUTCOMES) or any(not instance.status.is_ok for instance in instances):
        return 1
    return 2 if detailed and outcomes.intersection((Outcome.PLANNED, Outcome.DEFERRED)) else 0
