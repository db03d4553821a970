"""Writes desired-state files: completely or not at all, and never over content that was not read before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from reconciler.atomic_file import PRIVATE_MODE, sync_folder, temporary_file
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.model.torrent_file import TorrentFileError, identify_torrent
from reconciler.regular_file import read_regular_file


class SaveError(Exception):
    """A file was not written, and nothing has changed. The message says why, and what to do about it."""


def create_file(path: Path, content: bytes, *, private: bool) -> None:
    """Create a file that does not exist yet. `private`: readable by its owner only. Raises `SaveError`."""
    try:
        if os.path.lexists(path):
            raise SaveError(f"{path} already exists and is not overwritten. Name another file, or move it away")
        mode = PRIVATE_MODE if private else None
        with temporary_file(path, lambda stream: stream.write(content), mode=mode) as temporary:
            _link_file(temporary, path)
            sync_folder(path.parent)
    except OSError as error:
        raise SaveError(f"{path} could not be written: {error.strerror}") from error


class TorrentFolder:
    """A folder for .torrent files, each named by its infohash and readable by its owner only: they contain passkeys.

    `relative_to`: the folder of the YAML file whose entries name the files.
    """

    def __init__(self, folder: Path, relative_to: Path) -> None:
        self._folder = folder
        self._relative_to = relative_to

    def save_torrent(self, infohash: str, content: bytes) -> str:
        """Write a file unless it exists, and return its path as an entry names it. Raises `SaveError`."""
        path = self._folder / f"{infohash}.torrent"
        try:
            self._folder.mkdir(exist_ok=True)
            if not path.is_file() or _identify_file(path) != infohash:
                create_file(path, content, private=True)
        except TorrentFileError as error:
            raise SaveError(f"{path} already exists and is not a .torrent file: {error}") from error
        except OSError as error:
            raise SaveError(f"{path} could not be written: {error.strerror}") from error
        return os.path.relpath(path.absolute(), self._relative_to.absolute())


def _identify_file(path: Path) -> str:
    return str(identify_torrent(read_regular_file(path, MAX_TORRENT_FILE_BYTES)).infohashes)


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Replace the content `before` of a file with `after`. Follows links, and keeps mode and owner.

    Raises `SaveError`, also where the content is no longer `before`.
    """
    target = Path(os.path.realpath(path))
    try:
        old = target.stat()
        if not stat.S_ISREG(old.st_mode):
            raise SaveError(f"{path} is not a regular file, so it is not written")
        mode = stat.S_IMODE(old.st_mode)
        with temporary_file(target, lambda stream: stream.write(after), mode=mode) as temporary:
            new = temporary.stat()
            if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
                os.chown(temporary, old.st_uid, old.st_gid)
            if target.read_bytes() != before:
                raise SaveError(f"{path} has changed since it was read; nothing was written. Try again")
            temporary.replace(target)
            sync_folder(target.parent)
    except OSError as error:
        raise SaveError(f"{path} could not be written and is unchanged: {error.strerror}") from error


def _link_file(temporary: Path, path: Path) -> None:
    """Give the file its name unless another process has taken it. Not every file system supports links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise SaveError(
            f"{path} was just created by another process and is not overwritten. Name another file"
        ) from None
    except OSError:
        temporary.replace(path)
