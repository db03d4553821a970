"""The files of one torrent: what its instance answers, or what its .torrent file says before it is there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic_core import from_json

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.rows import InstanceUnavailable, LiveRows
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.pages.torrent_text import percent_text, size_text

KEPT_FOR: Final = timedelta(seconds=10)  # so that a page that refreshes itself asks the instance rarely
MAX_KEPT: Final = 16  # torrents
_PRIORITIES: Final = {0: "skip", 1: "normal", 4: "normal", 6: "high", 7: "maximal"}


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file. `size` in bytes, `progress` 0..1 and `priority` are None and "" where only its path is known."""

    path: str
    size: float | None = None
    progress: float | None = None
    priority: str = ""

    @property
    def size_text(self) -> str:
        """The size with its unit."""
        return size_text(self.size)

    @property
    def percent(self) -> str:
        """The progress in percent."""
        return percent_text(self.progress)


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of a torrent, or the reason why there are none."""

    files: tuple[FileLine, ...] = ()
    reason: str = ""


class FileReader:
    """Asks the instance of a torrent for its files: one request, and for a while none. Thread-safe."""

    def __init__(self, rows: LiveRows | None) -> None:
        self._rows, self._lock = rows, threading.Lock()
        self._kept: dict[tuple[str, str], tuple[datetime, FileList]] = {}

    def read(self, known: KnownTorrent, now: datetime) -> FileList:
        """Return the files of a torrent as they are, or were a few seconds ago."""
        if known.instance is None:
            return list_declared_files(known)
        key = known.instance, str(known.row["hash"])
        with self._lock:
            kept = self._kept.get(key)
        if kept and now - kept[0] < KEPT_FOR:
            return kept[1]
        files = self._ask(*key)
        with self._lock:
            self._kept = {other: kept for other, kept in list(self._kept.items())[1 - MAX_KEPT :] if other != key}
            self._kept[key] = now, files
        return files

    def _ask(self, instance: str, infohash: str) -> FileList:
        if self._rows is None:
            return FileList(reason="no instance is read here")
        try:
            reply = self._rows.ask(instance, "torrents/files", {"hash": infohash})
        except InstanceUnavailable as error:
            return FileList(reason=str(error))
        if reply.status != 200:
            return FileList(reason=f"{instance} answered with status {reply.status}")
        return parse_files(instance, reply.body)


def parse_files(instance: str, body: bytes) -> FileList:
    """Return the files of a reply of torrents/files."""
    try:
        rows = from_json(body, allow_inf_nan=False)
        lines = tuple(
            FileLine(
                str(row["name"]).replace(".unwanted/", ""),  # a folder that 4.2 puts skipped files in
                float(row["size"]),
                min(max(float(row["progress"]), 0.0), 1.0),
                _PRIORITIES.get(row["priority"], ""),
            )
            for row in rows
        )
    except (ValueError, TypeError, KeyError):
        return FileList(reason=f"{instance} answered with something else than files")
    return FileList(lines, "" if lines else "they are not known before the metadata is there")


def list_declared_files(known: KnownTorrent) -> FileList:
    """Return the files of a torrent that no instance has, as far as its entry knows them."""
    source = known.entry.source if known.entry else None
    if not isinstance(source, TorrentFile):
        return FileList(reason="they are not known before an instance has the torrent")
    try:
        paths: Sequence[str] = parse_metainfo(source.read_bytes()).files
    except (TorrentFileError, ValueError) as error:
        return FileList(reason=f"the .torrent file cannot be read: {error}")
    return FileList(tuple(map(FileLine, paths)))
