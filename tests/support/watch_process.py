"""A running watch: the real command as a process, with its output as it arrives."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.commands import StartedCommand
from tests.support.home import Home
from tests.support.raw import RawClient


class WatchProcess:
    """`reconcile --watch` in a user's folder."""

    def __init__(self, process: StartedCommand) -> None:
        self.process = process

    @property
    def out(self) -> list[str]:
        """The whole lines on standard output so far."""
        return _split_whole_lines(self.process.out)

    @property
    def err(self) -> list[str]:
        """The whole lines on standard error so far."""
        return _split_whole_lines(self.process.err)

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The JSON reports so far, one a line."""
        return [json.loads(line) for line in self.out]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.err if line.startswith("{")]

    def has_logged(self, text: str, since: int = 0) -> bool:
        """Return True if a line of the log contains the text. Leaves out the first `since` lines."""
        return any(text in line for line in self.err[since:])

    def wait_until(self, condition: Callable[[], bool], within: float = 60.0) -> None:
        """Wait until a condition holds while the watch runs."""
        RawClient.wait_until(lambda: condition() or self._assert_running(), within)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Stop the watch and return the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        return time.monotonic() - began

    def count_descriptors(self) -> int:
        """Return the number of open files and sockets."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def resident_bytes(self) -> int:
        """Its memory in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _assert_running(self) -> bool:
        assert self.process.is_running, "it ended:\n" + "".join(self.err)
        return False


def _split_whole_lines(text: str) -> list[str]:
    return text[: text.rfind("\n") + 1].splitlines(keepends=True)


@contextmanager
def start_watch(home: Home, *options: str, interval: str = "1s") -> Iterator[WatchProcess]:
    """Start a watch, and end it at the end of the block if it still runs."""
    process = home.start("--watch", "--interval", interval, "--log-format", "json", *options)
    try:
        yield WatchProcess(process)
    finally:
        process.kill()
