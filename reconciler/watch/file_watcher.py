"""The thread that sees the files change."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog
import watchfiles

from reconciler.file_fingerprint import StatFingerprint, fingerprint_stat

Fingerprints = dict[str, bytes]  # a digest of every file's content, by its path

_ABSENT_DIGEST: Final = b"absent"


class FileFingerprints:
    """Looks at files. Those whose size, times and inode are as before are not read again. Not thread-safe."""

    def __init__(self) -> None:
        self._cache: dict[str, tuple[StatFingerprint, bytes]] = {}

    def compute(self, files: Iterable[Path], *, thorough: bool = False) -> Fingerprints:
        """The state of the files; `thorough`: read each, whatever its times say."""
        return {str(file): self._digest_file(str(file), thorough) for file in files}

    def _digest_file(self, file: str, thorough: bool) -> bytes:
        try:
            found = os.stat(file)  # noqa: PTH116 - many small calls
            if not stat.S_ISREG(found.st_mode):
                return b"no file"
            fingerprint = fingerprint_stat(found)
            known = self._cache.get(file)
            if known and known[0] == fingerprint and not thorough:
                return known[1]
            digest = hashlib.blake2b(Path(file).read_bytes(), digest_size=16).digest()
        except (OSError, ValueError) as error:
            self._cache.pop(file, None)
            return _ABSENT_DIGEST if isinstance(error, FileNotFoundError) else str(error).encode()
        if fingerprint:
            self._cache[file] = (fingerprint, digest)
        else:
            self._cache.pop(file, None)
        return digest


_MAX_LINKS: Final = 40  # as many as the kernel follows

WatchedDirectories = frozenset[
    tuple[str, int, int]
]  # real path, device, inode: a folder that is made anew is another one


def directories_to_watch(files: Iterable[Path]) -> WatchedDirectories:
    """The folders of the files, and those of every link on the way to them."""
    folders: set[str] = set()
    for file in files:
        _collect_directories(Path(os.path.abspath(file)), folders, _MAX_LINKS)  # noqa: PTH100 - links are followed here, one by one
    found = set()
    for folder in folders:
        try:
            real = os.path.realpath(folder)
            status = os.stat(real)  # noqa: PTH116
        except OSError:
            continue
        found.add((real, status.st_dev, status.st_ino))
    return frozenset(found)


def _collect_directories(path: Path, directories: set[str], links_left: int) -> None:
    """Note the folder of every link in `path`, and that of the file at its end, or the nearest one that is there."""
    for step in (*reversed(path.parents), path):
        if links_left and step.is_symlink():
            directories.add(str(step.parent))
            rest = path.relative_to(step)
            target = Path(os.path.normpath(step.parent / os.readlink(step)))  # noqa: PTH115
            _collect_directories(target / rest, directories, links_left - 1)
            return
    folder = path if path.is_dir() else path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    directories.add(str(folder))


POLL_INTERVAL: Final = 3.0  # seconds: where no event comes (bind mounts, network file systems), this is how late we are
_EVENT_STEP: Final = (
    100  # milliseconds between two looks for events; what belongs together is for the schedule to wait for
)


class FileWatcher(threading.Thread):
    """Calls `changed` whenever the content of one of `files()` has changed, until `stop` is set.

    Folders are watched, not files: whoever replaces a file or a link takes the watched inode away. What links lead to
    is found anew after each event. `seen` is how the files were when they were read last.
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
        """Watch until asked to stop; where watching does not work, look from time to time."""
        complained = False
        while not self._stop_event.is_set():
            here = directories_to_watch(self._list_files())
            try:
                self._watch_directories(here)
            except Exception as error:  # no inotify left, a folder gone between two looks: looking always works
                if not complained:
                    structlog.get_logger().warning("files are looked at, not watched", error=str(error))
                complained = True
                self._stop_event.wait(self._poll_interval)
                self._check_files()

    def _watch_directories(self, directories: WatchedDirectories) -> None:
        """Until the folders to watch are others."""
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
        found = self._file_fingerprints.compute(self._list_files())
        if found != self._last_fingerprints:
            self._last_fingerprints = found
            self._on_change()
