"""Detection of another tool that keeps reverting a field: correcting it once more would not end the fight.

Pure: callers pass the time. A subject is any hashable name of one field of one object on one instance.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, TypeVar

S = TypeVar("S", bound=Hashable)

CORRECTION_LIMIT: Final = 5  # corrections
CORRECTION_WINDOW: Final = 3600.0  # seconds that these corrections must fall into
CONTESTED_HOLD: Final = 3600.0  # seconds


class FightDetector(Generic[S]):
    """Counts our own corrections of each subject."""

    def __init__(self) -> None:
        self._corrections: dict[S, tuple[float, ...]] = {}
        self._contested: dict[S, float] = {}

    def record_correction(self, subject: S, now: float) -> None:
        """Count a correction. The fifth within an hour makes the subject contested."""
        times = (*(time for time in self._corrections.get(subject, ()) if time > now - CORRECTION_WINDOW), now)
        if len(times) < CORRECTION_LIMIT:
            self._corrections[subject] = times
            return
        self._corrections.pop(subject, None)
        self._contested[subject] = now + CONTESTED_HOLD

    def restore_contested(self, subject: S, until: float) -> None:
        """Take over a contest that an earlier process detected."""
        self._contested[subject] = until

    def contested_until(self, subject: S, now: float) -> float | None:
        """Return the time until which to leave the subject alone; None if it is not contested."""
        until = self._contested.get(subject)
        return until if until is not None and now < until else None

    def forget_matching(self, predicate: Callable[[S], bool]) -> None:
        """Forget the corrections and contests of some subjects."""
        self._corrections = {subject: times for subject, times in self._corrections.items() if not predicate(subject)}
        self._contested = {subject: until for subject, until in self._contested.items() if not predicate(subject)}

    def drop_expired(self, now: float) -> None:
        """Drop old corrections and contests, so that memory does not grow over years."""
        self._corrections = {
            subject: times for subject, times in self._corrections.items() if times[-1] > now - CORRECTION_WINDOW
        }
        self._contested = {subject: until for subject, until in self._contested.items() if now < until}

    def __iter__(self) -> Iterator[S]:
        yield from self._corrections
        yield from self._contested
