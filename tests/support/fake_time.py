"""A clock that only waiting moves, and a trigger that fires at planned times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from reconciler.engine.events import RunTrigger
from reconciler.retry import Clock
from reconciler.watch.schedule import TriggerQueue

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeTime:
    """`clock` moves only by a sleep, by `pass_`, or if a test sets `moment`."""

    def __init__(self, random: float = 0.5, start: datetime = EPOCH) -> None:
        self.moment = 0.0
        self.clock = Clock(
            lambda: self.moment, lambda: start + timedelta(seconds=self.moment), self.pass_, lambda: random
        )

    def pass_(self, seconds: float) -> None:
        """Let time go by."""
        self.moment += max(0.0, seconds)


class FakeTrigger(TriggerQueue):
    """A trigger that waits in no time. `at(moment, act)` plans an event; `until` ends the simulation."""

    def __init__(self, time: FakeTime, until: float, end: Callable[[], None]) -> None:
        super().__init__()
        self._time = time
        self._story: list[tuple[float, Callable[[], None]]] = [(until, end)]

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Plan a call of `act` at `moment`."""
        self._story.append((moment, act))
        self._story.sort(key=lambda step: step[0])

    def wait(self, seconds: float) -> set[RunTrigger]:
        """Move the clock to the next planned event."""
        if asked := super().wait(0):
            return asked
        end = self._time.moment + max(0.0, seconds)
        if not self._story or self._story[0][0] > end:
            self._time.moment = end
            return super().wait(0)
        moment, act = self._story.pop(0)
        self._time.moment = max(self._time.moment, moment)
        act()
        return super().wait(0)
