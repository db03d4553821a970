"""The live state beside the declared one, with nothing planned for execution."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from reconciler.apply.pace import Pace, real_pace
from reconciler.control.reading import OpenTarget, Reading, read_all
from reconciler.control.run import chosen, utc_day
from reconciler.live import Session
from reconciler.live.gauge import Gauge
from reconciler.model.desired import Desired, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.plan import Action, InstancePlan
from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.status import ABSENT, MISSING, UNKNOWN, InstanceStatus, StatusReport, TorrentStatus
from reconciler.model.tags import owner_tag
from reconciler.plan import make_plan
from reconciler.plan.match import match

Observe = Callable[[Instance, threading.Event, Gauge], OpenTarget]


def observe(instance: Instance, stop: threading.Event, gauge: Gauge) -> OpenTarget:
    """A session on a real instance, not yet open, with a gauge that reads along."""
    return Session(instance, stop=stop, gauge=gauge)


def read_status(
    desired: Desired,
    instances: Sequence[str],
    stop: threading.Event,
    *,
    pace: Pace | None = None,
    observe: Observe = observe,
) -> StatusReport:
    """Read the instances and compare. Exit code 1 where one could not be read. Raises `UnknownInstance`."""
    selected = chosen(desired, instances)
    gauges = {instance.name: Gauge() for instance in selected}

    def connect(instance: Instance, stop: threading.Event) -> OpenTarget:
        return observe(instance, stop, gauges[instance.name])

    with read_all(selected, stop, pace or real_pace(stop), connect, desired.files_of) as readings:
        return compared(desired, selected, readings, gauges)


def compared(
    desired: Desired, selected: Sequence[Instance], readings: Mapping[str, Reading], gauges: Mapping[str, Gauge]
) -> StatusReport:
    """What the selected instances showed, beside what is declared for them."""
    snapshots = {name: reading.snapshot for name, reading in readings.items() if reading.snapshot}
    plans = {part.name: part for part in make_plan(desired, snapshots, today=utc_day()).instances}
    torrents: list[TorrentStatus] = []
    rows: list[InstanceStatus] = []
    for instance in selected:
        entries = [entry for entry in desired.torrents if entry.instance == instance.name]
        snapshot = snapshots.get(instance.name)
        if snapshot is None:
            rows.append(_unread(instance, readings[instance.name], len(entries)))
            torrents += [_unknown(entry) for entry in entries]
            continue
        found = _compare(entries, snapshot, plans[instance.name], desired.owner, gauges[instance.name])
        torrents += found
        rows.append(_row(instance, snapshot, plans[instance.name], found))
    code = int(len(snapshots) < len(selected))
    return StatusReport(tuple(rows), tuple(torrents), code, declared=len(torrents))


def _compare(
    entries: Sequence[DesiredTorrent], snapshot: Snapshot, plan: InstancePlan, owner: str, gauge: Gauge
) -> list[TorrentStatus]:
    actions = {action.source: action for action in plan.actions if action.source and action.infohash}
    spared = {item.infohash: item.reason for item in plan.spared}
    return [
        _torrent(found.entry, found.live, actions, spared, owner_tag(owner), gauge)
        for found in match(entries, snapshot.torrents)
    ]


def _torrent(
    entry: DesiredTorrent,
    live: LiveTorrent | None,
    actions: Mapping[Position, Action],
    spared: Mapping[str, str],
    ours: str,
    gauge: Gauge,
) -> TorrentStatus:
    action = actions.get(entry.at)
    why = spared.get(str(live.infohashes), "") if live else ""
    gone = ABSENT if entry.absent else MISSING
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
        category=live.category if live else entry.category,
        tags=live.tags if live else _declared_tags(entry),
        transfer=gauge.of(live.id) if live else None,
        absent=entry.absent,
        paused=entry.paused is True,
    )


def _unknown(entry: DesiredTorrent) -> TorrentStatus:
    return TorrentStatus(
        entry.instance,
        entry.label,
        str(entry.infohashes),
        entry.at,
        UNKNOWN,
        reason="its instance could not be read",
        category=entry.category,
        tags=_declared_tags(entry),
        absent=entry.absent,
        paused=entry.paused is True,
    )


def _declared_tags(entry: DesiredTorrent) -> frozenset[str]:
    return entry.tags.names if entry.tags else frozenset()


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
