"""Stop signals: the first one lets the request in flight finish, the second one ends the process at once.

See docs/decisions/0014-no-init-in-the-container.md.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Final, Self

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = "\x1b[?25h"  # a progress bar hides the cursor
_END_BYTE: Final = b"\0"  # no signal has this number


class StopSignals:
    """Context in which SIGINT and SIGTERM set `event`; afterwards `exit_code` is 130 or 143 if one arrived.

    The first signal calls `wake`. With `on_hangup`, SIGHUP calls that instead of ending the process. Without
    `announce` nothing is printed, for callers that draw on the terminal.

    Signals are handled in a thread of their own. Python runs handlers in the main thread, and only when that thread
    wakes up; but of two signals that arrive together, the kernel may give the second to another thread, which wakes
    nobody up.
    """

    def __init__(
        self,
        wake: Callable[[], None] = lambda: None,
        *,
        on_hangup: Callable[[], None] | None = None,
        announce: bool = True,
    ) -> None:
        self._wake = wake
        self._on_hangup = on_hangup
        self._announce = announce
        self.event = threading.Event()
        self.exit_code: int | None = None
        self._previous_handlers: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._previous_writer = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._handle_signals, name="signals", daemon=True)
        self._thread.start()
        for number in (*_STOP_SIGNALS, *((signal.SIGHUP,) if self._on_hangup else ())):
            self._previous_handlers[number] = signal.signal(number, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_writer)
        os.write(self._writer, _END_BYTE)
        self._thread.join()
        os.close(self._reader)
        os.close(self._writer)

    def _handle_signals(self) -> None:
        """Handle each signal whose number arrives in the pipe, until the context ends."""
        while True:
            for number in os.read(self._reader, 64):
                if number == _END_BYTE[0]:
                    return
                if number in _STOP_SIGNALS:
                    self._handle_stop(number)
                elif number == signal.SIGHUP and self._on_hangup:
                    self._on_hangup()

    def _handle_stop(self, number: int) -> None:
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


def _write_stderr(text: str) -> None:
    """Write without a buffer, whose lock the main thread may hold."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), text.encode())
