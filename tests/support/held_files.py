"""Files that whoever opens them waits for, with a lease of Linux: fcntl(2), "Leases"."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.raw import RawClient


@contextmanager
def hold_file(file: Path) -> Iterator[None]:
    """Let every process that opens a file wait until the block ends.

    A server that hashes the file stays at it, and uses no CPU time. After 45 seconds (`fs.lease-break-time`) the kernel
    lets it read all the same.
    """
    with file.open("r+b") as stream, _ignore_signal(signal.SIGIO):  # which tells the holder that somebody waits
        RawClient.wait_until(lambda: _take_lease(stream.fileno()))
        yield


def _take_lease(descriptor: int) -> bool:
    """Return False while another process has the file open."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _ignore_signal(number: signal.Signals) -> Iterator[None]:
    handler = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, handler)
