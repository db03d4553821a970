"""Whom to leave alone for how long: each instance fails by itself. Pure: it is told the time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.engine.events import Backoff
from reconciler.model.desired import DesiredPreference, Instance
from reconciler.model.health import UnhealthyPolicy
from reconciler.model.position import Position
from reconciler.model.run import InstanceResult, Status
from reconciler.retry import Clock, compute_backoff_delay

BACKOFF_FIRST: Final = 1.0  # seconds, doubled with each failure in a row, with full jitter
BACKOFF_MAX: Final = 300.0
CREDENTIALS_BACKOFF: Final = 900.0  # seconds; five refusals within an hour would ban our address for another
_CREDENTIALS_STATUSES: Final = (Status.AUTH_FAILED, Status.BANNED)
_NO_POSITION: Final = Position("", 0, 0)
_ANY_PREFERENCES: Final = {
    "": DesiredPreference("", _NO_POSITION, 0)
}  # a session reads them where any is declared, whichever


def session_key(instance: Instance) -> Instance:
    """What leads to an instance and into it: two that are equal in this can share a session."""
    return replace(
        instance,
        position=_NO_POSITION,
        categories={},
        preferences=_ANY_PREFERENCES if instance.preferences else {},
        suspend=False,
        health=(),
        when_unhealthy=UnhealthyPolicy.LEAVE,
    )


@dataclass(frozen=True, slots=True)
class _FailingInstance:
    backoff: Backoff
    retry_at: float
    session_key: Instance


class InstanceBackoff:
    """The instances that fail, and when each is tried again: after `longest` seconds, at most."""

    def __init__(self, clock: Clock, max_delay: float = BACKOFF_MAX) -> None:
        self._clock = clock
        self._max_delay = max_delay
        self._failing: dict[str, _FailingInstance] = {}

    def record_results(self, results: Iterable[InstanceResult], instances: Mapping[str, Instance]) -> None:
        """What came of a run: a clean one ends every wait."""
        for result in results:
            if result.status.is_answered:
                self._failing.pop(result.name, None)
            else:
                self._failing[result.name] = self._build_failure(result, session_key(instances[result.name]))

    def forget_changed(self, instances: Mapping[str, Instance]) -> None:
        """The desired state as it is now: an instance with another address or other credentials begins anew."""
        for name, failing in list(self._failing.items()):
            if name not in instances or session_key(instances[name]) != failing.session_key:
                del self._failing[name]

    def get_backoffs(self) -> dict[str, Backoff]:
        """Who is to be left alone, and why, until something is learnt of it."""
        return {name: one.backoff for name, one in self._failing.items()}

    def compute_next_retry(self) -> float:
        """When the next of them is to be tried again; never, if nobody waits."""
        return min((failing.retry_at for failing in self._failing.values()), default=math.inf)

    def pop_due(self) -> list[str]:
        """Who is to be tried again now. They are not due once more before something is learnt of them."""
        now = self._clock.now()
        due = [name for name, one in self._failing.items() if one.retry_at <= now]
        for name in due:
            self._failing[name] = replace(self._failing[name], retry_at=math.inf)
        return due

    def _build_failure(self, result: InstanceResult, key: Instance) -> _FailingInstance:
        before = self._failing.get(result.name)
        failures = before.backoff.failures + 1 if before else 1
        wait = (
            CREDENTIALS_BACKOFF
            if result.status in _CREDENTIALS_STATUSES
            else compute_backoff_delay(failures, BACKOFF_FIRST, self._max_delay, self._clock.random())
        )
        until = self._clock.now() + wait
        reason = result.error or str(result.status)
        return _FailingInstance(Backoff(failures, reason, self._clock.to_utc(until), result.status), until, key)
