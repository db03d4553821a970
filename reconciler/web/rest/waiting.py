"""Waiting until a change has arrived: `?wait=15s`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

POLL_INTERVAL: Final = 0.5  # seconds
MAX_WAITERS: Final = 32


class Waiters:
    """The requests that wait. Of more than a few, the others are answered at once."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._count = 0

    async def wait_until(self, is_reached: Callable[[], bool], seconds: float) -> bool:
        """Return True as soon as a condition holds, and False when the time is over. It may be slow to check."""
        deadline = self._now() + (seconds if self._count < MAX_WAITERS else 0)
        self._count += 1
        try:
            while not await asyncio.to_thread(is_reached):
                left = deadline - self._now()
                if left <= 0:
                    return False
                await asyncio.sleep(min(POLL_INTERVAL, left))
            return True
        finally:
            self._count -= 1
