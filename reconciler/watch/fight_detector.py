"""The fight detector: whoever changes a field back each time we heal it will not be talked out of it by the next time.

Pure: it is told the time. A subject is any hashable name of a field of one thing on one instance.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, TypeVar

S = TypeVar("S", bound=Hashable)

CORRECTION_LIMIT: Final = 5  # heals
CORRECTION_WINDOW: Final = 3600.0  # seconds within which they must fall
CONTESTED_HOLD: Final = 3600.0  # seconds for which a contested field is left alone


class FightDetector(Generic[S]):
    """Counts our own heals of each subject."""

    def __init__(self) -> None:
        self._corrections: dict[S, tuple[float, ...]] = {}
        self._contested: dict[S, float] = {}

    def record_correction(self, subject: S, now: float) -> None:
        """We have changed it. With the fifth time within an hour it is contested."""
        heals = (*(at for at in self._corrections.get(subject, ()) if at > now - CORRECTION_WINDOW), now)
        if len(heals) < CORRECTION_LIMIT:
            self._corrections[subject] = heals
            return
        self._corrections.pop(subject, None)
        self._contested[subject] = now + CONTESTED_HOLD

    def restore_contested(self, subject: S, until: float) -> None:
        """It was contested before we began, and is until then."""
        self._contested[subject] = until

    def contested_until(self, subject: S, now: float) -> float | None:
        """Until when it is left alone; None if it is not contested."""
        until = self._contested.get(subject)
        return until if until is not None and now < until else None

    def forget_matching(self, predicate: Callable[[S], bool]) -> None:
        """Begin anew with some subjects."""
        self._corrections = {subject: heals for subject, heals in self._corrections.items() if not predicate(subject)}
        self._contested = {subject: until for subject, until in self._contested.items() if not predicate(subject)}

    def drop_expired(self, now: float) -> None:
        """Drop what no longer counts, so that years do not pile up."""
        self._corrections = {
            subject: heals for subject, heals in self._corrections.items() if heals[-1] > now - CORRECTION_WINDOW
        }
        self._contested = {subject: until for subject, until in self._contested.items() if now < until}

    def __iter__(self) -> Iterator[S]:
        yield from self._corrections
        yield from self._contested
