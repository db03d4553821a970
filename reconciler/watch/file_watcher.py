"""A thread that reports changes of files, and the fingerprints that it compares."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import structlog
import watchfiles

from reconciler.desired.files import is_yaml_name
from reconciler.file_fingerprint import StatFingerprint, fingerprint_stat
from reconciler.regular_file import read_regular_file

POLL_INTERVAL: Final = 3.0  # seconds; the delay where no events come, as on bind mounts and network file systems
_EVENT_STEP: Final = 100  # milliseconds between two polls for events; the schedule waits for what belongs together
_MAX_LINKS: Final = 40  # as many as the kernel follows
_MAX_DIGESTED_BYTES: Final = 256 << 20  # a larger file is never loaded
_ABSENT_DIGEST: Final = b"absent"

Fingerprints = dict[str, bytes]  # a digest of each file's content, or of the names in a folder, by path
# real path, device and inode, so that a folder that was deleted and created again counts as another one
WatchedDirectories = frozenset[tuple[str, int, int]]


class FileWatcher(threading.Thread):
    """Calls `on_change` whenever the content of one of `list_files()` has changed, until `stop` is set.

    It watches folders, because whoever replaces a file or a link removes the inode that a watch of the file is on. The
    targets of links are resolved again after each event. `fingerprints` are those from when the files were read last.
    """

    def __init__(
        self,
        list_files: Callable[[], Iterable[Path]],
        fingerprints: Fingerprints,
        on_change: Callable[[], None],
        stop: threading.Event,
        poll_interval: float = POLL_INTERVAL,
    ) -> None:
        super().__init__(name="files", daemon=True)
        self._list_files = list_files
        self._last_fingerprints = fingerprints
        self._on_change = on_change
        self._stop_event = stop
        self._poll_interval = poll_interval
        self._file_fingerprints = FileFingerprints()

    def run(self) -> None:
        """Watch until `stop` is set; poll where the folders cannot be watched."""
        is_warned = False
        while not self._stop_event.is_set():
            directories = directories_to_watch(self._list_files())
            try:
                self._watch_directories(directories)
            except Exception as error:  # no inotify watch is left, or a folder was deleted; polling always works
                if not is_warned:
                    structlog.get_logger().warning("files are polled, not watched", error=str(error))
                is_warned = True
                self._stop_event.wait(self._poll_interval)
                self._check_files()

    def _watch_directories(self, directories: WatchedDirectories) -> None:
        """Return when other directories are to be watched."""
        if not directories:
            self._stop_event.wait(self._poll_interval)
            self._check_files()
            return
        for _ in watchfiles.watch(
            *(path for path, _, _ in directories),
            watch_filter=None,
            debounce=_EVENT_STEP,
            step=_EVENT_STEP,
            rust_timeout=int(self._poll_interval * 1000),
            yield_on_timeout=True,
            stop_event=self._stop_event,
            raise_interrupt=False,
            recursive=False,
        ):
            self._check_files()
            if directories_to_watch(self._list_files()) != directories:
                return

    def _check_files(self) -> None:
        fingerprints = self._file_fingerprints.compute(self._list_files())
        if fingerprints != self._last_fingerprints:
            self._last_fingerprints = fingerprints
            self._on_change()


class _ReadFile(NamedTuple):
    """The state of a file when it was read last."""

    fingerprint: StatFingerprint
    checksum: int
    digest: bytes


class FileFingerprints:
    """Digests of files. A file with the same size, times and inode as before is not read again. Not thread-safe."""

    def __init__(self) -> None:
        self._cache: dict[str, _ReadFile] = {}

    def compute(self, files: Iterable[Path], *, thorough: bool = False) -> Fingerprints:
        """Return the digests of the files; `thorough`: read every file, whatever its times are.

        A network file system, or a program that maps a file into memory, can change it while its times stay. A file
        that looks the same is compared by its CRC, which takes a fifth of the time of a digest: nearly always nothing
        has changed, and of the changes that the times do not show, one in four billion would be missed.
        """
        return {str(file): self._digest_file(str(file), thorough) for file in files}

    def _digest_file(self, file: str, thorough: bool) -> bytes:
        try:
            status = os.stat(file)  # noqa: PTH116 - many small calls
            if stat.S_ISDIR(status.st_mode):
                return _digest_folder(file)
            if not stat.S_ISREG(status.st_mode):
                return b"no file"
            fingerprint = fingerprint_stat(status)
            known = self._cache.get(file)
            if known and known.fingerprint != fingerprint:
                known = None
            if known and not thorough:
                return known.digest
            data = read_regular_file(file, _MAX_DIGESTED_BYTES)
            checksum = zlib.crc32(data)
            if known and known.checksum == checksum:
                return known.digest
            digest = hashlib.blake2b(data, digest_size=16).digest()
        except (OSError, ValueError) as error:
            self._cache.pop(file, None)
            return _ABSENT_DIGEST if isinstance(error, FileNotFoundError) else str(error).encode()
        if fingerprint:
            self._cache[file] = _ReadFile(fingerprint, checksum, digest)
        else:
            self._cache.pop(file, None)
        return digest


def _digest_folder(folder: str) -> bytes:
    """Return a digest of the names of YAML files and subfolders: a new one may be a file that a glob includes."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if is_yaml_name(entry.name) or _is_subfolder(entry)]
    return hashlib.blake2b("\0".join(sorted(names)).encode(errors="surrogateescape"), digest_size=16).digest()


def _is_subfolder(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_dir()


def directories_to_watch(files: Iterable[Path]) -> WatchedDirectories:
    """Return the directories of the files, and of every link on the way to them."""
    directories: set[str] = set()
    for path in {_skip_plain_name(os.path.abspath(file)) for file in files}:  # noqa: PTH100 - keeps the links
        _collect_directories(Path(path), directories, _MAX_LINKS)
    watched = set()
    for directory in directories:
        try:
            real_path = os.path.realpath(directory)
            status = os.stat(real_path)  # noqa: PTH116
        except OSError:
            continue
        watched.add((real_path, status.st_dev, status.st_ino))
    return frozenset(watched)


def _skip_plain_name(path: str) -> str:
    """Return the folder of a file that is neither a link nor a folder: many files share it, and its links."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return path
    return path if stat.S_ISLNK(mode) or stat.S_ISDIR(mode) else os.path.dirname(path)  # noqa: PTH120 - many calls


def _collect_directories(path: Path, directories: set[str], links_left: int) -> None:
    """Add the directories of the links in `path` and of the file itself, or its nearest parent that exists."""
    for step in (*reversed(path.parents), path):
        if links_left and step.is_symlink():
            directories.add(str(step.parent))
            relative_path = path.relative_to(step)
            target = Path(os.path.normpath(step.parent / os.readlink(step)))  # noqa: PTH115
            _collect_directories(target / relative_path, directories, links_left - 1)
            return
    directory = path if path.is_dir() else path.parent
    while not directory.is_dir() and directory != directory.parent:
        directory = directory.parent
    directories.add(str(directory))
