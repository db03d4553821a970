"""The infohashes of torrents that were handed in by URL: a run reads the file, and the program that asks needs them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.intake import HandedIn, HandInResult, Intake
from reconciler.retry import Clock, system_clock

PATIENCE: Final = 5.0  # seconds in which a run reads most files
MAX_WAITING: Final = 8  # calls that wait at the same time; each has a thread
_POLL_INTERVAL: Final = 0.05  # seconds


class InfohashWaiter:
    """Waits for runs, in the thread of the call. Safe from any thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or system_clock()
        self._places = threading.BoundedSemaphore(MAX_WAITING)

    def wait(self, intake: Intake, torrents: Sequence[HandedIn], results: list[HandInResult]) -> list[HandInResult]:
        """Return the results with the infohashes that are known in time, or at once if too many wait already."""
        if not any(_is_missing(result) for result in results):
            return results
        found = _look_up(intake, torrents, results)
        if not self._places.acquire(blocking=False):
            return found
        try:
            deadline = self._clock.now() + PATIENCE
            while any(_is_missing(result) for result in found) and self._clock.now() < deadline:
                self._clock.sleep(_POLL_INTERVAL)
                found = _look_up(intake, torrents, found)
        finally:
            self._places.release()
        return found


def _is_missing(result: HandInResult) -> bool:
    return not result.infohash and result.problem is None


def _look_up(intake: Intake, torrents: Sequence[HandedIn], results: list[HandInResult]) -> list[HandInResult]:
    pairs = zip(torrents, results, strict=True)
    return [
        replace(result, infohash=intake.find_infohash(torrent.link)) if _is_missing(result) else result
        for torrent, result in pairs
    ]
