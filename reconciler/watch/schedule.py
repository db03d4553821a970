"""The schedule of runs: at intervals, and soon after a request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from reconciler.engine.events import RunTrigger

JITTER: Final = 0.1  # of the interval, either way, so that many sidecars do not send their requests in step
DEBOUNCE: Final = 2.0  # seconds without a request before a run
MAX_DEBOUNCE: Final = 10.0  # seconds; requests that never stop do not delay a run for ever
MIN_RUN_SPACING: Final = 5.0  # seconds between two runs
INTAKE_DEBOUNCE: Final = 0.3  # services wait for what they ask, and their file is always whole
MAX_INTAKE_DEBOUNCE: Final = 1.0
MIN_INTAKE_SPACING: Final = 1.0  # or as long as the last run took, so that runs take half of the time at most


class TriggerQueue:
    """The requests for runs. Its methods but `wait` are safe to call from any thread and from a signal handler."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[RunTrigger | None] = SimpleQueue()  # the only queue that a signal handler may re-enter
        self._accepted_plans: deque[str] = deque(maxlen=1)

    def request_run(self, trigger: RunTrigger) -> None:
        """Request a run soon. One run serves all requests that come before it."""
        self._queue.put(trigger)

    def request_reload(self) -> None:
        """Request a run, as `POST /-/reload` does."""
        self.request_run(RunTrigger.RELOAD)

    def accept_plan(self, plan_hash: str) -> None:
        """Let the next run execute the plan with this hash although the guard refuses it, and request a run."""
        self._accepted_plans.append(plan_hash)
        self.request_reload()

    def pop_accepted_plan(self) -> str | None:
        """Return the hash of the plan that was accepted since the last call, the last if there were more."""
        return self._accepted_plans.pop() if self._accepted_plans else None

    def wake(self) -> None:
        """End the wait of the loop, so that it checks whether to stop."""
        self._queue.put(None)

    def wait(self, seconds: float) -> set[RunTrigger]:
        """Return the requests since the last call; if there are none, wait for one, or for `wake`."""
        triggers: set[RunTrigger] = set()
        try:
            trigger = self._queue.get(timeout=max(0.0, seconds))
            while True:
                if trigger:
                    triggers.add(trigger)
                trigger = self._queue.get_nowait()
        except Empty:
            return triggers


class Schedule:
    """Computes when the next run is due. Debounce and spacing are never longer than the interval.

    Where services wait for a run, they are short.
    """

    def __init__(self, interval: float, random: Callable[[], float]) -> None:
        self._interval = interval
        self._random = random
        self._debounce = min(DEBOUNCE, interval)
        self._spacing = min(MIN_RUN_SPACING, interval)
        self._requested: set[RunTrigger] = set()
        self._first_request_at = self._last_request_at = 0.0
        self._interval_due_at = self._started_at = 0.0
        self._earliest_run_at = self._earliest_intake_run_at = 0.0

    def request_run(self, trigger: RunTrigger, now: float) -> None:
        """Note a request for a run."""
        if not self._requested:
            self._first_request_at = now
        self._requested.add(trigger)
        self._last_request_at = now

    def cancel_request(self, trigger: RunTrigger) -> None:
        """Forget a request that turned out to be needless."""
        self._requested.discard(trigger)

    def is_debounce_over(self, now: float) -> bool:
        """True if requests have delayed the run for as long as they may."""
        return bool(self._requested) and now >= self._first_request_at + MAX_DEBOUNCE

    def compute_next_run(self) -> float:
        """Return when the next run is due without further requests. During the debounce the interval waits too."""
        if RunTrigger.INTAKE in self._requested:
            last_due_at = self._first_request_at + MAX_INTAKE_DEBOUNCE
            due_at = min(self._last_request_at + min(INTAKE_DEBOUNCE, self._debounce), last_due_at)
            return max(due_at, self._earliest_intake_run_at)
        request_due_at = min(self._last_request_at + self._debounce, self._first_request_at + MAX_DEBOUNCE)
        return max(request_due_at if self._requested else self._interval_due_at, self._earliest_run_at)

    def get_due_triggers(self, now: float) -> set[RunTrigger]:
        """Return the reasons to run now; none if no run is due."""
        if now < self.compute_next_run():
            return set()
        return set(self._requested) or {RunTrigger.INTERVAL}

    def draw_retry_time(self, now: float) -> float:
        """Return a random time to request a run at, so that two processes that wait for each other do so once."""
        return now + 2 * self._spacing * self._random()

    def record_run_start(self, now: float) -> None:
        """Note the start of a run, which serves all requests so far."""
        self._requested.clear()
        self._started_at = now
        self._interval_due_at = now + self._interval * (1 - JITTER + 2 * JITTER * self._random())

    def record_run_end(self, now: float) -> None:
        """Note the end of a run."""
        self._earliest_run_at = now + self._spacing
        self._earliest_intake_run_at = now + min(self._spacing, max(MIN_INTAKE_SPACING, now - self._started_at))
