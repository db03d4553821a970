"""Back-off of failing instances, each by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from reconciler.engine.events import Backoff
from reconciler.engine.session_key import session_key
from reconciler.model.desired import Instance
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.run import InstanceResult, Status
from reconciler.retry import Clock, compute_backoff_delay

BACKOFF_FIRST: Final = 1.0  # seconds, at most, after the first failure
BACKOFF_MAX: Final = 300.0
BANNED_BACKOFF: Final = 900.0  # seconds; a ban lasts an hour by default, and a login during it does not count
CREDENTIALS_INTERVAL: Final = 60.0  # seconds between two looks whether refused credentials may be sent again


@dataclass(frozen=True, slots=True)
class _FailingInstance:
    """An instance that could not be read, and the time of the next attempt."""

    backoff: Backoff
    retry_at: float
    session_key: Instance


class InstanceBackoff:
    """The failing instances, and when each is tried again: after `max_delay` seconds at most."""

    def __init__(self, clock: Clock, max_delay: float = BACKOFF_MAX) -> None:
        self._clock = clock
        self._max_delay = max_delay
        self._failing: dict[str, _FailingInstance] = {}

    def record_results(self, results: Iterable[InstanceResult], instances: Mapping[str, Instance]) -> None:
        """Note the results of a run: an instance that answered has no back-off any more."""
        for result in results:
            if result.status.is_answered:
                self._failing.pop(result.name, None)
            else:
                self._failing[result.name] = self._build_failure(result, session_key(instances[result.name]))

    def forget_changed(self, instances: Mapping[str, Instance]) -> None:
        """End the back-off of instances that are no longer declared, or have another URL or other credentials now."""
        for name, failing in list(self._failing.items()):
            if name not in instances or session_key(instances[name]) != failing.session_key:
                del self._failing[name]

    def get_backoffs(self) -> dict[str, Backoff]:
        """Return the back-offs by instance."""
        return {name: failing.backoff for name, failing in self._failing.items()}

    def compute_next_retry(self) -> float:
        """Return when the next instance is to be tried again; infinity if none is failing."""
        return min((failing.retry_at for failing in self._failing.values()), default=math.inf)

    def pop_due(self) -> list[str]:
        """Return the instances to try again now. They are not due again before their next result is recorded."""
        now = self._clock.now()
        due = [name for name, failing in self._failing.items() if failing.retry_at <= now]
        for name in due:
            self._failing[name] = replace(self._failing[name], retry_at=math.inf)
        return due

    def _build_failure(self, result: InstanceResult, key: Instance) -> _FailingInstance:
        before = self._failing.get(result.name)
        failures = before.backoff.failures + 1 if before else 1
        reason = result.error or str(result.status)
        if result.status is Status.AUTH_FAILED:
            delay = min(CREDENTIALS_INTERVAL, self._max_delay)
            if before and before.backoff.reason == reason:
                failures = before.backoff.failures  # nothing was tried
        elif result.status is Status.BANNED:
            delay = BANNED_BACKOFF
        else:
            delay = compute_backoff_delay(failures, BACKOFF_FIRST, self._max_delay, self._clock.random())
        retry_at = self._clock.now() + delay
        return _FailingInstance(Backoff(failures, reason, self._clock.to_utc(retry_at), result.status), retry_at, key)
