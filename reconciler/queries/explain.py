"""One torrent explained: by the very plan that a run would make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from reconciler.engine.content import collect_snapshots
from reconciler.engine.observe import HealthChecker, connect, make_observer, observe_all
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.engine.reading import Observation, SessionFactory
from reconciler.engine.results import instance_status
from reconciler.engine.selection import select_instances, with_group_peers
from reconciler.health.state import HealthHistory
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.errors import InstanceError
from reconciler.model.explanation import Explanation, FieldComparison, InstanceExplanation
from reconciler.model.fields import FIELD_ORDER, FIELDS, PROPERTIES, is_default_value
from reconciler.model.history import OwnedCount, PastRun
from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import Action, InstancePlan, ObjectKind
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import build_owner_tag, parse_owners
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.diff import find_drift
from reconciler.plan.match import match_entries
from reconciler.plan.placement import Placement
from reconciler.plan.plan import NO_OWNED_COUNTS
from reconciler.queries.torrent_lookup import (
    choose_title,
    collect_torrent_refs,
    find_torrent,
    infohash_text,
    merge_infohashes,
)
from reconciler.retry import RetryPolicy, system_retry_policy, utc_now


def compare_fields(entry: DesiredTorrent | None, live: LiveTorrent | None) -> tuple[FieldComparison, ...]:
    """Return every field that has something to show; those that differ are those of the plan's own diff."""
    drift = find_drift(entry, live) if entry and live and not entry.absent else ()
    differing = {change.field for change in drift}
    comparisons = []
    for name in FIELD_ORDER:
        declared = FIELDS[name].declare(entry) if entry else None
        present = FIELDS[name].read(live) if live else None
        is_shown = name in PROPERTIES or name in differing or declared is not None
        if is_shown or not is_default_value(name, present):
            comparisons.append(FieldComparison(name, declared, present, name in differing))
    return tuple(comparisons)


RecentRunsReader = Callable[
    [InfoHashes], Sequence[PastRun]
]  # the past runs that did something with a torrent, newest first


def explain_torrent(
    desired: DesiredState,
    text: str,
    instances: Sequence[str],
    stop: threading.Event,
    *,
    retry: RetryPolicy | None = None,
    connect: SessionFactory = connect,
    placement_memory: PlacementMemory | None = None,
    utc: Callable[[], datetime] = utc_now,
    remembered: Mapping[str, OwnedCount] = NO_OWNED_COUNTS,
    recent_runs: RecentRunsReader = lambda _infohashes: (),
) -> Explanation:
    """Read the instances, plan, and tell about the torrent that `text` names.

    Raises `AmbiguousTorrent` and `UnknownInstance`. Exit code 1 where an instance could not be read.
    """
    retry, placement_memory = retry or system_retry_policy(stop), placement_memory or PlacementMemory()
    placement_memory.drop_undeclared(desired)
    selected = select_instances(desired, instances)
    look = make_observer(desired, HealthChecker(HealthHistory(), retry, utc), placement_memory, retry, utc)
    with observe_all(with_group_peers(desired, selected), stop, look, connect) as readings:
        snapshots = collect_snapshots(readings)
        placement_memory.record_observations(readings, utc())
    health = {name: reading.health for name, reading in readings.items() if reading.health}
    facts, now = placement_memory.facts, utc()
    plan = make_plan(PlanInput(desired, snapshots, health, facts, remembered, now=now))
    desired = plan.resolved.desired
    traces = collect_torrent_refs(desired, {one.name: snapshots[one.name] for one in selected if one.name in snapshots})
    found = find_torrent(text, traces, [one.name for one in selected if one.name not in snapshots])
    ids = {key for trace in found for key in trace.ids}
    plans = {part.name: part for part in plan.instances}
    places = _PlacementReasons(desired, plan.placement)
    parts = tuple(
        _explain_instance(desired, one.name, readings[one.name], plans.get(one.name), ids, places) for one in selected
    )
    infohashes = merge_infohashes(found)
    return Explanation(
        choose_title(found),
        infohash_text(infohashes),
        desired.owner,
        parts,
        tuple(recent_runs(infohashes)) if infohashes else (),
        int(any(one.name not in snapshots for one in selected)),
        places.pending_reason(ids),
    )


class _PlacementReasons:
    """Why an entry of a group is on a member, or is not."""

    def __init__(self, desired: DesiredState, placement: Placement) -> None:
        self._groups = desired.groups
        self._placement = placement

    def group_text(self, entry: DesiredTorrent | None) -> str | None:
        """Its group, with the strategy."""
        group = self._groups.get(entry.instance) if entry else None
        return f"{group.name} ({group.strategy})" if group else None

    def placement_reason(self, instance: str, entry: DesiredTorrent | None) -> str | None:
        """Why there, of an entry of a group; None where it is not to be there."""
        here = (one for one in self._placement.entries_by_instance.get(instance, ()) if one.match.entry is entry)
        return next((one.assignment.reason for one in here if one.assignment), None)

    def pending_reason(self, ids: Collection[str]) -> str | None:
        """Why it has no place for now, if so."""
        found = (one for one in self._placement.pending if one.infohash in ids)
        return next((f"{one.group}: {one.reason}" for one in found), None)


def _explain_instance(
    desired: DesiredState,
    instance: str,
    observation: Observation,
    plan: InstancePlan | None,
    ids: Collection[str],
    placement_reasons: _PlacementReasons,
) -> InstanceExplanation:
    entries = [one for one in desired.torrents if instance in desired.instances_of(one)]
    mine = [one for one in entries if not set(ids).isdisjoint(one.ids or (str(one.position),))]
    entry = mine[0] if mine else None
    if plan is None or observation.snapshot is None:
        status = observation.error.status if isinstance(observation.error, InstanceError) else Status.ERROR
        why = str(observation.error)
        return InstanceExplanation(
            instance, status, why, entry, health=observation.health, group=placement_reasons.group_text(entry)
        )
    lives = [live for live in observation.snapshot.torrents if not set(ids).isdisjoint(live.infohashes.ids)]
    lives += [
        one
        for found in match_entries(mine, observation.snapshot.torrents)
        for one in found.live_torrents
        if one not in lives
    ]
    actions = tuple(action for action in plan.actions if _is_about_torrent(action, entry, lives))
    shown = {str(live.infohashes) for live in lives}
    tags = frozenset(tag for live in lives for tag in live.tags)
    return InstanceExplanation(
        instance,
        instance_status(plan, observation.health)[0],
        None,
        entry,
        tuple(lives),
        build_owner_tag(desired.owner) in tags,
        tuple(name for name in parse_owners(tags) if name != desired.owner),
        compare_fields(entry, lives[0] if lives else None),
        actions,
        next((one.reason for one in plan.spared if one.infohash in shown), None),
        plan.verdict,
        observation.health,
        placement_reasons.group_text(entry),
        placement_reasons.placement_reason(instance, entry),
    )


def _is_about_torrent(action: Action, entry: DesiredTorrent | None, live_torrents: Sequence[LiveTorrent]) -> bool:
    if action.kind is not ObjectKind.TORRENT:
        return False
    return (entry is not None and action.position == entry.position) or action.torrent_id in {
        live.id for live in live_torrents
    }
