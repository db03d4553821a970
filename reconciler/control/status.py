"""The live state beside the declared one, with nothing planned for execution."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from reconciler.apply.pace import Pace, real_pace
from reconciler.control.health.checkup import healthy_look
from reconciler.control.reading import Connect, Reading, connect, read_all
from reconciler.control.run import chosen, settled, utc_day
from reconciler.model.desired import Desired, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.health import Health
from reconciler.model.plan import Action, InstancePlan
from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.status import MISSING, InstanceStatus, StatusReport, TorrentStatus
from reconciler.model.tags import owner_tag
from reconciler.plan import make_plan
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
    with read_all(selected, stop, healthy_look(desired, pace or real_pace(stop)), connect) as readings:
        snapshots = {name: reading.snapshot for name, reading in readings.items() if reading.snapshot}
    health = {name: reading.health for name, reading in readings.items() if reading.health}
    plans = {part.name: part for part in make_plan(desired, snapshots, today=utc_day(), health=health).instances}
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
        rows.append(_row(instance, snapshot, plans[instance.name], found, health.get(instance.name)))
    fine = all(row.status in (Status.OK, Status.SUSPENDED) for row in rows)
    return StatusReport(tuple(rows), tuple(torrents), int(not fine))


def _compare(
    entries: Sequence[DesiredTorrent], snapshot: Snapshot, plan: InstancePlan, owner: str
) -> list[TorrentStatus]:
    actions = {action.source: action for action in plan.actions if action.source and action.infohash}
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
        str(entry.infohashes),
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
        str(entry.infohashes),
        entry.at,
        "unknown",
        reason="its instance could not be read",
    )


def _row(
    instance: Instance,
    snapshot: Snapshot,
    plan: InstancePlan,
    torrents: Sequence[TorrentStatus],
    health: Health | None,
) -> InstanceStatus:
    missing = sum(torrent.state == MISSING for torrent in torrents)
    return InstanceStatus(
        instance.name,
        instance.url,
        *settled(plan, health),
        version=snapshot.version,
        web_api=snapshot.web_api,
        torrents=len(snapshot.torrents),
        owned=plan.owned,
        foreign=plan.foreign,
        declared=len(torrents),
        missing=missing,
        drifted=sum(torrent.in_sync is False for torrent in torrents) - missing,
        health=health,
    )


def _unread(instance: Instance, reading: Reading, declared: int) -> InstanceStatus:
    status = reading.error.status if isinstance(reading.error, InstanceError) else Status.ERROR
    return InstanceStatus(
        instance.name, instance.url, status, str(reading.error), declared=declared, health=reading.health
    )
