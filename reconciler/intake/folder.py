"""The file of an intake on disk: locked against other processes, replaced as a whole, .torrent files beside it."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from reconciler.atomic_file import PRIVATE_MODE, sync_folder, temporary_file
from reconciler.intake.git_index import is_tracked_by_git
from reconciler.model.lazy_dataclass import dataclass
from reconciler.regular_file import read_regular_file

MAX_INTAKE_BYTES: Final = 64 << 20
_TORRENT_NAME: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\.torrent\Z")


class UnsuitableFolder(Exception):
    """The file of the intake cannot be where it is declared. The message says why."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A version of the file: a change by another process shows in it."""

    inode: int
    size: int
    changed_at: int


class IntakeFolder:
    """The file `path`, and the folder that it is in. Raises `OSError`, but for `check`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = path.parent

    def check(self) -> None:
        """Raise `UnsuitableFolder` unless the folder is there and can be written, and nobody else owns the file."""
        if not self._folder.is_dir():
            raise UnsuitableFolder(f"there is no folder {self._folder}. Create it, or correct intake.file")
        if self.path.is_symlink():
            raise UnsuitableFolder(f"{self.path} is a link. Name the file itself in intake.file")
        if is_tracked_by_git(self.path):
            raise UnsuitableFolder(f"{self.path} is a file of a git repository. Name another one in intake.file")
        try:
            with temporary_file(self.path, lambda stream: stream.write(b""), mode=PRIVATE_MODE):
                pass
        except OSError as error:
            raise UnsuitableFolder(f"the folder {self._folder} cannot be written: {error.strerror}") from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Context in which no other process changes the file."""
        name = self._folder / f".{self.path.name}.lock"
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE)
        try:
            _give_to_owner(name, _find_status(self.path))
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def read(self) -> str | None:
        """Return the text of the file; None if it does not exist. Raises `ValueError` if it is not UTF-8."""
        try:
            return read_regular_file(self.path, MAX_INTAKE_BYTES).decode()
        except FileNotFoundError:
            return None

    def find_fingerprint(self) -> Fingerprint | None:
        """Return the version of the file; None if it does not exist."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return Fingerprint(status.st_ino, status.st_size, status.st_mtime_ns)

    def write(self, text: str, *, with_folder: bool = False) -> Fingerprint | None:
        """Replace the file: it is on disk when this returns. A new one is private, for links may contain passkeys.

        `with_folder`: the names of other files in the folder are on disk before.
        """
        if with_folder:
            sync_folder(self._folder)
        before = _find_status(self.path)
        mode = stat.S_IMODE(before.st_mode) if before else PRIVATE_MODE
        with temporary_file(self.path, lambda stream: stream.write(text.encode()), mode=mode) as temporary:
            _give_to_owner(temporary, before)
            temporary.replace(self.path)
        sync_folder(self._folder)
        return self.find_fingerprint()

    def save_torrent(self, infohash: str, content: bytes) -> Path | None:
        """Write a .torrent file, and return its path; None if it is there already with this content."""
        path = self._folder / f"{infohash}.torrent"
        with suppress(FileNotFoundError):
            if not path.is_symlink() and path.read_bytes() == content:
                return None
        with temporary_file(path, lambda stream: stream.write(content), mode=PRIVATE_MODE) as temporary:
            temporary.replace(path)
        return path

    def delete_torrents(self, names: Collection[str]) -> None:
        """Delete .torrent files that no entry names any more. One that cannot be deleted is tried at the next start."""
        for name in names:
            if _TORRENT_NAME.match(name):
                with suppress(OSError):
                    (self._folder / name).unlink()

    def delete_orphans(self, named: Collection[str], others: Collection[str]) -> None:
        """Delete what a process left that was killed: temporary files, and .torrent files that no entry names.

        `others`: the real paths of files that the desired state needs. A file that we did not write ourselves stays.
        """
        left_over = re.compile(rf"\.(?:{re.escape(self.path.name)}|{_TORRENT_NAME.pattern[:-2]})\.[0-9a-f]{{8}}\.tmp\Z")
        with os.scandir(self._folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False) and _is_own(entry)]
        for name in names:
            is_orphan = _TORRENT_NAME.match(name) and name not in named
            if (is_orphan or left_over.match(name)) and os.path.realpath(self._folder / name) not in others:
                with suppress(OSError):
                    (self._folder / name).unlink()


def is_file_of_intake(path: Path, intake_file: str) -> bool:
    """True for the file of the intake, and for what lies beside it with the name of an upload."""
    own = Path(intake_file)
    return path == own or (path.parent == own.parent and _TORRENT_NAME.match(path.name) is not None)


def _find_status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _give_to_owner(path: Path, owner: os.stat_result | None) -> None:
    """Give a file to the owner of another one: root may promote what the user of the sidecar keeps."""
    if owner is not None and os.geteuid() == 0 and path.stat().st_uid != owner.st_uid:
        os.chown(path, owner.st_uid, owner.st_gid)


def _is_own(entry: os.DirEntry[str]) -> bool:
    status = entry.stat(follow_symlinks=False)
    return status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == PRIVATE_MODE
