"""Gives the memory that a large read has used back to the system.

The C library keeps freed memory for later. After the list of 100,000 torrents that is 160 MiB, which a watch would hold
for months.

See docs/decisions/0133-a-watch-gives-memory-back.md.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState

LONG_RUN: Final = 1.0  # seconds; a shorter one has read or changed little


class MemoryReleaser:
    """A `RunListener` that gives freed memory back after each long run, with `release`."""

    def __init__(self, release: Callable[[], object] | None = None) -> None:
        self._release = release or find_release()

    def on_run_start(self, desired: DesiredState) -> None:
        """Nothing is freed before a run."""

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Give freed memory back if the run may have used much."""
        if finished_run.seconds >= LONG_RUN:
            self._release()


def find_release() -> Callable[[], object]:
    """Return the function of the C library that gives freed memory back; one that does nothing where there is none.

    The GNU library has it; macOS and musl, which keep less, do not.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return lambda: None
    trim.argtypes = (ctypes.c_size_t,)
    return lambda: trim(0)
