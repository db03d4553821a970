"""Waiting until a change has arrived: `?wait=15s`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

POLL_INTERVAL: Final = 0.5  # seconds
MAX_WAITERS: Final = 32


class WaitTime:
    """The time that a request waits for, from now on. `seconds` 0: not at all."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._now = seconds, now
        self._deadline = now() + seconds

    @property
    def seconds_left(self) -> float:
        """The seconds that are left, at least 0."""
        return max(0.0, self._deadline - self._now())


class Waiters:
    """The requests that wait. Of more than a few, the others are answered at once."""

    def __init__(self) -> None:
        self._count = 0

    async def wait_until(self, is_reached: Callable[[], bool], wait: WaitTime) -> bool:
        """Return True as soon as a condition holds, and False when the time is over. It may be slow to check."""
        may_wait = self._count < MAX_WAITERS
        self._count += 1
        try:
            while not await asyncio.to_thread(is_reached):
                left = wait.seconds_left
                if not (left and may_wait):
                    return False
                await asyncio.sleep(min(POLL_INTERVAL, left))
            return True
        finally:
            self._count -= 1
