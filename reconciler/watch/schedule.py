"""When to run next: at intervals, and soon after somebody asks. Pure: it is told the time."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from reconciler.engine.events import RunTrigger


class TriggerQueue:
    """Wakes the loop. `request_run` and `wake` may be called from any thread and from a signal handler, at any time."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[RunTrigger | None] = SimpleQueue()  # the one kind of queue that a signal may re-enter

    def request_run(self, trigger: RunTrigger) -> None:
        """Ask for a run soon; what is asked for meanwhile is answered by the same run."""
        self._queue.put(trigger)

    def request_reload(self) -> None:
        """Ask for a run, as `POST /-/reload` does."""
        self.request_run(RunTrigger.RELOAD)

    def wake(self) -> None:
        """Let the loop look whether it was asked to stop."""
        self._queue.put(None)

    def wait(self, seconds: float) -> set[RunTrigger]:
        """What was asked for since the last call; where that is nothing, wait for it so long."""
        causes: set[RunTrigger] = set()
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
MAX_DEBOUNCE: Final = 10.0  # seconds; what never gets quiet does not hold the loop up for ever
MIN_RUN_SPACING: Final = 5.0  # seconds between two runs


class Schedule:
    """Knows what was asked for and when the last run was. An interval that is shorter caps debounce and spacing."""

    def __init__(self, interval: float, random: Callable[[], float]) -> None:
        self._interval = interval
        self._random = random
        self._debounce = min(DEBOUNCE, interval)
        self._spacing = min(MIN_RUN_SPACING, interval)
        self._requested: set[RunTrigger] = set()
        self._first_request_at = self._last_request_at = 0.0  # when something was asked for
        self._interval_due_at = self._earliest_run_at = 0.0

    def request_run(self, trigger: RunTrigger, now: float) -> None:
        """Somebody wants a run."""
        if not self._requested:
            self._first_request_at = now
        self._requested.add(trigger)
        self._last_request_at = now

    def cancel_request(self, trigger: RunTrigger) -> None:
        """It was for nothing."""
        self._requested.discard(trigger)

    def is_debounce_over(self, now: float) -> bool:
        """Has quiet been waited for in vain?"""
        return bool(self._requested) and now >= self._first_request_at + MAX_DEBOUNCE

    def compute_next_run(self) -> float:
        """When the next run is due if nothing more is asked for. While quiet is waited for, the interval waits too."""
        asked_at = min(self._last_request_at + self._debounce, self._first_request_at + MAX_DEBOUNCE)
        return max(asked_at if self._requested else self._interval_due_at, self._earliest_run_at)

    def get_due_triggers(self, now: float) -> set[RunTrigger]:
        """Why to run now; nothing if it is not time yet."""
        if now < self.compute_next_run():
            return set()
        return set(self._requested) or {RunTrigger.INTERVAL}

    def record_run_start(self, now: float) -> None:
        """A run begins: it answers all that was asked for."""
        self._requested.clear()
        self._interval_due_at = now + self._interval * (1 - JITTER + 2 * JITTER * self._random())

    def record_run_end(self, now: float) -> None:
        """A run has ended."""
        self._earliest_run_at = now + self._spacing
