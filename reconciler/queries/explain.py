"""The explanation of one torrent, by the plan that a run would make.

See docs/decisions/0053-explain-shows-the-real-plan.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from reconciler.engine.context import RunContext
from reconciler.engine.observation import Observation, collect_health, collect_snapshots
from reconciler.engine.observe import observe_instances
from reconciler.engine.results import build_result, build_unread_result, results_from_plan
from reconciler.engine.selection import RunOptions, select_scope
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.explanation import Explanation, FieldComparison, InstanceExplanation
from reconciler.model.fields.properties import PROPERTIES
from reconciler.model.fields.registry import FIELD_ORDER, FIELDS, is_default_value
from reconciler.model.history import PastAction, PastRun
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lookup import MIN_INFOHASH_PREFIX
from reconciler.model.plan import Action, ObjectKind
from reconciler.model.run import InstanceResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import build_owner_tag, parse_owners
from reconciler.plan import Plan, PlanInput, make_plan
from reconciler.plan.diff import find_drift
from reconciler.plan.faults import select_faults
from reconciler.plan.match import match_entries
from reconciler.queries.torrent_lookup import (
    TorrentNotFound,
    choose_title,
    collect_torrent_refs,
    find_torrent,
    infohash_text,
    merge_infohashes,
)


def compare_fields(entry: DesiredTorrent | None, live: LiveTorrent | None) -> tuple[FieldComparison, ...]:
    """Return every field that has something to show; fields that differ come from the plan's own diff."""
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


RecentRunsReader = Callable[[str], Sequence[PastRun]]  # that changed a torrent, by name or infohash; newest first


def _read_no_runs(_torrent: str) -> Sequence[PastRun]:
    return ()


def explain_torrent(
    desired: DesiredState,
    text: str,
    instances: Sequence[str],
    context: RunContext,
    recent_runs: RecentRunsReader = _read_no_runs,
) -> Explanation:
    """Read the instances, plan, and explain the torrent that `text` names, also one of the past.

    Raises `AmbiguousTorrent` and `UnknownInstance`. The exit code is 1 if an instance could not be read.
    """
    scope = select_scope(desired, RunOptions(dry_run=True, instances=tuple(instances)))
    with observe_instances(scope, context) as observations:
        snapshots, health = collect_snapshots(observations), collect_health(observations)
    facts = context.placement_memory.facts
    untagged_ids = context.add_memory.get_ids(desired)
    plan = make_plan(
        PlanInput(
            desired,
            snapshots,
            health,
            facts,
            context.remembered,
            untagged_ids,
            context.find_unread_files(desired),
            now=context.utc(),
        )
    )
    selected_names = [instance.name for instance in scope.selected]
    unread = [name for name in selected_names if name not in snapshots]
    selected_snapshots = {name: snapshots[name] for name in selected_names if name in snapshots}
    try:
        refs = find_torrent(text, collect_torrent_refs(plan.resolved.desired, selected_snapshots), unread)
    except TorrentNotFound:
        runs = recent_runs(text)
        past = _find_past_torrent(text, runs)
        if past is None:
            raise
        title, infohash, ids = past.name, past.infohash or "", frozenset({past.infohash or past.name})
    else:
        title, infohash = choose_title(refs), infohash_text(merge_infohashes(refs))
        ids = frozenset(key for ref in refs for key in ref.ids)
        runs = recent_runs(infohash) if infohash else ()
    explainer = InstanceExplainer(plan, ids)
    return Explanation(
        title,
        infohash,
        desired.owner,
        tuple(explainer.explain(*_plan_result(plan, name, observations[name])) for name in selected_names),
        tuple(runs),
        int(bool(unread)),
        explainer.pending_reason(),
    )


def _find_past_torrent(text: str, runs: Sequence[PastRun]) -> PastAction | None:
    """Return the latest action on a torrent with this name, or whose infohash begins with the text."""
    prefix = text.lower() if len(text) >= MIN_INFOHASH_PREFIX else None
    actions = (action for run in runs for action in run.actions if action.kind is ObjectKind.TORRENT)
    return next((a for a in actions if a.name == text or (prefix and (a.infohash or "").startswith(prefix))), None)


