"""Time and chance of the loop, passed in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` counts seconds and never jumps; `utc` is what people read; `random` gives 0 to 1."""

    now: Callable[[], float]
    utc: Callable[[], datetime]
    random: Callable[[], float]

    def at(self, moment: float) -> datetime:
        """A moment of `now` as people read it."""
        return self.utc() + timedelta(seconds=moment - self.now())


def real_clock() -> Clock:
    """The clock and the dice of this machine."""
    return Clock(time.monotonic, lambda: datetime.now(UTC), random.random)
