"""Copies of what was fetched, in the state folder, so that a URL that is gone does not make its torrent unknown.

Each file is named by the SHA-256 of its URL. It holds the SHA-256 of the content on a line of its own, and the content.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.atomic_file import PRIVATE_MODE, temporary_file
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.regular_file import UnsuitableFileError, read_regular_file

STORE_FOLDER_NAME: Final = "fetched"
MAX_UNUSED_DAYS: Final = 400
_DAY: Final = 86_400.0  # seconds
_HEADER_LENGTH: Final = 65  # 64 hex digits and a line break


class TorrentStore:
    """The content of URLs, as it was fetched last, in a folder. It never raises; an error is a warning, once.

    `read_only`: nothing is written, as in a dry-run. Any thread may use it.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None], *, read_only: bool) -> None:
        self._folder = folder
        self._warn = warn
        self._read_only = read_only
        self._lock = threading.Lock()
        self._is_warned = self._is_purged = False

    def has(self, url: str) -> bool:
        """Return True if something was fetched from a URL. It may be damaged."""
        return os.path.exists(self._path_of(url))  # noqa: PTH110 - never raises

    def load(self, url: str) -> bytes | None:
        """Return what was fetched from a URL; None if nothing was, or it is damaged."""
        path = self._path_of(url)
        try:
            header, _, content = read_regular_file(path, MAX_TORRENT_FILE_BYTES + _HEADER_LENGTH).partition(b"\n")
            self._mark_used(path)
        except (FileNotFoundError, UnsuitableFileError):
            return None
        except OSError as error:
            self._warn_once(path, error)
            return None
        return content if header == _digest(content) else None

    def save(self, url: str, content: bytes) -> None:
        """Keep what was fetched from a URL."""
        if self._read_only:
            return
        path, header = self._path_of(url), _digest(content) + b"\n"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._purge()
            with suppress(OSError):
                if path.stat().st_size == len(header) + len(content) and _read_start(path) == header:
                    self._mark_used(path)
                    return
            with temporary_file(path, lambda file: file.write(header + content), mode=PRIVATE_MODE, sync=False) as new:
                new.replace(path)
        except OSError as error:
            self._warn_once(path, error)

    def _path_of(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()

    def _mark_used(self, path: Path) -> None:
        """Set the time of a file to now, at most once a day. A folder that is read-only now is no reason to fail."""
        with suppress(OSError):
            if not self._read_only and time.time() - path.stat().st_mtime > _DAY:
                os.utime(path)

    def _purge(self) -> None:
        """Delete, once, what no run has used for a long time."""
        with self._lock:
            if self._is_purged:
                return
            self._is_purged = True
        for path in self._folder.iterdir():
            with suppress(OSError):
                if time.time() - path.lstat().st_mtime > MAX_UNUSED_DAYS * _DAY:
                    path.unlink()

    def _warn_once(self, path: Path, error: OSError) -> None:
        with self._lock:
            is_warned, self._is_warned = self._is_warned, True
        if not is_warned:
            self._warn(
                f"the fetched torrents in {path.parent} cannot be used: {error.strerror or error}. "
                "Choose a folder with --state-dir"
            )


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _read_start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER_LENGTH)
