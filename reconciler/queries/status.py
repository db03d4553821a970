"""The live state beside the declared one, with nothing planned for execution."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from reconciler.engine.content import collect_snapshots
from reconciler.engine.observe import HealthChecker, make_observer, observe_all
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.reading import Observation, OpenTarget
from reconciler.engine.results import instance_status
from reconciler.engine.selection import pending_for, select_instances, with_group_peers
from reconciler.health.state import HealthHistory
from reconciler.model.desired import DesiredState, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.groups import PendingTorrent, PlacementFacts
from reconciler.model.health import Health
from reconciler.model.plan import Action, InstancePlan, ObjectKind
from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.status import (
    ABSENT_STATE,
    MISSING_STATE,
    PENDING_STATE,
    UNKNOWN_STATE,
    InstanceStatus,
    StatusReport,
    TorrentStatus,
)
from reconciler.model.tags import build_owner_tag
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.match import Match
from reconciler.plan.placement import format_time
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.transfers import TransferStats
from reconciler.retry import RetryPolicy, system_retry_policy, utc_now

StatusSessionFactory = Callable[[Instance, threading.Event, TransferStats], OpenTarget]


def connect_with_stats(instance: Instance, stop: threading.Event, transfer_stats: TransferStats) -> OpenTarget:
    """A session on a real instance, not yet open, with a gauge that reads along."""
    return Session(instance, stop=stop, transfer_stats=transfer_stats)


def read_status(
    desired: DesiredState,
    instances: Sequence[str],
    stop: threading.Event,
    *,
    retry: RetryPolicy | None = None,
    create_session: StatusSessionFactory = connect_with_stats,
    placement_memory: PlacementMemory | None = None,
    utc: Callable[[], datetime] = utc_now,
) -> StatusReport:
    """Read the instances and compare. Exit code 1 where one could not be read. Raises `UnknownInstance`."""
    placement_memory = placement_memory or PlacementMemory()
    placement_memory.drop_undeclared(desired)
    selected = select_instances(desired, instances)
    wanted = with_group_peers(desired, selected)
    gauges = {instance.name: TransferStats() for instance in wanted}

    def connect_instance(instance: Instance, stop: threading.Event) -> OpenTarget:
        return create_session(instance, stop, gauges[instance.name])

    retry = retry or system_retry_policy(stop)
    look = make_observer(desired, HealthChecker(HealthHistory(), retry, utc), placement_memory, retry, utc)
    with observe_all(wanted, stop, look, connect_instance) as readings:
        placement_memory.record_observations(readings, utc())
        return build_status_report(desired, selected, readings, gauges, placement_memory.facts, utc())


def build_status_report(
    desired: DesiredState,
    selected: Sequence[Instance],
    observations: Mapping[str, Observation],
    transfer_stats: Mapping[str, TransferStats],
    facts: PlacementFacts,
    now: datetime,
) -> StatusReport:
    """What the selected instances showed, beside what is declared for them. `facts`: of the members of groups."""
    snapshots = collect_snapshots(observations)
    health = {name: reading.health for name, reading in observations.items() if reading.health}
    plan = make_plan(PlanInput(desired, snapshots, health, facts, now=now))
    plans = {part.name: part for part in plan.instances}
    desired = plan.resolved.desired
    on = plan.placement.entries_by_instance
    torrents: list[TorrentStatus] = []
    rows: list[InstanceStatus] = []
    for instance in selected:
        entries = [entry for entry in desired.torrents if entry.instance == instance.name]
        here = [one.match for one in on.get(instance.name, ())]
        snapshot = snapshots.get(instance.name)
        if snapshot is None:
            rows.append(_build_unread_status(instance, observations[instance.name], len(entries)))
            torrents += [_build_unknown_status(entry) for entry in entries]
            continue
        found = _compare_instance(
            instance.name, here, plans[instance.name], desired.owner, transfer_stats[instance.name]
        )
        torrents += found
        rows.append(_build_instance_status(instance, snapshot, plans[instance.name], found, health.get(instance.name)))
    pending = pending_for(desired, plan.pending, {one.name for one in selected})
    torrents += _list_pending_torrents(desired, pending, now)
    fine = not pending and all(row.status.is_ok for row in rows)
    return StatusReport(tuple(rows), tuple(torrents), int(not fine), declared=len(torrents))


def _compare_instance(
    instance: str, matches: Sequence[Match], plan: InstancePlan, owner: str, transfer_stats: TransferStats
) -> list[TorrentStatus]:
    actions = {
        action.position: action for action in plan.actions if action.position and action.kind is ObjectKind.TORRENT
    }
    spared = {item.infohash: item.reason for item in plan.spared}
    return [
        _build_torrent_status(
            instance, found.entry, found.live, actions, spared, build_owner_tag(owner), transfer_stats
        )
        for found in matches
        if found.live or not found.entry.absent or found.entry.instance == instance
    ]


def _build_torrent_status(
    instance: str,
    entry: DesiredTorrent,
    live: LiveTorrent | None,
    actions: Mapping[Position, Action],
    spared: Mapping[str, str],
    our_tag: str,
    transfer_stats: TransferStats,
) -> TorrentStatus:
    action = actions.get(entry.position)
    why = spared.get(str(live.infohashes), "") if live else ""
    gone = ABSENT_STATE if entry.absent else MISSING_STATE
    return TorrentStatus(
        instance,
        entry.name or (live.name if live else entry.label),
        entry.infohash,
        entry.position,
        live.state if live else gone,
        live.progress if live else None,
        live.size if live else None,
        owned=live is not None and our_tag in live.tags,
        in_sync=action is None and not why,
        reason=action.reason if action else why,
        category=live.category if live else entry.category,
        tags=live.tags if live else _get_declared_tags(entry),
        transfer=transfer_stats.get(live.id) if live else None,
        absent=entry.absent,
        paused=entry.paused is True,
    )


def _build_unknown_status(entry: DesiredTorrent) -> TorrentStatus:
    return TorrentStatus(
        entry.instance,
        entry.label,
        entry.infohash,
        entry.position,
        UNKNOWN_STATE,
        reason="its instance could not be read",
        category=entry.category,
        tags=_get_declared_tags(entry),
        absent=entry.absent,
        paused=entry.paused is True,
    )


def _get_declared_tags(entry: DesiredTorrent) -> frozenset[str]:
    return entry.tags.names if entry.tags else frozenset()


def _list_pending_torrents(
    desired: DesiredState, pending: Sequence[PendingTorrent], now: datetime
) -> list[TorrentStatus]:
    entries = {entry.position: entry for entry in desired.torrents} if pending else {}
    return [_build_pending_status(one, entries[one.position], now) for one in pending]


def _build_pending_status(pending: PendingTorrent, entry: DesiredTorrent, now: datetime) -> TorrentStatus:
    known = pending.since and pending.since < now
    return TorrentStatus(
        pending.group,
        pending.name,
        pending.infohash,
        pending.position,
        PENDING_STATE,
        in_sync=False,
        reason=f"{pending.reason}; pending since {format_time(pending.since, now)}"
        if known and pending.since
        else pending.reason,
        category=entry.category,
        tags=_get_declared_tags(entry),
        paused=entry.paused is True,
    )


def _build_instance_status(
    instance: Instance,
    snapshot: Snapshot,
    plan: InstancePlan,
    torrents: Sequence[TorrentStatus],
    health: Health | None,
) -> InstanceStatus:
    missing = sum(torrent.state == MISSING_STATE for torrent in torrents)
    return InstanceStatus(
        instance.name,
        instance.url,
        *instance_status(plan, health),
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


def _build_unread_status(instance: Instance, observation: Observation, declared: int) -> InstanceStatus:
    status = observation.error.status if isinstance(observation.error, InstanceError) else Status.ERROR
    return InstanceStatus(
        instance.name, instance.url, status, str(observation.error), declared=declared, health=observation.health
    )
