"""The .torrent files that `export` asks for."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.model.torrent_file import TorrentFileError, identify_torrent

_DEFAULT_FILE_MODE: Final = 0o666


def write_torrent_file(path: str, data: bytes) -> None:
    """Write a .torrent file: whole or not at all, and not where the torrent is in it already. Raises `OSError`.

    What is there and is no .torrent file is never overwritten. Folders are made, and links followed.
    """
    target = Path(os.path.realpath(path))
    with suppress(FileNotFoundError):
        found = target.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_TORRENT_FILE_BYTES:
            raise OSError("it is there already, and is no .torrent file")
        try:
            if identify_torrent(target.read_bytes()).infohashes == identify_torrent(data).infohashes:
                return
        except TorrentFileError:
            raise OSError("it is there already, and is no .torrent file") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(_get_file_mode(target))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _get_file_mode(target: Path) -> int:
    """Who may read it: as before, or as of any new file."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    current = os.umask(0o077)
    os.umask(current)
    return _DEFAULT_FILE_MODE & ~current