def _plan_result(
    plan: Plan, name: str, observation: Observation
) -> tuple[InstanceResult, Collection[LiveTorrent] | None]:
    """Return the result of an instance if its plan is not executed, and its torrents; None if it could not be read."""
    instance_plan = next((instance_plan for instance_plan in plan.instances if instance_plan.name == name), None)
    if instance_plan is None or observation.snapshot is None:
        return build_unread_result(name, observation), None
    result = build_result(instance_plan, observation, results_from_plan(instance_plan))
    return replace(result, faults=select_faults(result.faults)), observation.snapshot.torrents


@dataclass(frozen=True, slots=True)
class InstanceExplainer:
    """Explains one torrent (by all its ids) on single instances, by the plan of a run and its results."""

    plan: Plan
    ids: frozenset[str]

    def explain(self, result: InstanceResult, torrents: Collection[LiveTorrent] | None) -> InstanceExplanation:
        """Return what is declared for an instance, what is on it, and what its plan does about it.

        `torrents`: all that the instance has; None if it could not be read.
        """
        desired, instance = self.plan.resolved.desired, result.name
        entries = [
            entry
            for entry in desired.torrents
            if instance in desired.instances_of(entry) and not self.ids.isdisjoint(entry.ids or (str(entry.position),))
        ]
        entry = entries[0] if entries else None
        explanation = InstanceExplanation(
            instance, result.status, entry=entry, health=result.health, group=self._group_text(entry)
        )
        if torrents is None:
            return replace(explanation, error=result.error)
        live_torrents = self._find_live_torrents(entries, torrents)
        infohashes = {str(live.infohashes) for live in live_torrents}
        tags = frozenset(tag for live in live_torrents for tag in live.tags)
        return replace(
            explanation,
            live_torrents=tuple(live_torrents),
            owned=build_owner_tag(desired.owner) in tags,
            other_owners=tuple(owner for owner in parse_owners(tags) if owner != desired.owner),
            fields=compare_fields(entry, live_torrents[0] if live_torrents else None),
            results=tuple(item for item in result.results if _is_about_torrent(item.action, entry, live_torrents)),
            spared_reason=next((spared.reason for spared in result.spared if spared.infohash in infohashes), None),
            verdict=result.verdict,
            placement_reason=self._placement_reason(instance, entry),
            fault=next((fault for fault in result.faults if fault.infohash in infohashes), None),
        )

    def pending_reason(self) -> str | None:
        """Return the reason why no member of its group can take the torrent now; None if it is not pending."""
        pending = (torrent for torrent in self.plan.pending if torrent.infohash in self.ids)
        return next((f"{torrent.group}: {torrent.reason}" for torrent in pending), None)

    def _find_live_torrents(
        self, entries: Sequence[DesiredTorrent], torrents: Collection[LiveTorrent]
    ) -> list[LiveTorrent]:
        live_torrents = [live for live in torrents if not self.ids.isdisjoint(live.infohashes.ids)]
        for match in match_entries(entries, tuple(torrents)):
            live_torrents += [live for live in match.live_torrents if live not in live_torrents]
        return live_torrents

    def _group_text(self, entry: DesiredTorrent | None) -> str | None:
        """Return the group of an entry, with its strategy."""
        group = self.plan.resolved.desired.groups.get(entry.instance) if entry else None
        return f"{group.name} ({group.strategy})" if group else None

    def _placement_reason(self, instance: str, entry: DesiredTorrent | None) -> str | None:
        """Return the reason why an entry of a group is placed on this instance; None if it is not."""
        matches = self.plan.placement.entries_by_instance.get(instance, ())
        assignments = (match.assignment for match in matches if match.entry is entry)
        return next((assignment.reason for assignment in assignments if assignment), None)


def _is_about_torrent(action: Action, entry: DesiredTorrent | None, live_torrents: Sequence[LiveTorrent]) -> bool:
    if action.kind is not ObjectKind.TORRENT:
        return False
    return (entry is not None and action.position == entry.position) or action.torrent_id in {
        live.id for live in live_torrents
    }
