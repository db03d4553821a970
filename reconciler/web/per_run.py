"""Values that are made from a run, and stay the same until the next run has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from reconciler.engine.events import FinishedRun

T = TypeVar("T")


class PerRun(Generic[T]):
    """A value that is made once for each run, when it is first read. The last one is kept. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[FinishedRun, T] | None = None

    def read(self, finished_run: FinishedRun, make: Callable[[], T]) -> T:
        """Return the value of a run, which `make` returns."""
        with self._lock:
            if self._made is None or self._made[0] is not finished_run:
                self._made = finished_run, make()
            return self._made[1]
