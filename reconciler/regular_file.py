"""Reading of files that other people may have placed: only regular files, each up to a limit.

A pipe would hang, `/dev/zero` would fill the memory, and a link that a pull request adds would show any file of this
machine.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

MAX_SMALL_FILE_BYTES: Final = 1 << 20  # of files with a secret, a token or a few URLs


class UnsuitableFileError(OSError):
    """A file that is not regular, or too large. `strerror` says so in one clause."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EINVAL, message)


def read_regular_file(path: str | Path, max_bytes: int) -> bytes:
    """Return the content of a regular file. Links are followed.

    Raises `OSError`, before anything is read `UnsuitableFileError`, and `ValueError` for a path with a NUL character.
    """
    _check_kind(os.stat(path).st_mode)  # noqa: PTH116 - many small calls; to open some devices has an effect
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe that took its place must not block
    try:
        status = os.fstat(handle)
        _check_kind(status.st_mode)
        data: bytes | None = None
        if status.st_size <= max_bytes:
            data = _read_bytes(handle, status.st_size + 1)  # a large limit at once would cost more than the content
            if len(data) > status.st_size:  # it has grown, or is a file of /proc, which has no size
                data += _read_bytes(handle, max_bytes + 1 - len(data))
    finally:
        os.close(handle)
    if data is None or len(data) > max_bytes:
        raise UnsuitableFileError(f"it is larger than {_format_limit(max_bytes)}")
    return data


def leads_out(path: Path) -> bool:
    """Return True if a link leads out of the folder that it is in: `path` itself, or a folder of a relative path.

    The links of ConfigMaps and git-sync stay inside. The folders of an absolute path are the choice of its author.
    """
    steps = (path,) if path.is_absolute() else (path, *path.parents)
    return any(step.is_symlink() and not is_inside(step, step.parent) for step in steps)


def is_inside(path: str | Path, folder: str | Path) -> bool:
    """Return True if a file is inside a folder when all links are followed. It need not exist."""
    real_path, real_folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath((real_path, real_folder)) == real_folder


def _read_bytes(handle: int, count: int) -> bytes:
    """Return the next bytes of a file, fewer only at its end. A file object for each takes as long as the rest."""
    chunks = []
    while count > 0 and (chunk := os.read(handle, count)):
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _check_kind(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise UnsuitableFileError("it is not a regular file")


def _format_limit(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size} bytes"
