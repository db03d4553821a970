"""Whom to leave alone for how long: each instance fails by itself. Pure: it is told the time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.engine.events import Waiting
from reconciler.model.desired import DesiredPreference, Instance
from reconciler.model.health import WhenUnhealthy
from reconciler.model.position import Position
from reconciler.model.run import ANSWERED, InstanceResult, Status
from reconciler.retry import Clock, delay

FIRST: Final = 1.0  # seconds, doubled with each failure in a row, with full jitter
LONGEST: Final = 300.0
CREDENTIALS: Final = 900.0  # seconds; five refusals within an hour would ban our address for another
_REFUSED: Final = (Status.AUTH_FAILED, Status.BANNED)
_NOWHERE: Final = Position("", 0, 0)
_READ: Final = {"": DesiredPreference("", _NOWHERE, 0)}  # a session reads them where any is declared, whichever


def door(instance: Instance) -> Instance:
    """What leads to an instance and into it: two that are equal in this can share a session."""
    return replace(
        instance,
        at=_NOWHERE,
        categories={},
        preferences=_READ if instance.preferences else {},
        suspend=False,
        health=(),
        when_unhealthy=WhenUnhealthy.LEAVE,
    )


@dataclass(frozen=True, slots=True)
class _Failing:
    waiting: Waiting
    until: float
    door: Instance


class Domains:
    """The instances that fail, and when each is tried again: after `longest` seconds, at most."""

    def __init__(self, clock: Clock, longest: float = LONGEST) -> None:
        self._clock = clock
        self._longest = longest
        self._failing: dict[str, _Failing] = {}

    def learn(self, results: Iterable[InstanceResult], instances: Mapping[str, Instance]) -> None:
        """What came of a run: a clean one ends every wait."""
        for result in results:
            if result.status in ANSWERED:
                self._failing.pop(result.name, None)
            else:
                self._failing[result.name] = self._failed(result, door(instances[result.name]))

    def revise(self, instances: Mapping[str, Instance]) -> None:
        """The desired state as it is now: an instance with another address or other credentials begins anew."""
        for name, failing in list(self._failing.items()):
            if name not in instances or door(instances[name]) != failing.door:
                del self._failing[name]

    def waiting(self) -> dict[str, Waiting]:
        """Who is to be left alone, and why, until something is learnt of it."""
        return {name: one.waiting for name, one in self._failing.items()}

    def retry_at(self) -> float:
        """When the next of them is to be tried again; never, if nobody waits."""
        return min((failing.until for failing in self._failing.values()), default=math.inf)

    def take_due(self) -> list[str]:
        """Who is to be tried again now. They are not due once more before something is learnt of them."""
        now = self._clock.now()
        due = [name for name, one in self._failing.items() if one.until <= now]
        for name in due:
            self._failing[name] = replace(self._failing[name], until=math.inf)
        return due

    def _failed(self, result: InstanceResult, door: Instance) -> _Failing:
        before = self._failing.get(result.name)
        failures = before.waiting.failures + 1 if before else 1
        wait = CREDENTIALS if result.status in _REFUSED else delay(failures, FIRST, self._longest, self._clock.random())
        until = self._clock.now() + wait
        reason = result.error or str(result.status)
        return _Failing(Waiting(failures, reason, self._clock.at(until), result.status), until, door)
