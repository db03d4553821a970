"""The result of each instance, and the exit code of a run."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.engine.observation import Observation
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.health import Health
from reconciler.model.plan import InstancePlan, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status

_PROBLEM_OUTCOMES = (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED)


def results_from_plan(instance_plan: InstancePlan) -> tuple[ActionResult, ...]:
    """Return the results of a plan that is not executed."""
    return tuple(ActionResult(action, action.hold or Outcome.PLANNED) for action in instance_plan.actions)


def build_unread_result(name: str, observation: Observation) -> InstanceResult:
    """Return the result of an instance that could not be read."""
    error = observation.error
    status = error.status if isinstance(error, InstanceError) else Status.ERROR
    reason = "the run was stopped before it was read" if isinstance(error, StopRequested) else str(error)
    return InstanceResult(name, status, reason, health=observation.health)


def build_linked_result(name: str, observation: Observation) -> InstanceResult:
    """Return the result of an instance that was read only because others depend on it."""
    snapshot = observation.snapshot
    if snapshot is None:
        return build_unread_result(name, observation)
    return InstanceResult(name, Status.OK, None, snapshot.version, snapshot.web_api)


def build_result(
    instance_plan: InstancePlan,
    observation: Observation,
    results: tuple[ActionResult, ...],
    lost: InstanceError | None = None,
) -> InstanceResult:
    """Return the result of an instance that was planned for; `lost`: the error that ended its execution."""
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
    """Return the status and the error of an instance that was read and applied."""
    if instance_plan.suspended:
        return Status.SUSPENDED, None
    return (Status.OK, None) if health is None or health.is_healthy else (Status.UNHEALTHY, health.reason)


def compute_exit_code(instances: Iterable[InstanceResult], *, detailed: bool, pending: bool = False) -> int:
    """Return the exit code of a run, the first of these that applies.

    3: a guard refused a plan. 1: something failed, is pending, or needs a person. 2: a dry-run found changes, and
    `detailed` asks for this code. 0: everything is fine.
    """
    instances = tuple(instances)
    outcomes = {result.outcome for instance in instances for result in instance.results}
    if any(instance.verdict.refused for instance in instances):
        return 3
    if pending or outcomes.intersection(_PROBLEM_OUTCOMES) or any(not instance.status.is_ok for instance in instances):
        return 1
    return 2 if detailed and outcomes.intersection((Outcome.PLANNED, Outcome.DEFERRED)) else 0
