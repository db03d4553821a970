"""Time and chance, passed in: how long to wait before trying again, and how long to look for an effect."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from reconciler.model.errors import InstanceError, StopRequested

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The clock, sleep and dice of a run, and its patience. All times are seconds."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]
    max_attempts: int = 4  # of one request that fails in a way that may pass
    first_delay: float = 0.5
    max_delay: float = 10.0
    effect_timeout: float = 30.0  # how long an accepted change may take to show

    def backoff_delays(self) -> Iterator[float]:
        """The waits between the attempts of one request: exponential, with full jitter."""
        for attempt in range(self.max_attempts - 1):
            yield self.random() * min(self.max_delay, self.first_delay * 2**attempt)

    def poll_intervals(self, torrent_count: int = 0) -> Iterator[float]:
        """The waits between two looks for an effect: short at first, one second at most, until patience ends.

        Patience grows by 5 ms a torrent: a busy server took 0.4 ms for each of 10,000 adds.
        """
        end, wait = self.now() + self.effect_timeout + torrent_count * 0.005, 0.02
        while self.now() < end:
            yield wait
            wait = min(1.0, wait * 2)

    def call_with_retry(self, read: Callable[[], T]) -> T:
        """Do a read, again where its failure may pass. Raises what the last attempt raised."""
        for delay in self.backoff_delays():
            try:
                return read()
            except InstanceError as error:
                if not error.transient:
                    raise
            self.sleep(delay)
        return read()


def system_retry_policy(stop: threading.Event) -> RetryPolicy:
    """The real clock. A sleep ends with `StopRequested` as soon as the run is asked to stop."""

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise StopRequested("the run was asked to stop")

    return RetryPolicy(time.monotonic, sleep, random.random)


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` counts seconds and never jumps; `utc` is what people read; `random` gives 0 to 1."""

    now: Callable[[], float]
    utc: Callable[[], datetime]
    random: Callable[[], float]

    def to_utc(self, moment: float) -> datetime:
        """A moment of `now` as people read it."""
        return self.utc() + timedelta(seconds=moment - self.now())


def system_clock() -> Clock:
    """The clock and the dice of this machine."""
    return Clock(time.monotonic, lambda: datetime.now(UTC), random.random)


def compute_backoff_delay(failures: int, first: float, longest: float, random: float) -> float:
    """How long to wait after so many failures in a row: doubled each time, with full jitter."""
    return random * min(longest, first * 2.0 ** min(failures - 1, 60))
