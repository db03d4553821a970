"""What a run tells a script: 0 fine, 1 something failed, is pending or needs a person, 2 changes, 3 a guard refused."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.engine.reading import Reading
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.health import Health
from reconciler.model.plan import InstancePlan, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status


def as_planned(part: InstancePlan) -> tuple[ActionResult, ...]:
    return tuple(ActionResult(action, action.hold or Outcome.PLANNED) for action in part.actions)


def unread(name: str, reading: Reading) -> InstanceResult:
    """The result of an instance that could not be read."""
    error = reading.error
    status = error.status if isinstance(error, InstanceError) else Status.ERROR
    why = "the run was stopped before it was read" if isinstance(error, Stopped) else str(error)
    return InstanceResult(name, status, why, health=reading.health)


def linked_with(name: str, reading: Reading) -> InstanceResult:
    """How an instance answered for which nothing was planned."""
    read = reading.snapshot
    return InstanceResult(name, Status.OK, None, read.version, read.web_api) if read else unread(name, reading)


def result_of(
    part: InstancePlan,
    reading: Reading,
    results: tuple[ActionResult, ...],
    lost: InstanceError | None = None,
) -> InstanceResult:
    snapshot = reading.snapshot
    status, error = settled(part, reading.health)
    return InstanceResult(
        part.name,
        lost.status if lost else status,
        str(lost) if lost else error,
        snapshot.version if snapshot else None,
        snapshot.web_api if snapshot else None,
        owned=part.owned,
        foreign=part.foreign,
        unchanged=part.unchanged,
        verdict=part.verdict,
        results=results,
        spared=part.spared,
        health=reading.health,
    )


def settled(part: InstancePlan, health: Health | None) -> tuple[Status, str | None]:
    """How an instance is that has answered to the end, and what is wrong with it."""
    if part.suspended:
        return Status.SUSPENDED, None
    return (Status.OK, None) if health is None or health.healthy else (Status.UNHEALTHY, health.why)


_FINE = (Status.OK, Status.SUSPENDED)
_BAD = (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED)


def exit_code(instances: Iterable[InstanceResult], *, detailed: bool, pending: bool = False) -> int:
    """The exit code of a run; where several hold: 3, then 1, then (with `detailed`, a dry-run) 2 for changes."""
    instances = tuple(instances)
    outcomes = {result.outcome for instance in instances for result in instance.results}
    if any(instance.verdict.refused for instance in instances):
        return 3
    if pending or outcomes.intersection(_BAD) or any(instance.status not in _FINE for instance in instances):
        return 1
    return 2 if detailed and outcomes.intersection((Outcome.PLANNED, Outcome.DEFERRED)) else 0
