"""Stop signals: the first one lets the request in flight finish, the second one ends the process at once.

See docs/decisions/0014-no-init-in-the-container.md.
"""

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
_SHOW_CURSOR: Final = "\x1b[?25h"  # a progress bar hides the cursor


class StopSignals:
    """Context in which SIGINT and SIGTERM set `event`; afterwards `exit_code` is 130 or 143 if one arrived.

    The first signal calls `wake`, which must be safe in a signal handler. Without `announce` nothing is printed, for
    callers that draw on the terminal.
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
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
            _write_stderr("\nstopping after the request in flight; a second signal stops at once\n")


@contextmanager
def call_on_hangup(callback: Callable[[], None]) -> Iterator[None]:
    """Context in which SIGHUP calls the function instead of ending the process."""
    previous = signal.signal(signal.SIGHUP, lambda _number, _frame: callback())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, previous)


def _write_stderr(text: str) -> None:
    """Write without a buffer, which the handler may have interrupted."""
    os.write(sys.stderr.fileno(), text.encode())
