"""Reads of the journal that are not repeated while nobody writes to it: to open the file costs more than its rows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

from reconciler.file_fingerprint import MIN_FILE_AGE

T = TypeVar("T")
Fingerprint = tuple[int, int, int, int]  # size, device, inode, nanoseconds of the last write


class UnchangedReads:
    """Results of reads of the journal at `path`, valid while its files look the same. Not thread-safe.

    Whoever writes to it, in this process or another, writes to the database or its write-ahead log. Only their times
    of modification count: as root, SQLite also sets the owner of the log whenever it is opened.
    """

    def __init__(self, path: Path) -> None:
        self._files = (str(path), f"{path}-wal")
        self._fingerprints: list[Fingerprint | None] | None = None
        self._results: dict[Hashable, Any] = {}

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return what `read` returned under this key, or returns now if a file has changed. Raises what it raises."""
        fingerprints = self._compute_fingerprints()  # before the read: it is not to miss a write during it
        if fingerprints is None or fingerprints != self._fingerprints:
            self._results.clear()
        self._fingerprints = fingerprints
        if key not in self._results:
            self._results[key] = read()
        result: T = self._results[key]
        return result

    def _compute_fingerprints(self) -> list[Fingerprint | None] | None:
        """Return those of both files, None for one that is not there; None if a file may change without a trace."""
        fingerprints: list[Fingerprint | None] = []
        for file in self._files:
            try:
                status = os.stat(file)  # noqa: PTH116 - in each cycle
            except FileNotFoundError:
                fingerprints.append(None)
                continue
            except OSError:
                return None
            if time.time() - status.st_mtime < MIN_FILE_AGE:
                return None
            fingerprints.append((status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns))
        return fingerprints
