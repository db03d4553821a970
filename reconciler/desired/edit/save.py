"""Writing desired-state files: whole or not at all, and never over something that nobody has looked at."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from reconciler.atomic_file import PRIVATE_MODE, sync_folder, temporary_file
from reconciler.model.torrent_file import TorrentFileError, identify_torrent


class SaveError(Exception):
    """A file was not written; all is as it was. The message says why, and what to do about it."""


def create_file(path: Path, content: bytes, *, private: bool) -> None:
    """Make a file that is not there yet. `private`: for its owner alone. Raises `SaveError`."""
    try:
        if os.path.lexists(path):
            raise SaveError(f"{path} is there already, and is not overwritten. Name another file, or move it away")
        mode = PRIVATE_MODE if private else None
        with temporary_file(path, lambda stream: stream.write(content), mode=mode) as temporary:
            _link_file(temporary, path)
            sync_folder(path.parent)
    except OSError as error:
        raise SaveError(f"{path} could not be written: {error.strerror}") from error


class TorrentFolder:
    """Where .torrent files are kept, each under its infohash, for its owner alone: passkeys are in them.

    `beside`: the folder of the YAML file whose entries name them.
    """

    def __init__(self, folder: Path, relative_to: Path) -> None:
        self._folder = folder
        self._relative_to = relative_to

    def save_torrent(self, infohash: str, content: bytes) -> str:
        """Write a file, unless it is there, and give the path that an entry names it by. Raises `SaveError`."""
        path = self._folder / f"{infohash}.torrent"
        try:
            self._folder.mkdir(exist_ok=True)
            if not path.is_file() or str(identify_torrent(path.read_bytes()).infohashes) != infohash:
                create_file(path, content, private=True)
        except TorrentFileError as error:
            raise SaveError(f"{path} is there already, and is no .torrent file: {error}") from error
        except OSError as error:
            raise SaveError(f"{path} could not be written: {error.strerror}") from error
        return os.path.relpath(path.absolute(), self._relative_to.absolute())


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Put `after` in place of `before`. Links are followed; mode and owner stay. Raises `SaveError`.

    Refuses where the file is no longer what it was when it was read.
    """
    target = Path(os.path.realpath(path))
    try:
        found = target.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SaveError(f"{path} is not a plain file, so it is not written")
        mode = stat.S_IMODE(found.st_mode)
        with temporary_file(target, lambda stream: stream.write(after), mode=mode) as temporary:
            made = temporary.stat()
            if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
                os.chown(temporary, found.st_uid, found.st_gid)
            if target.read_bytes() != before:
                raise SaveError(f"{path} has changed meanwhile; nothing was written. Try again")
            temporary.replace(target)
            sync_folder(target.parent)
    except OSError as error:
        raise SaveError(f"{path} could not be written, and is as it was: {error.strerror}") from error


def _link_file(temporary: Path, path: Path) -> None:
    """Give the file its name, which nobody else may have taken since; not every file system knows links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise SaveError(f"{path} has just appeared, and is not overwritten. Name another file") from None
    except OSError:
        temporary.replace(path)
