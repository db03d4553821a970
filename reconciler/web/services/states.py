"""The words that other programs have for the state of a torrent, and the ids that they know it by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from reconciler.model.rows import NO_ETA
from reconciler.web.catalogue import KnownTorrent

NUMBER_DIGITS: Final = 13  # hex digits of an infohash: 52 bits, which JavaScript keeps exactly


class DownloadPhase(StrEnum):
    """The activity of a torrent, for programs with fewer states than qBittorrent. `PENDING`: on no instance yet."""

    PENDING = "pending"
    DOWNLOADING = "downloading"
    STOPPED = "stopped"
    CHECKING = "checking"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


_PHASES: Final[Mapping[str, DownloadPhase]] = {
    **dict.fromkeys(("error", "missingFiles"), DownloadPhase.FAILED),
    **dict.fromkeys(
        ("uploading", "stalledUP", "forcedUP", "queuedUP", "checkingUP", "stoppedUP", "pausedUP"),
        DownloadPhase.COMPLETED,
    ),
    **dict.fromkeys(("stoppedDL", "pausedDL"), DownloadPhase.STOPPED),
    **dict.fromkeys(
        (
            "downloading",
            "stalledDL",
            "forcedDL",
            "queuedDL",
            "checkingDL",
            "metaDL",
            "forcedMetaDL",
            "allocating",
            "moving",
        ),
        DownloadPhase.DOWNLOADING,
    ),
    "checkingResumeData": DownloadPhase.CHECKING,
}


def find_phase(torrent: KnownTorrent) -> DownloadPhase:
    """Return the phase of a torrent, by qBittorrent's state where an instance has it."""
    if torrent.instance is None:
        return DownloadPhase.PENDING
    return _PHASES.get(str(torrent.row.get("state")), DownloadPhase.UNKNOWN)


class TorrentIndex:
    """Finds torrents by any of their ids, in lower case. A hybrid torrent has several."""

    def __init__(self, torrents: Mapping[str, KnownTorrent]) -> None:
        self._torrents = torrents

    def find(self, torrent_id: str) -> KnownTorrent | None:
        """Return the torrent with an id."""
        return self._torrents.get(torrent_id) or self._by_other_ids.get(torrent_id)

    @cached_property
    def _by_other_ids(self) -> Mapping[object, KnownTorrent]:
        index: dict[object, KnownTorrent] = {}
        for torrent in self._torrents.values():
            index.update(dict.fromkeys(torrent.other_ids, torrent))
        return index


def find_infohash(torrent: KnownTorrent) -> str:
    """Return the infohash that a torrent was declared with, else the one that its instance lists it under.

    That of a hybrid torrent may change on the instance when its metadata arrives.
    """
    return (torrent.entry.infohash if torrent.entry else "") or str(torrent.row["hash"])


def make_number(infohash: str) -> int:
    """Return the number that stands for a torrent where a program wants one."""
    return int(infohash[:NUMBER_DIGITS], 16)


def make_uuid(infohash: str) -> str:
    """Return the UUID that stands for a torrent where a program wants one."""
    return str(UUID(hex=infohash[:32]))


def get_labels(torrent: KnownTorrent) -> Mapping[str, str]:
    """Return the labels of a torrent: what a service wanted kept."""
    return torrent.entry.labels if torrent.entry else {}


def parse_label_number(text: str | None) -> int | str | None:
    """Return a label as the number that it was handed in as, if it looks like one."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 else text


def format_epoch(seconds: Any) -> str | None:
    """Return a time of a row in ISO 8601, or None where it has none."""
    if not isinstance(seconds, int) or seconds <= 0 or seconds > 1 << 36:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def get_size(torrent: KnownTorrent, key: str) -> int | None:
    """Return a size of a row in bytes; None while the metadata is missing."""
    size = torrent.row.get(key)
    return size if isinstance(size, int) and size >= 0 and get_total_size(torrent) > 0 else None


def get_total_size(torrent: KnownTorrent) -> int:
    """Return the size of what is downloaded, in bytes; 0 while it is unknown."""
    size = torrent.row.get("size")
    return max(size, 0) if isinstance(size, int) else 0


def get_progress(torrent: KnownTorrent) -> float:
    """Return the progress from 0 to 1."""
    progress = torrent.row.get("progress")
    return min(max(float(progress), 0.0), 1.0) if isinstance(progress, int | float) else 0.0


def get_eta(torrent: KnownTorrent) -> int | None:
    """Return the seconds to completion; None where nobody knows."""
    eta = torrent.row.get("eta")
    return eta if isinstance(eta, int) and 0 <= eta < NO_ETA else None
