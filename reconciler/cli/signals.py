"""Being asked to stop: the first signal finishes what is under way, the second ends at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = "\x1b[?25h"  # a progress bar hides it


class Stopping:
    """While it is entered, SIGINT and SIGTERM set `event`; afterwards `exit_code` is 130 or 143 if one came.

    `wake` is called with the first; it must be something that a signal handler may do. `announced` False: nothing is
    said about it, where that would stand in the midst of what a terminal shows.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None, *, announced: bool = True) -> None:
        self._wake = wake
        self._announced = announced
        self.event = threading.Event()
        self.exit_code: int | None = None
        self._before: list[signal.Handlers | int | None] = []

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before.append(signal.signal(number, self._handle))  # type: ignore[arg-type]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in zip(_SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.event.is_set():
            if sys.stdout.isatty():
                os.write(sys.stdout.fileno(), _SHOW_CURSOR.encode())
            _say(f"{_SHOW_CURSOR if sys.stderr.isatty() else ''}stopped at once\n")
            os._exit(128 + number)
        self.exit_code = 128 + number
        self.event.set()
        self._wake()
        if self._announced:
            _say("\nstopping: the request in flight is finished first; once more stops at once\n")


@contextmanager
def on_hangup(act: Callable[[], None]) -> Iterator[None]:
    """Meanwhile SIGHUP does this instead of ending the process."""
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _say(text: str) -> None:
    """Past every buffer: a handler may interrupt one being written."""
    os.write(sys.stderr.fileno(), text.encode())
