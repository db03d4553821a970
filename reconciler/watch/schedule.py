"""When to run next: at intervals, and soon after somebody asks. Pure: it is told the time."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import Final


class Cause(StrEnum):
    """Why a run is made. Where several hold, the first of them is named."""

    START = "start"
    FILES = "files"
    RELOAD = "reload"
    SIGNAL = "signal"
    RETRY = "retry"
    INTERVAL = "interval"


class Trigger:
    """Wakes the loop. `fire` and `wake` may be called from any thread and from a signal handler, at any time."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Cause | None] = SimpleQueue()  # the one kind of queue that a signal may re-enter

    def fire(self, cause: Cause) -> None:
        """Ask for a run soon; what is asked for meanwhile is answered by the same run."""
        self._queue.put(cause)

    def reload(self) -> None:
        """Ask for a run, as `POST /-/reload` does."""
        self.fire(Cause.RELOAD)

    def wake(self) -> None:
        """Let the loop look whether it was asked to stop."""
        self._queue.put(None)

    def wait(self, seconds: float) -> set[Cause]:
        """What was asked for since the last call; where that is nothing, wait for it so long."""
        causes: set[Cause] = set()
        try:
            found = self._queue.get(timeout=max(0.0, seconds))
            while True:
                if found:
                    causes.add(found)
                found = self._queue.get_nowait()
        except Empty:
            return causes


JITTER: Final = 0.1  # of the interval, either way: many sidecars must not come to ask in step
DEBOUNCE: Final = 2.0  # seconds of quiet after the last change
LONGEST_DEBOUNCE: Final = 10.0  # seconds; what never gets quiet does not hold the loop up for ever
SPACING: Final = 5.0  # seconds between two runs


class Schedule:
    """Knows what was asked for and when the last run was. An interval that is shorter caps debounce and spacing."""

    def __init__(self, interval: float, random: Callable[[], float]) -> None:
        self._interval = interval
        self._random = random
        self._debounce = min(DEBOUNCE, interval)
        self._spacing = min(SPACING, interval)
        self._asked: set[Cause] = set()
        self._first = self._last = 0.0  # when something was asked for
        self._interval_at = self._free_at = 0.0

    def ask(self, cause: Cause, now: float) -> None:
        """Somebody wants a run."""
        if not self._asked:
            self._first = now
        self._asked.add(cause)
        self._last = now

    def drop(self, cause: Cause) -> None:
        """It was for nothing."""
        self._asked.discard(cause)

    def overdue(self, now: float) -> bool:
        """Has quiet been waited for in vain?"""
        return bool(self._asked) and now >= self._first + LONGEST_DEBOUNCE

    def next_at(self) -> float:
        """When the next run is due if nothing more is asked for. While quiet is waited for, the interval waits too."""
        asked_at = min(self._last + self._debounce, self._first + LONGEST_DEBOUNCE)
        return max(asked_at if self._asked else self._interval_at, self._free_at)

    def due(self, now: float) -> set[Cause]:
        """Why to run now; nothing if it is not time yet."""
        if now < self.next_at():
            return set()
        return set(self._asked) or {Cause.INTERVAL}

    def began(self, now: float) -> None:
        """A run begins: it answers all that was asked for."""
        self._asked.clear()
        self._interval_at = now + self._interval * (1 - JITTER + 2 * JITTER * self._random())

    def ended(self, now: float) -> None:
        """A run has ended."""
        self._free_at = now + self._spacing
