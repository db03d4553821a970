"""Fingerprints of files from `stat`, which show that a file has not changed without reading it."""

from __future__ import annotations

import os
import time
from typing import Final, NamedTuple

MIN_FILE_AGE: Final = 2.0  # seconds; a file that was written later can be written again without a change of its times


class StatFingerprint(NamedTuple):
    """The size, identity and times of a file."""

    size: int
    device: int
    inode: int
    modified_ns: int
    changed_ns: int


def fingerprint_stat(status: os.stat_result) -> StatFingerprint | None:
    """Return the fingerprint of a file; None while the file is too young for one."""
    if time.time() - max(status.st_mtime, status.st_ctime) < MIN_FILE_AGE:
        return None
    return StatFingerprint(status.st_size, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
