"""New attempts to fetch unknown torrents, in a thread, so that a URL that hangs does not block the loop."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Final

from reconciler.retry import Clock, compute_backoff_delay
from reconciler.watch.background_reader import StartWorker

FIRST_DELAY: Final = 10.0  # seconds, at most
MAX_DELAY: Final = 600.0


class FetchRetry:
    """Calls `retry_failed` less and less often while torrents are unknown, and `on_arrival` where it returns True.

    Both are called in a worker's thread, one call at a time; all methods are for the thread of the loop.
    """

    def __init__(
        self, retry_failed: Callable[[], bool], on_arrival: Callable[[], None], clock: Clock, start_worker: StartWorker
    ) -> None:
        self._retry_failed = retry_failed
        self._on_arrival = on_arrival
        self._clock = clock
        self._start_worker = start_worker
        self._attempts = 0
        self._next_at = math.inf
        self._is_running = threading.Event()
        self._has_arrived = threading.Event()

    @property
    def next_at(self) -> float:
        """The moment of the next attempt."""
        return self._next_at

    def reset(self, *, is_needed: bool) -> None:
        """Begin again with short waits, after the desired state was read. `is_needed`: a torrent is unknown."""
        self._attempts = 0
        self._next_at = self._compute_next() if is_needed else math.inf

    def start_if_due(self, *, at_once: bool = False) -> None:
        """Start an attempt if its time has come or, if any is needed, `at_once`."""
        if math.isinf(self._next_at) or (self._clock.now() < self._next_at and not at_once):
            return
        self._attempts += 1
        self._next_at = self._compute_next()
        if not self._is_running.is_set():
            self._is_running.set()
            self._start_worker(self._work)

    def pop_arrival(self) -> bool:
        """Return True, once, if a torrent has arrived since the last call."""
        has_arrived = self._has_arrived.is_set()
        self._has_arrived.clear()
        return has_arrived

    def _compute_next(self) -> float:
        delay = compute_backoff_delay(self._attempts + 1, FIRST_DELAY, MAX_DELAY, self._clock.random())
        return self._clock.now() + delay

    def _work(self) -> None:
        try:
            has_arrived = self._retry_failed()
        finally:
            self._is_running.clear()
        if has_arrived:
            self._has_arrived.set()
            self._on_arrival()
