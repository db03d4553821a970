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

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = "\x1b[?25h"  # a progress bar hides it


class StopSignals:
    """While it is entered, SIGINT and SIGTERM set `event`; afterwards `exit_code` is 130 or 143 if one came.

    `wake` is called with the first; it must be something that a signal handler may do. `announced` False: nothing is
    said about it, where that would stand in the midst of what a terminal shows.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None, *, announce: bool = True) -> None:
        self._wake = wake
        self._announce = announce
        self.event = threading.Event()
        self.exit_code: int | None = None
        self._previous_handlers: list[signal.Handlers | int | None] = []

    def __enter__(self) -> Self:
        for number in _STOP_SIGNALS:
            self._previous_handlers.append(signal.signal(number, self._handle_signal))  # type: ignore[arg-type]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in zip(_STOP_SIGNALS, self._previous_handlers, strict=True):
            signal.signal(number, handler)

    def _handle_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.event.is_set():
            if sys.stdout.isatty():
                os.write(sys.stdout.fileno(), _SHOW_CURSOR.encode())
            _write_stderr(f"{_SHOW_CURSOR if sys.stderr.isatty() else ''}stopped at once\n")
            os._exit(128 + number)
        self.exit_code = 128 + number
        self.event.set()
        self._wake()
        if self._announce:
            _write_stderr("\nstopping: the request in flight is finished first; once more stops at once\n")


@contextmanager
def call_on_hangup(callback: Callable[[], None]) -> Iterator[None]:
    """Meanwhile SIGHUP does this instead of ending the process."""
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: callback())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _write_stderr(text: str) -> None:
    """Past every buffer: a handler may interrupt one being written."""
    os.write(sys.stderr.fileno(), text.encode())
