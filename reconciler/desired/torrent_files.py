"""The .torrent files that entries name, by path or by URL, with a cache for local files that do not change."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING

from reconciler.file_fingerprint import StatFingerprint, fingerprint_stat
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.model.torrent_file import (
    FetchedTorrent,
    MissingTorrentFileError,
    TorrentFile,
    TorrentFileError,
    identify_torrent,
)
from reconciler.regular_file import UnsuitableFileError, read_regular_file

if TYPE_CHECKING:
    from reconciler.desired.parsed_files import ParsedFiles

TorrentFetcher = Callable[[Collection[str]], Mapping[str, FetchedTorrent]]
"""Fetches every URL of a desired state concurrently, and returns the torrent or the error of each."""


def is_url(location: str) -> bool:
    """True for the URL of a .torrent file, False for a path."""
    return location[:8].lower().startswith(("http://", "https://"))


class TorrentFileCache:
    """The local .torrent files of earlier loads, so that the next load reads only files that changed. Not thread-safe.

    Without `fetch`, no server is contacted, and the torrents behind URLs stay unknown. `parsed`: the documents of
    earlier loads. `before_read` is called with the name of each file that a document names, before it is looked at.
    """

    def __init__(
        self,
        fetch: TorrentFetcher | None = None,
        parsed: ParsedFiles | None = None,
        before_read: Callable[[str], None] | None = None,
    ) -> None:
        self.fetch, self.parsed, self.before_read = fetch, parsed, before_read
        self._files_by_path: dict[str, tuple[StatFingerprint, TorrentFile]] = {}

    def get(self, path: str) -> TorrentFile:
        """Return the local file at `path`. Raises `TorrentFileError`."""
        fingerprint = _fingerprint_file(path)
        cached = self._files_by_path.get(path)
        if cached and cached[0] == fingerprint:
            return cached[1]
        data = _read_bytes(path)
        metainfo = identify_torrent(data)
        file = TorrentFile(path, metainfo.infohashes, metainfo.name, len(data), partial(_read_bytes, path))
        self._files_by_path.pop(path, None)
        if fingerprint and len(data) == fingerprint.size:
            self._files_by_path[path] = (fingerprint, file)
        return file


def _fingerprint_file(path: str) -> StatFingerprint | None:
    """Return size, identity and times of a file; None where they cannot show a later change."""
    try:
        return fingerprint_stat(os.stat(path))  # noqa: PTH116 - many small calls
    except (OSError, ValueError):
        return None


def _read_bytes(path: str) -> bytes:
    """Read a regular file. Raises `TorrentFileError`."""
    try:
        return read_regular_file(path, MAX_TORRENT_FILE_BYTES)
    except UnsuitableFileError as error:
        raise TorrentFileError(error.strerror) from None
    except FileNotFoundError:
        raise MissingTorrentFileError("there is no such file") from None
    except (OSError, ValueError) as error:
        raise TorrentFileError(
            f"it cannot be read: {getattr(error, 'strerror', None) or 'its path is not usable'}"
        ) from None
