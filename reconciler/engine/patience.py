"""The time that instances of a loop wait for a slow one, before the run goes on without it.

See docs/decisions/0012-do-not-restart-for-a-hanging-instance.md.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from reconciler.engine.concurrency import InstanceWork
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

    def wait_for_reads(self, reads: InstanceWork[Observation], give_up: Callable[[str], None]) -> None:
        """Wait until all reads have ended. `give_up` must soon end the read of an instance that others wait for."""
        given_up: set[str] = set()
        timeout = self._min_patience
        while not reads.wait(timeout):
            now, timeout = monotonic(), self._min_patience  # nobody is given up earlier than that after a read
            times = [ended_at for read, ended_at in list(reads.results.values()) if read.snapshot]
            for name in reads.list_unfinished() - given_up if times else ():
                left = max(times) + self.get_limit(name) - now
                if left > 0:
                    timeout = min(timeout, left)
                    continue
                given_up.add(name)
                give_up(name)
