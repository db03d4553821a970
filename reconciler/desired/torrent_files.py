"""The .torrent files that entries name, local or by URL: read once, and known again as long as they do not change."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Mapping
from functools import partial

from reconciler.file_fingerprint import StatFingerprint, fingerprint_stat
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent

TorrentFetcher = Callable[[Collection[str]], Mapping[str, TorrentFile | TorrentFileError]]
"""Gets every URL of a desired state, side by side: for each, what it leads to or why it could not be had."""


def is_url(location: str) -> bool:
    """Is the place of a .torrent file a URL, not a path?"""
    return location[:8].lower().startswith(("http://", "https://"))


class TorrentFileCache:
    """What loads share, so that the next one reads only what has changed. Not thread-safe.

    Without `fetch`, nothing is contacted, and the torrents of URLs stay unknown.
    """

    def __init__(self, fetch: TorrentFetcher | None = None) -> None:
        self.fetch = fetch
        self._files_by_path: dict[str, tuple[StatFingerprint, TorrentFile]] = {}

    def get(self, path: str) -> TorrentFile:
        """The local file. Raises `TorrentFileError`."""
        fingerprint = _fingerprint_file(path)
        known = self._files_by_path.get(path)
        if known and known[0] == fingerprint:
            return known[1]
        data = _read_bytes(path)
        found = identify_torrent(data)
        file = TorrentFile(path, found.infohashes, found.name, len(data), partial(_read_bytes, path))
        self._files_by_path.pop(path, None)
        if fingerprint and len(data) == fingerprint.size:
            self._files_by_path[path] = (fingerprint, file)
        return file


def _fingerprint_file(path: str) -> StatFingerprint | None:
    try:
        return fingerprint_stat(os.stat(path))  # noqa: PTH116 - many small calls
    except (OSError, ValueError):
        return None


def _read_bytes(path: str) -> bytes:
    """The bytes of a regular file of at most `MAX_TORRENT_FILE_BYTES`. Raises `TorrentFileError`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us up
        with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TorrentFileError("it is no file")
            data = file.read(MAX_TORRENT_FILE_BYTES + 1)
    except FileNotFoundError:
        raise TorrentFileError("there is no such file") from None
    except (OSError, ValueError) as error:
        raise TorrentFileError(
            f"it cannot be read: {getattr(error, 'strerror', None) or 'its path is not usable'}"
        ) from None
    return data
