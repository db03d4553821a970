"""The time that instances of a loop wait for a slow one, before the run goes on without it.

See docs/decisions/0012-do-not-restart-for-a-hanging-instance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from time import monotonic
from typing import Final

from reconciler.engine.observation import Observation

MIN_PATIENCE: Final = 10.0  # seconds
USUAL_TIMES: Final = 3.0  # an instance may take this many times as long as its slowest read so far


class Patience:
    """Decides when a run goes on without an instance, from how long its reads took."""

    def __init__(self, min_patience: float = MIN_PATIENCE) -> None:
        self._min_patience = min_patience
        self._slowest_reads: dict[str, float] = {}

    def record_read(self, name: str, seconds: float) -> None:
        """Note how long a read took that succeeded. Safe to call from any thread."""
        self._slowest_reads[name] = max(seconds, self._slowest_reads.get(name, 0.0))

    def get_limit(self, name: str) -> float:
        """Return how long the other instances wait for this one, in seconds."""
        return max(self._min_patience, USUAL_TIMES * self._slowest_reads.get(name, 0.0))

    def wait_for_reads(self, reads: Mapping[str, Future[Observation]], give_up: Callable[[str], None]) -> None:
        """Wait until all reads have ended. `give_up` must soon end the read of an instance that others wait for."""
        unfinished = dict(reads)
        ready_at: float | None = None  # when the last instance was read that now waits for others
        given_up: set[str] = set()
        while unfinished:
            waits = [] if ready_at is None else [self.get_limit(name) for name in unfinished if name not in given_up]
            timeout = max(0.0, ready_at + min(waits) - monotonic()) if ready_at is not None and waits else None
            done, _ = wait(unfinished.values(), timeout, FIRST_COMPLETED)
            if any(_is_read(future) for future in done):
                ready_at = monotonic()
            unfinished = {name: future for name, future in unfinished.items() if future not in done}
            for name in unfinished.keys() - given_up:
                if ready_at is not None and monotonic() >= ready_at + self.get_limit(name):
                    given_up.add(name)
                    give_up(name)


def _is_read(future: Future[Observation]) -> bool:
    return future.exception() is None and future.result().snapshot is not None
