"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.model.torrent_file import TorrentFileError, identify_torrent

PRIVATE_MODE: Final = 0o600
_NEW_FILE_MODE: Final = 0o666  # less the umask

WriteContent = Callable[[BinaryIO], object]


@contextmanager
def temporary_file(path: Path, write: WriteContent, *, mode: int | None = None, sync: bool = True) -> Iterator[Path]:
    """Write a hidden file in the folder of `path`, to be moved to `path`; delete it afterwards if it was not moved.

    `mode` is the file's permissions, by default those of any new file. `sync`: the content is on disk when this
    yields. Raises `OSError`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    handle = os.open(temporary, flags, _NEW_FILE_MODE if mode is None else PRIVATE_MODE)
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            if mode is not None:
                os.fchmod(handle, mode)
            if sync:
                os.fsync(handle)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, write: WriteContent, *, sync: bool = True) -> None:
    """Write a file, in place of any that is there; a reader sees the old content or the new. Raises `OSError`.

    Links are followed, and the permissions of a file that is replaced stay.
    """
    target = Path(os.path.realpath(path))
    mode = None
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(target.stat().st_mode)
    with temporary_file(target, write, mode=mode, sync=sync) as temporary:
        temporary.replace(target)


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk, so that the names of its files survive a crash. Raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_torrent_file(path: str, data: bytes) -> None:
    """Write a .torrent file, unless the file is there and has the torrent. Raises `OSError`.

    Creates folders, and follows links. A file that is no .torrent file is never overwritten.
    """
    target = Path(os.path.realpath(path))
    with suppress(FileNotFoundError):
        status = target.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_TORRENT_FILE_BYTES:
            raise OSError("it is there already, and is no .torrent file")
        try:
            if identify_torrent(target.read_bytes()).infohashes == identify_torrent(data).infohashes:
                return
        except TorrentFileError:
            raise OSError("it is there already, and is no .torrent file") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, lambda stream: stream.write(data))
