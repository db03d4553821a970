"""The live state beside the declared one, with nothing planned for execution."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from reconciler.apply.pace import Pace, real_pace
from reconciler.control.grouping import concerning, looking, with_linked
from reconciler.control.health.checkup import Checkup
from reconciler.control.health.history import History
from reconciler.control.reading import Connect, Reading, connect, read_all
from reconciler.control.roster import Roster
from reconciler.control.run import chosen, settled, utc_now
from reconciler.model.desired import Desired, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.health import Health
from reconciler.model.placement import Pending
from reconciler.model.plan import Action, InstancePlan
from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.status import MISSING, PENDING, InstanceStatus, StatusReport, TorrentStatus
from reconciler.model.tags import owner_tag
from reconciler.plan import make_plan
from reconciler.plan.match import Match
from reconciler.plan.placement import moment, place


def read_status(
    desired: Desired,
    instances: Sequence[str],
    stop: threading.Event,
    *,
    pace: Pace | None = None,
    connect: Connect = connect,
    roster: Roster | None = None,
    utc: Callable[[], datetime] = utc_now,
) -> StatusReport:
    """Read the instances and compare. Exit code 1 where one could not be read. Raises `UnknownInstance`."""
    roster = roster or Roster()
    roster.keep(desired)
    selected = chosen(desired, instances)
    pace = pace or real_pace(stop)
    look = looking(desired, Checkup(History(), pace, utc), roster, pace, utc)
    with read_all(with_linked(desired, selected), stop, look, connect) as readings:
        snapshots = {name: reading.snapshot for name, reading in readings.items() if reading.snapshot}
        roster.saw(readings, utc())
    known, now = roster.known, utc()
    health = {name: reading.health for name, reading in readings.items() if reading.health}
    plan = make_plan(desired, snapshots, known=known, now=now, health=health)
    plans = {part.name: part for part in plan.instances}
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
        found = _compare(instance.name, here, plans[instance.name], desired.owner)
        torrents += found
        rows.append(_row(instance, snapshot, plans[instance.name], found, health.get(instance.name)))
    pending = concerning(desired, plan.pending, {one.name for one in selected})
    torrents += [_pending(one, now) for one in pending]
    fine = not pending and all(row.status in (Status.OK, Status.SUSPENDED) for row in rows)
    return StatusReport(tuple(rows), tuple(torrents), int(not fine))


def _compare(instance: str, here: Sequence[Match], plan: InstancePlan, owner: str) -> list[TorrentStatus]:
    actions = {action.source: action for action in plan.actions if action.source and action.infohash}
    spared = {item.infohash: item.reason for item in plan.spared}
    return [
        _torrent(instance, found.entry, found.live, actions, spared, owner_tag(owner))
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
) -> TorrentStatus:
    action = actions.get(entry.at)
    why = spared.get(str(live.infohashes), "") if live else ""
    gone = "absent" if entry.absent else MISSING
    return TorrentStatus(
        instance,
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


def _pending(one: Pending, now: datetime) -> TorrentStatus:
    known = one.since and one.since < now
    reason = f"{one.reason}; pending since {moment(one.since, now)}" if known and one.since else one.reason
    return TorrentStatus(one.group, one.name, one.infohash, one.source, PENDING, in_sync=False, reason=reason)


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
