"""Faults of declared torrents: an instance has them as declared, and they do not work.

Pure, and by the state alone: a fault is shown and counted, and nothing is done about it. To start a torrent in error
would clear the error, and to start one whose files are missing could download everything again.

See docs/decisions/0037-a-torrent-in-error-is-not-in-sync.md.
See docs/decisions/0086-a-torrent-without-metadata-is-stuck-after-a-while.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.plan import FaultKind, TorrentFault
from reconciler.model.snapshot import METADATA_PATIENCE, LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE_TAG
from reconciler.plan.context import PlanContext
from reconciler.plan.placement.members import format_time

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
    }
)


def find_fault(entry: DesiredTorrent, live: LiveTorrent, instance: str, context: PlanContext) -> TorrentFault | None:
    """Return the fault of the live torrent of an entry, if it has one.

    It is serious if the torrent is meant to run and cannot before a person has acted. A server stops a torrent whose
    files are missing by itself (4.2 to 5.3), so what is declared decides there.
    """
    kind = _KIND_BY_STATE.get(live.state)
    if kind is None or entry.absent or IGNORE_TAG in live.tags:
        return None
    name, infohash = entry.name or live.name, str(live.infohashes)
    if kind is FaultKind.NO_METADATA:
        is_stuck = _is_stuck(live, context) and not entry.paused
        reason = f"no metadata: {context.holders.explain_lack(entry, instance)}"
        if live.added_on and context.now:
            began = format_time(datetime.fromtimestamp(live.added_on, UTC), context.now)
            reason = f"no metadata since {began}: {context.holders.explain_lack(entry, instance)}"
        is_recent = not (live.is_metadata_overdue or is_stuck)
        return TorrentFault(infohash, name, kind, reason, entry.position, is_stuck, is_recent)
    is_stopped = live.stopped and kind is not FaultKind.MISSING_FILES
    is_serious = not is_stopped and not entry.paused
    return TorrentFault(infohash, name, kind, _REASONS[kind], entry.position, is_serious)


def _is_stuck(live: LiveTorrent, context: PlanContext) -> bool:
    """Return True if a torrent of ours waits too long for its metadata. One that was stopped before gets some time."""
    if not live.added_on or context.now is None or not context.is_owned(live):
        return False
    is_resumed = context.stuck_after >= METADATA_PATIENCE and not live.is_metadata_overdue
    return not is_resumed and context.now.timestamp() - live.added_on >= context.stuck_after


def find_next_stuck_time(snapshots: Iterable[Snapshot], context: PlanContext) -> datetime | None:
    """Return the next time (UTC) at which a torrent without metadata may be stuck; None: never."""
    if context.now is None:
        return None
    waiting = (live for snapshot in snapshots for live in snapshot.torrents if live.added_on and not live.has_metadata)
    began = {live.added_on for live in waiting}
    times = (added_on + context.stuck_after for added_on in began)
    now = context.now.timestamp()
    return next((datetime.fromtimestamp(time, UTC) for time in sorted(times) if time > now), None)


def select_faults(faults: Sequence[TorrentFault], *, strict: bool = False) -> tuple[TorrentFault, ...]:
    """Return the faults to show: with `strict` all of them."""
    return tuple(fault for fault in faults if strict or not fault.is_recent)
