"""Asking the loop for a run, from wherever the wish comes."""

from __future__ import annotations

from enum import StrEnum
from queue import Empty, SimpleQueue


class Cause(StrEnum):
    """Why a run is made. Where several hold, the first of them is named."""

    START = "start"
    FILES = "files"
    RELOAD = "reload"
    SIGNAL = "signal"
    RETRY = "retry"
    INTERVAL = "interval"


class Trigger:
    """Wakes the loop. `fire` and `wake` may be called from any thread and from a signal handler, at any time."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Cause | None] = SimpleQueue()  # the one kind of queue that a signal may re-enter

    def fire(self, cause: Cause) -> None:
        """Ask for a run soon; what is asked for meanwhile is answered by the same run."""
        self._queue.put(cause)

    def reload(self) -> None:
        """Ask for a run, as `POST /-/reload` does."""
        self.fire(Cause.RELOAD)

    def wake(self) -> None:
        """Let the loop look whether it was asked to stop."""
        self._queue.put(None)

    def wait(self, seconds: float) -> set[Cause]:
        """What was asked for since the last call; where that is nothing, wait for it so long."""
        causes: set[Cause] = set()
        try:
            found = self._queue.get(timeout=max(0.0, seconds))
            while True:
                if found:
                    causes.add(found)
                found = self._queue.get_nowait()
        except Empty:
            return causes
