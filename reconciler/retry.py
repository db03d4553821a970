"""Time, chance and retries, passed in so that tests need not wait. Durations are in seconds."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.lazy_dataclass import dataclass
from reconciler.waits import note_trouble

T = TypeVar("T")


def utc_now() -> datetime:
    """Return the wall clock's time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` counts seconds and never jumps, `utc` is the wall clock; `random` returns a number from 0 to 1.

    `sleep` raises `StopRequested` as soon as the run is asked to stop; `pause` sleeps to its end.
    """

    now: Callable[[], float]
    utc: Callable[[], datetime]
    sleep: Callable[[float], None]
    random: Callable[[], float]
    pause: Callable[[float], None] = time.sleep

    def to_utc(self, moment: float) -> datetime:
        """Convert a moment of `now` to the wall clock."""
        return self.utc() + timedelta(seconds=moment - self.now())

    def from_utc(self, time: datetime) -> float:
        """Convert a time of the wall clock to a moment of `now`."""
        return self.now() + (time - self.utc()).total_seconds()


def system_clock(stop: threading.Event | None = None) -> Clock:
    """Return the clock and the dice of this machine; `stop` ends a sleep."""
    stop = stop or threading.Event()

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise StopRequested("the run was asked to stop")

    return Clock(time.monotonic, utc_now, sleep, random.random)


def compute_backoff_delay(failures: int, first_delay: float, max_delay: float, random: float) -> float:
    """Return the wait after `failures` in a row: doubled with each, with full jitter (`random` from 0 to 1)."""
    return random * min(max_delay, first_delay * 2.0 ** min(failures - 1, 60))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of attempts of a request, and the waits between them and for the effect of a change."""

    clock: Clock
    max_attempts: int = 4  # of one request that fails in a way that may pass
    first_delay: float = 0.5
    max_delay: float = 10.0
    effect_timeout: float = 30.0  # how long an accepted change may take to show

    def backoff_delays(self) -> Iterator[float]:
        """Yield the waits between the attempts of one request."""
        for failures in range(1, self.max_attempts):
            yield compute_backoff_delay(failures, self.first_delay, self.max_delay, self.clock.random())

    def poll_intervals(self, torrent_count: int = 0) -> Iterator[float]:
        """Yield the waits between two polls for an effect, from 20 ms to one second, until the timeout is over.

        The timeout grows by 5 ms per torrent: a busy server took 0.4 ms for each of 10,000 adds.
        """
        end, wait = self.clock.now() + self.effect_timeout + torrent_count * 0.005, 0.02
        while self.clock.now() < end:
            yield wait
            wait = min(1.0, wait * 2)

    def call_with_retry(self, read: Callable[[], T]) -> T:
        """Return what `read` returns, calling it again after a transient error. Raises what the last call raised."""
        delays = self.backoff_delays()
        try:
            while True:
                try:
                    return read()
                except InstanceError as error:
                    delay = next(delays, None) if error.transient else None
                    if delay is None:
                        raise
                    note_trouble(str(error))
                self.clock.sleep(delay)
        finally:
            note_trouble("")


def system_retry_policy(stop: threading.Event) -> RetryPolicy:
    """Return the default policy on the clock of this machine; `stop` ends its sleeps."""
    return RetryPolicy(system_clock(stop))
