"""The live state beside the declared one, with nothing planned for execution."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from reconciler.engine.content import snapshots_of
from reconciler.engine.observe import Checkup, looking, read_all
from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import OpenTarget, Reading
from reconciler.engine.results import settled
from reconciler.engine.run import utc_now
from reconciler.engine.selection import chosen, concerning, with_linked
from reconciler.health.state import History
from reconciler.model.desired import Desired, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.groups import Known, Pending
from reconciler.model.health import Health
from reconciler.model.plan import Action, InstancePlan, Kind
from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.status import ABSENT, MISSING, PENDING, UNKNOWN, InstanceStatus, StatusReport, TorrentStatus
from reconciler.model.tags import owner_tag
from reconciler.plan import make_plan
from reconciler.plan.match import Match
from reconciler.plan.placement import moment, place
from reconciler.plan.resolve import resolve
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.transfers import Gauge
from reconciler.retry import Pace, real_pace

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
    roster: Roster | None = None,
    utc: Callable[[], datetime] = utc_now,
) -> StatusReport:
    """Read the instances and compare. Exit code 1 where one could not be read. Raises `UnknownInstance`."""
    roster = roster or Roster()
    roster.keep(desired)
    selected = chosen(desired, instances)
    wanted = with_linked(desired, selected)
    gauges = {instance.name: Gauge() for instance in wanted}

    def connect(instance: Instance, stop: threading.Event) -> OpenTarget:
        return observe(instance, stop, gauges[instance.name])

    pace = pace or real_pace(stop)
    look = looking(desired, Checkup(History(), pace, utc), roster, pace, utc)
    with read_all(wanted, stop, look, connect) as readings:
        roster.saw(readings, utc())
        return compared(desired, selected, readings, gauges, roster.known, utc())


def compared(
    desired: Desired,
    selected: Sequence[Instance],
    readings: Mapping[str, Reading],
    gauges: Mapping[str, Gauge],
    known: Known,
    now: datetime,
) -> StatusReport:
    """What the selected instances showed, beside what is declared for them. `known`: of the members of groups."""
    snapshots = snapshots_of(readings)
    health = {name: reading.health for name, reading in readings.items() if reading.health}
    plan = make_plan(desired, snapshots, known=known, now=now, health=health)
    plans = {part.name: part for part in plan.instances}
    desired = resolve(desired, snapshots).desired
    on = place(desired, snapshots, known, now).on
    torrents: list[TorrentStatus] = []
    rows: list[InstanceStatus] = []
    for instance in selected:
        entries = [entry for entry in desired.torrents if entry.instance == instance.name]
        here = [one.found for one in on.get(instance.name, ())]
        snapshot = snapshots.get(instance.name)
        if snapshot is None:
            rows.append(_unread(instance, readings[instance.name], len(entries)))
            torrents += [_unknown(entry) for entry in entries]
            continue
        found = _compare(instance.name, here, plans[instance.name], desired.owner, gauges[instance.name])
        torrents += found
        rows.append(_row(instance, snapshot, plans[instance.name], found, health.get(instance.name)))
    pending = concerning(desired, plan.pending, {one.name for one in selected})
    torrents += _pending(desired, pending, now)
    fine = not pending and all(row.status in (Status.OK, Status.SUSPENDED) for row in rows)
    return StatusReport(tuple(rows), tuple(torrents), int(not fine), declared=len(torrents))


def _compare(instance: str, here: Sequence[Match], plan: InstancePlan, owner: str, gauge: Gauge) -> list[TorrentStatus]:
    actions = {action.source: action for action in plan.actions if action.source and action.kind is Kind.TORRENT}
    spared = {item.infohash: item.reason for item in plan.spared}
    return [
        _torrent(instance, found.entry, found.live, actions, spared, owner_tag(owner), gauge)
        for found in here
        if found.live or not found.entry.absent or found.entry.instance == instance
    ]


def _torrent(
    instance: str,
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
        instance,
        entry.name or (live.name if live else entry.label),
        entry.infohash,
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
        entry.infohash,
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


def _pending(desired: Desired, pending: Sequence[Pending], now: datetime) -> list[TorrentStatus]:
    entries = {entry.at: entry for entry in desired.torrents} if pending else {}
    return [_waiting(one, entries[one.source], now) for one in pending]


def _waiting(one: Pending, entry: DesiredTorrent, now: datetime) -> TorrentStatus:
    known = one.since and one.since < now
    return TorrentStatus(
        one.group,
        one.name,
        one.infohash,
        one.source,
        PENDING,
        in_sync=False,
        reason=f"{one.reason}; pending since {moment(one.since, now)}" if known and one.since else one.reason,
        category=entry.category,
        tags=_declared_tags(entry),
        paused=entry.paused is True,
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
