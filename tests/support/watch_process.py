"""A running watch: the real command as a process, with its output as it arrives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.support.home import Home
from tests.support.raw import RawClient


class WatchProcess:
    """`reconcile --watch` in a user's folder."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [self._start_reader(process.stdout, self.out), self._start_reader(process.stderr, self.err)]

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The JSON reports so far, one a line."""
        return [json.loads(line) for line in self.out]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.err if line.startswith("{")]

    def has_logged(self, text: str) -> bool:
        """Return True if a line of the log contains the text."""
        return any(text in line for line in self.err)

    def wait_until(self, condition: Callable[[], bool], within: float = 60.0) -> None:
        """Wait until a condition holds while the watch runs."""
        try:
            RawClient.wait_until(lambda: condition() or self._assert_running(), within)
        except AssertionError as error:
            raise AssertionError("it did not happen:\n" + "".join(self.err[-20:])) from error

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Stop the watch and return the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        for reader in self._readers:
            reader.join(5)
        return time.monotonic() - began

    def count_descriptors(self) -> int:
        """Return the number of open files and sockets."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def resident_bytes(self) -> int:
        """Its memory in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _assert_running(self) -> bool:
        assert self.process.poll() is None, "it ended:\n" + "".join(self.err)
        return False

    @staticmethod
    def _start_reader(stream: IO[str] | None, lines: list[str]) -> threading.Thread:
        assert stream
        thread = threading.Thread(target=lambda: lines.extend(stream), daemon=True)
        thread.start()
        return thread


@contextmanager
def start_watch(home: Home, *options: str, interval: str = "1s") -> Iterator[WatchProcess]:
    """Start a watch, and end it at the end of the block if it still runs."""
    process = home.start("--watch", "--interval", interval, "--log-format", "json", *options)
    watched = WatchProcess(process)
    try:
        yield watched
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
