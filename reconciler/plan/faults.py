"""Faults of declared torrents: an instance has them as declared, and they do not work.

Pure, and by the state alone: a fault is shown and counted, and nothing is done about it. To start a torrent in error
would clear the error, and to start one whose files are missing could download everything again.

See docs/decisions/0037-a-torrent-in-error-is-not-in-sync.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.plan import FaultKind, TorrentFault
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import IGNORE_TAG

_KIND_BY_STATE: Final[Mapping[str, FaultKind]] = MappingProxyType(
    {
        "error": FaultKind.ERROR,
        "missingFiles": FaultKind.MISSING_FILES,
        "metaDL": FaultKind.NO_METADATA,
        "forcedMetaDL": FaultKind.NO_METADATA,
    }
)
_REASONS: Final[Mapping[FaultKind, str]] = MappingProxyType(
    {
        FaultKind.ERROR: "qBittorrent reports an error, as when it cannot write: "
        "remove the cause, which its log names, then start it there",
        FaultKind.MISSING_FILES: "its files are missing: bring them back, then recheck it in qBittorrent",
        FaultKind.NO_METADATA: "it has no metadata yet: no peer has sent it so far",
    }
)


def find_fault(entry: DesiredTorrent, live: LiveTorrent) -> TorrentFault | None:
    """Return the fault of the live torrent of an entry, if it has one.

    It is serious if the torrent is meant to run and cannot before a person has acted. A server stops a torrent whose
    files are missing by itself (4.2 to 5.3), so what is declared decides there.
    """
    kind = _KIND_BY_STATE.get(live.state)
    if kind is None or entry.absent or IGNORE_TAG in live.tags:
        return None
    is_stopped = live.stopped and kind is not FaultKind.MISSING_FILES
    is_serious = kind is not FaultKind.NO_METADATA and not is_stopped and not entry.paused
    name = entry.name or live.name
    is_recent = kind is FaultKind.NO_METADATA and not live.is_metadata_overdue
    return TorrentFault(str(live.infohashes), name, kind, _REASONS[kind], entry.position, is_serious, is_recent)


def select_faults(faults: Sequence[TorrentFault], *, strict: bool = False) -> tuple[TorrentFault, ...]:
    """Return the faults to show: with `strict` all of them."""
    return tuple(fault for fault in faults if strict or not fault.is_recent)
