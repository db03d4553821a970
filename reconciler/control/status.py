"""The live state beside the declared one, with nothing planned for execution."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial

from reconciler.apply.pace import Pace, real_pace
from reconciler.control.lending import lenders, snapshots_of
from reconciler.control.reading import Connect, Needs, Reading, connect, read_all
from reconciler.control.run import chosen, utc_day
from reconciler.model.desired import Desired, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.plan import Action, InstancePlan, Kind
from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.status import MISSING, InstanceStatus, StatusReport, TorrentStatus
from reconciler.model.tags import owner_tag
from reconciler.plan import make_plan
from reconciler.plan.content import resolve
from reconciler.plan.match import match


def read_status(
    desired: Desired,
    instances: Sequence[str],
    stop: threading.Event,
    *,
    pace: Pace | None = None,
    connect: Connect = connect,
) -> StatusReport:
    """Read the instances and compare. Exit code 1 where one could not be read. Raises `UnknownInstance`."""
    selected = chosen(desired, instances)
    wanted, read = partial(Needs.of, desired), [*selected, *lenders(desired, selected)]
    with read_all(read, stop, pace or real_pace(stop), connect, wanted) as readings:
        snapshots = snapshots_of(readings)
    plans = {part.name: part for part in make_plan(desired, snapshots, today=utc_day()).instances}
    desired = resolve(desired, snapshots).desired
    torrents: list[TorrentStatus] = []
    rows: list[InstanceStatus] = []
    for instance in selected:
        entries = [entry for entry in desired.torrents if entry.instance == instance.name]
        snapshot = snapshots.get(instance.name)
        if snapshot is None:
            rows.append(_unread(instance, readings[instance.name], len(entries)))
            torrents += [_unknown(entry) for entry in entries]
            continue
        found = _compare(entries, snapshot, plans[instance.name], desired.owner)
        torrents += found
        rows.append(_row(instance, snapshot, plans[instance.name], found))
    return StatusReport(tuple(rows), tuple(torrents), int(any(one.name not in snapshots for one in selected)))


def _compare(
    entries: Sequence[DesiredTorrent], snapshot: Snapshot, plan: InstancePlan, owner: str
) -> list[TorrentStatus]:
    actions = {action.source: action for action in plan.actions if action.source and action.kind is Kind.TORRENT}
    spared = {item.infohash: item.reason for item in plan.spared}
    return [
        _torrent(found.entry, found.live, actions, spared, owner_tag(owner))
        for found in match(entries, snapshot.torrents)
    ]


def _torrent(
    entry: DesiredTorrent,
    live: LiveTorrent | None,
    actions: Mapping[Position, Action],
    spared: Mapping[str, str],
    ours: str,
) -> TorrentStatus:
    action = actions.get(entry.at)
    why = spared.get(str(live.infohashes), "") if live else ""
    gone = "absent" if entry.absent else MISSING
    return TorrentStatus(
        entry.instance,
        entry.name or (live.name if live else entry.label),
        entry.infohash,
        entry.at,
        live.state if live else gone,
        live.progress if live else None,
        live.size if live else None,
        owned=live is not None and ours in live.tags,
        in_sync=action is None and not why,
        reason=action.reason if action else why,
    )


def _unknown(entry: DesiredTorrent) -> TorrentStatus:
    return TorrentStatus(
        entry.instance,
        entry.label,
        entry.infohash,
        entry.at,
        "unknown",
        reason="its instance could not be read",
    )


def _row(
    instance: Instance, snapshot: Snapshot, plan: InstancePlan, torrents: Sequence[TorrentStatus]
) -> InstanceStatus:
    missing = sum(torrent.state == MISSING for torrent in torrents)
    return InstanceStatus(
        instance.name,
        instance.url,
        Status.SUSPENDED if plan.suspended else Status.OK,
        version=snapshot.version,
        web_api=snapshot.web_api,
        torrents=len(snapshot.torrents),
        owned=plan.owned,
        foreign=plan.foreign,
        declared=len(torrents),
        missing=missing,
        drifted=sum(torrent.in_sync is False for torrent in torrents) - missing,
    )


def _unread(instance: Instance, reading: Reading, declared: int) -> InstanceStatus:
    status = reading.error.status if isinstance(reading.error, InstanceError) else Status.ERROR
    return InstanceStatus(instance.name, instance.url, status, str(reading.error), declared=declared)
