"""Work that goes on step by step, so that a test decides what happens between two of its steps."""

from __future__ import annotations

import threading
from collections.abc import Callable


class SteppedWork:
    """Work in a thread of its own, which goes on only during `advance`, from one call of `pause` to the next."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.is_done = False
        self._work = work
        self._error: BaseException | None = None
        self._turn, self._return = threading.Lock(), threading.Lock()  # each is released by the other side
        self._turn.acquire()
        self._return.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def advance(self) -> None:
        """Let the work go on until it pauses or ends. Raises what the work has raised."""
        self._turn.release()
        self._return.acquire()
        if self.is_done:
            self._thread.join()
        if self._error:
            raise self._error

    def pause(self) -> None:
        """Wait, in the thread of the work, for the next `advance`."""
        self._return.release()
        self._turn.acquire()

    def _run(self) -> None:
        self._turn.acquire()
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            self.is_done = True
            self._return.release()
