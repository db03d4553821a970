"""The live state of instances, compared with the desired state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from reconciler.engine.context import RunContext
from reconciler.engine.observation import (
    Observation,
    Observations,
    OpenTarget,
    collect_health,
    collect_snapshots,
)
from reconciler.engine.observe import observe_instances
from reconciler.engine.results import instance_status
from reconciler.engine.selection import RunOptions, RunScope, select_scope
from reconciler.model.desired import DesiredState, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError
from reconciler.model.groups import PendingTorrent, PlacementFacts
from reconciler.model.health import Health
from reconciler.model.lazy_dataclass import dataclass
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
from reconciler.plan.faults import select_faults
from reconciler.plan.match import Match
from reconciler.plan.placement import format_time
from reconciler.qbittorrent import LoginMemory, Session
from reconciler.qbittorrent.transfers import TransferStats

StatusSessionFactory = Callable[[Instance, threading.Event, TransferStats], OpenTarget]


def connect_with_stats(
    instance: Instance, stop: threading.Event, transfer_stats: TransferStats, logins: LoginMemory | None = None
) -> OpenTarget:
    """Return a session on a real instance, not yet open, that updates the transfer statistics while it reads."""
    return Session(instance, stop=stop, transfer_stats=transfer_stats, logins=logins)


@dataclass(frozen=True, slots=True)
class _StatsConnector:
    """Connects instances, each with the transfer statistics that its session updates while it reads."""

    create_session: StatusSessionFactory
    transfer_stats: Mapping[str, TransferStats]

    def connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        """Return a session on an instance, not yet open."""
        return self.create_session(instance, stop, self.transfer_stats[instance.name])


def read_status(
    desired: DesiredState,
    instances: Sequence[str],
    context: RunContext,
    create_session: StatusSessionFactory | None = None,
) -> StatusReport:
    """Read the instances and compare them with the desired state. Raises `UnknownInstance`.

    The exit code is 1 if an instance could not be read, or if a torrent is pending or cannot run.
    """
    scope = select_scope(desired, RunOptions(dry_run=True, instances=tuple(instances)))
    transfer_stats = {instance.name: TransferStats() for instance in scope.observed}
    create_session = create_session or partial(connect_with_stats, logins=context.logins)
    context = replace(context, connect=_StatsConnector(create_session, transfer_stats).connect)
    with observe_instances(scope, context) as observations:
        return build_status_report(scope, observations, transfer_stats, context.placement_memory.facts, context.utc())


def build_status_report(
    scope: RunScope,
    observations: Observations,
    transfer_stats: Mapping[str, TransferStats],
    facts: PlacementFacts,
    now: datetime,
) -> StatusReport:
    """Compare the selected instances with what is declared for them. `facts`: of the members of groups."""
    health = collect_health(observations)
    plan = make_plan(PlanInput(scope.desired, collect_snapshots(observations), health, facts, now=now))
    desired = plan.resolved.desired
    plans = {instance_plan.name: instance_plan for instance_plan in plan.instances}
    torrents: list[TorrentStatus] = []
    rows: list[InstanceStatus] = []
    for instance in scope.selected:
        name, observation = instance.name, observations[instance.name]
        if observation.snapshot is None:
            entries = [entry for entry in desired.torrents if entry.instance == name]
            rows.append(_build_unread_status(instance, observation, len(entries)))
            torrents += [_build_unknown_status(entry) for entry in entries]
            continue
        matches = plan.placement.entries_by_instance.get(name, ())
        compared = _compare_instance(name, matches, plans[name], desired.owner, transfer_stats[name])
        torrents += compared
        rows.append(_build_instance_status(instance, observation.snapshot, plans[name], compared, health.get(name)))
    pending = scope.list_pending(plan.pending)
    torrents += _list_pending_torrents(desired, pending, now)
    has_serious_fault = any(row.fault and row.fault.is_serious for row in torrents)
    fine = not pending and not has_serious_fault and all(row.status.is_ok for row in rows)
    drains = scope.list_drains(plan.drains)
    return StatusReport(tuple(rows), tuple(torrents), int(not fine), declared=len(torrents), drains=drains)


def _compare_instance(
    instance: str, matches: Sequence[Match], plan: InstancePlan, owner: str, transfer_stats: TransferStats
) -> list[TorrentStatus]:
    actions = {
        action.position: action for action in plan.actions if action.position and action.kind is ObjectKind.TORRENT
    }
    spared = {item.infohash: item.reason for item in plan.spared}
    faults = {fault.position: fault for fault in select_faults(plan.faults)}
    return [
        replace(
            _build_torrent_status(
                instance, match.entry, match.live, actions, spared, build_owner_tag(owner), transfer_stats
            ),
            fault=faults.get(match.entry.position),
        )
        for match in matches
        if match.live or not match.entry.absent or match.entry.instance == instance
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
    spared_reason = spared.get(str(live.infohashes), "") if live else ""
    missing_state = ABSENT_STATE if entry.absent else MISSING_STATE
    return TorrentStatus(
        instance,
        entry.name or (live.name if live else entry.label),
        entry.infohash,
        entry.position,
        live.state if live else missing_state,
        live.progress if live else None,
        live.size if live else None,
        owned=live is not None and our_tag in live.tags,
        in_sync=action is None and not spared_reason,
        reason=action.reason if action else spared_reason,
        category=live.category if live else entry.category,
        tags=live.tags if live else _get_declared_tags(entry),
        transfer=transfer_stats.get(live.id) if live else None,
        absent=entry.absent,
        paused=entry.paused is True,
        labels=entry.labels,
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
        labels=entry.labels,
    )


def _get_declared_tags(entry: DesiredTorrent) -> frozenset[str]:
    return entry.tags.names if entry.tags else frozenset()


def _list_pending_torrents(
    desired: DesiredState, pending: Sequence[PendingTorrent], now: datetime
) -> list[TorrentStatus]:
    entries = {entry.position: entry for entry in desired.torrents} if pending else {}
    return [_build_pending_status(torrent, entries[torrent.position], now) for torrent in pending]


def _build_pending_status(pending: PendingTorrent, entry: DesiredTorrent, now: datetime) -> TorrentStatus:
    reason = pending.reason
    if pending.since and pending.since < now:
        reason = f"{reason}; pending since {format_time(pending.since, now)}"
    return TorrentStatus(
        pending.group,
        pending.name,
        pending.infohash,
        pending.position,
        PENDING_STATE,
        in_sync=False,
        reason=reason,
        category=entry.category,
        tags=_get_declared_tags(entry),
        paused=entry.paused is True,
        labels=entry.labels,
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
        instance.shown_url,
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
        instance.name, instance.shown_url, status, str(observation.error), declared=declared, health=observation.health
    )
