"""What a run tells a script: 0 fine, 1 something failed, is pending or needs a person, 2 changes, 3 a guard refused."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.plan import Outcome
from reconciler.model.run import InstanceResult, Status

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
