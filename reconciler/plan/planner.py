"""Desired state and snapshots → the plan of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.health import Health, UnhealthyPolicy
from reconciler.model.history import OwnedCount
from reconciler.model.plan import (
    Action,
    ActionBase,
    InstancePlan,
    ObjectKind,
    SparedTorrent,
    TorrentFault,
    UpdateTorrent,
    Verb,
)
from reconciler.model.snapshot import Snapshot
from reconciler.plan.actions import attach_placement
from reconciler.plan.adds import NO_FACTS, EntryFacts, plan_adds
from reconciler.plan.assignment import Disposition
from reconciler.plan.blast import attach_blasts
from reconciler.plan.categories import find_category_paths, plan_categories, prune_categories
from reconciler.plan.context import Decision, PlanContext
from reconciler.plan.faults import find_fault, find_next_stuck_time
from reconciler.plan.file_rules import find_unmatched_rules
from reconciler.plan.followers import FollowerFinder, make_ownership_check
from reconciler.plan.guard import block_deletions_if_wiped, evaluate_guard, refuse_unless_approved
from reconciler.plan.kill_switch import defer_all, release, stop_actions
from reconciler.plan.management import keep_management
from reconciler.plan.match import Match
from reconciler.plan.metadata import NO_HOLDERS, MetadataHolders
from reconciler.plan.moves import attach_move_blasts, block_shared_moves
from reconciler.plan.placement import Placement, place_entries
from reconciler.plan.plan import Plan, PlanInput
from reconciler.plan.plan_hash import hash_plan
from reconciler.plan.platform import block_undeclarable_categories
from reconciler.plan.preferences import plan_preferences
from reconciler.plan.resolve import ResolvedDesired, could_be, resolve_entries
from reconciler.plan.shared_data import add_where_data_is, spare_shared_data
from reconciler.plan.skipped_files import block_shared_skips
from reconciler.plan.surplus import SurplusCopy, defer_move, plan_surplus_copies
from reconciler.plan.torrents import (
    plan_entry,
    plan_prune,
    plan_unresolved_entry,
    plan_untagged,
)

_KINDS = (ObjectKind.PREFERENCE, ObjectKind.CATEGORY, ObjectKind.TORRENT)
_VERBS = (Verb.ADD, Verb.ADOPT, Verb.UPDATE, Verb.DELETE)
_TYPE_RANKS = {cls: (_KINDS.index(cls.kind), _VERBS.index(cls.verb)) for cls in get_args(Action)}


def make_plan(plan_input: PlanInput) -> Plan:
    """Return the plan of every instance that was read whole, judged by the guard.

    Raises `ValueError` for an incomplete desired state, and for groups or a quarantine without a time.
    """
    return guard_plan(plan_actions(plan_input), plan_input)


def plan_actions(plan_input: PlanInput) -> Plan:
    """Return the plan of every instance that was read whole, before the guard has judged it."""
    unhashed = plan_unhashed(plan_input)
    return replace(unhashed, hash=hash_plan(unhashed.resolved.desired, unhashed.instances))


def plan_unhashed(plan_input: PlanInput) -> Plan:
    """Return the same plan without its hash, for what nobody approves."""
    if plan_input.desired.unfetched_count:
        raise ValueError("a part of a desired state is never planned: it would delete what the rest declares")
    snapshots, now, take_over = plan_input.snapshots, plan_input.now, plan_input.take_over
    resolved = resolve_entries(plan_input.desired, snapshots)
    holders = MetadataHolders(resolved.desired.owner, snapshots) if plan_input.hands_over_metadata else NO_HOLDERS
    placement = place_entries(resolved.desired, snapshots, plan_input.facts, now, take_over=take_over, holders=holders)
    context = PlanContext.from_desired(resolved.desired, take_over, now, holders)
    names = sorted(snapshots if plan_input.only is None else snapshots.keys() & plan_input.only)
    sharers = {name: resolved.desired.sharers_of(name) for name in names}
    others = {sharer for sharing in sharers.values() for sharer in sharing if sharer in snapshots}.difference(names)
    instance_plans = [_plan_instance(resolved, name, placement, plan_input, context) for name in [*names, *others]]
    instance_plans = spare_shared_data(instance_plans, snapshots, sharers)
    matches = (match for name in names for match in placement.entries_by_instance[name])
    warnings = find_unmatched_rules(matches) if resolved.desired.entries_with_file_rules else ()
    stuck_at = find_next_stuck_time(snapshots.values(), context)
    return Plan("", tuple(instance_plans), resolved, placement, warnings, stuck_at)


def guard_plan(plan: Plan, plan_input: PlanInput) -> Plan:
    """Return the plan with the guard's verdict on every instance.

    Deletions are blocked where an instance looks wiped, and moves that would take files from other torrents.
    """
    approved = plan_input.approved_hashes
    instance_plans = plan.instances
    if plan.hash not in approved:
        instance_plans = tuple(
            _block_unsafe(instance_plan, plan_input.remembered.get(instance_plan.name), plan.hash)
            for instance_plan in instance_plans
        )
    judged = tuple(_judge_instance(instance_plan, plan_input, approved, plan.hash) for instance_plan in instance_plans)
    return replace(plan, instances=judged)


def urgent_actions(desired: DesiredState, name: str, snapshot: Snapshot, health: Health) -> tuple[Action, ...]:
    """Return the urgent actions of one instance, the same as in its plan. They need no other instance to be read."""
    return tuple(
        decision for decision in _plan_stops(desired, name, snapshot, health) if isinstance(decision, ActionBase)
    )


def _plan_stops(desired: DesiredState, name: str, snapshot: Snapshot, health: Health) -> Sequence[Decision]:
    if health.is_healthy or desired.instances[name].when_unhealthy is not UnhealthyPolicy.PAUSE:
        return ()
    return stop_actions(snapshot.torrents, PlanContext.from_desired(desired, take_over=False, now=None), health.reason)


@dataclass(slots=True, repr=False, eq=False)
class _TorrentDecisions:
    """The decisions about the torrents of one instance, while they are collected."""

    decisions: list[Decision] = field(default_factory=list)
    surplus_copies: list[SurplusCopy] = field(default_factory=list)
    unresolved: list[DesiredTorrent] = field(default_factory=list)
    faults: list[TorrentFault] = field(default_factory=list)
    matched_ids: set[str] = field(default_factory=set)
    unchanged: int = 0

    def record_decisions(self, decisions: Sequence[Decision]) -> None:
        self.decisions += decisions
        self.unchanged += not decisions


def _plan_instance(
    resolved: ResolvedDesired,
    name: str,
    placement: Placement,
    plan_input: PlanInput,
    context: PlanContext,
) -> InstancePlan:
    desired, snapshot, health = resolved.desired, plan_input.snapshots[name], plan_input.health.get(name)
    untagged_ids = plan_input.untagged_ids.get(name, frozenset())
    collected = _plan_declared(resolved, placement, name, snapshot, context, untagged_ids)
    _plan_undeclared(collected, resolved, placement, name, snapshot, context, untagged_ids)
    declared = desired.categories_of(name)
    decisions = block_undeclarable_categories(collected.decisions, declared, snapshot)
    owned = sum(context.is_owned(live) for live in snapshot.torrents)
    if collected.surplus_copies:
        others = [decision for decision in decisions if isinstance(decision, ActionBase)]
        decisions += plan_surplus_copies(collected.surplus_copies, others, owned, desired, context)
    torrents = attach_blasts([decision for decision in decisions if isinstance(decision, ActionBase)], snapshot)
    sharers = {sharer: plan_input.snapshots.get(sharer) for sharer in desired.sharers_of(name)}
    torrents = block_shared_skips(torrents, snapshot, sharers)
    torrents = attach_move_blasts(torrents, snapshot, find_category_paths(declared, snapshot))
    followers = FollowerFinder(snapshot, make_ownership_check(context, torrents))
    decisions = [*torrents, *(decision for decision in decisions if isinstance(decision, SparedTorrent))]
    decisions += plan_categories(declared, snapshot, context.policy, torrents, followers)
    if desired.prune_categories:
        decisions += prune_categories(declared, snapshot, context.policy, torrents)
    if health and not health.is_healthy:
        decisions = [*defer_all(decisions, health.reason), *_plan_stops(desired, name, snapshot, health)]
    decisions += plan_preferences(desired.instances[name].preferences, snapshot, context.policy, followers)
    decisions = list(keep_management(decisions, placement.entries_by_instance[name], context))
    return InstancePlan(
        name,
        tuple(sorted((d for d in decisions if isinstance(d, ActionBase)), key=rank_action)),
        tuple(sorted((d for d in decisions if isinstance(d, SparedTorrent)), key=lambda s: (s.name, s.infohash))),
        owned=owned,
        foreign=len(snapshot.torrents) - owned,
        unchanged=collected.unchanged,
        suspended=desired.suspend or desired.instances[name].suspend,
        faults=tuple(sorted(collected.faults, key=lambda f: (not f.is_serious, f.kind, f.name, f.infohash))),
    )


def _plan_declared(
    resolved: ResolvedDesired,
    placement: Placement,
    name: str,
    snapshot: Snapshot,
    context: PlanContext,
    untagged_ids: Collection[str],
) -> _TorrentDecisions:
    """Plan the entries whose torrents are known. A run may have ended before it tagged a copy that is surplus now."""
    torrents, categories = _TorrentDecisions(), resolved.desired.categories_of(name)
    missing: list[Match] = []  # nearly all that are: those of which nothing is known but what is declared
    for match in placement.entries_by_instance[name]:
        entry, live, assignment = match.entry, match.live, match.assignment
        if not entry.infohashes:
            torrents.unresolved.append(entry)
            continue
        if live is None:
            if _is_plainly_missing(match, name, resolved, context):
                missing.append(add_where_data_is(match, categories, snapshot) if assignment else match)
            else:
                torrents.record_decisions(_plan_placed_entry(match, name, resolved, context, snapshot))
            continue
        torrents.matched_ids.update([torrent.id for torrent in match.live_torrents])
        is_surplus = assignment is not None and assignment.disposition is Disposition.SURPLUS
        if not is_surplus and (fault := find_fault(entry, live, name, context)):
            torrents.faults.append(fault)
        if is_surplus and live.id in untagged_ids and (claim := plan_untagged(live, context, "surplus here")):
            torrents.decisions.append(claim)
            continue
        entry_decisions = _plan_placed_entry(match, name, resolved, context, snapshot)
        if assignment and assignment.stays_reason and not entry_decisions:
            torrents.decisions.append(defer_move(entry, live, assignment.stays_reason))
        elif (
            assignment
            and assignment.disposition is not Disposition.WANTED
            and not any(isinstance(decision, SparedTorrent) for decision in entry_decisions)
        ):
            torrents.decisions += entry_decisions
            torrents.surplus_copies.append(SurplusCopy(entry, live, assignment))
        else:
            torrents.record_decisions(entry_decisions)
    torrents.decisions += plan_adds(missing, context, snapshot)
    return torrents


def _plan_undeclared(
    torrents: _TorrentDecisions,
    resolved: ResolvedDesired,
    placement: Placement,
    name: str,
    snapshot: Snapshot,
    context: PlanContext,
    untagged_ids: Collection[str],
) -> None:
    """Plan the live torrents that match no entry.

    An unresolved entry may mean them, another instance may want them, or a run may have ended before it tagged them.
    """
    unmatched = [live for live in snapshot.torrents if live.id not in torrents.matched_ids]
    for entry in torrents.unresolved:
        candidates = [live for live in unmatched if context.is_owned(live) and could_be(entry, live)]
        torrents.record_decisions(
            plan_unresolved_entry(entry, resolved.unresolved[entry.position], candidates, context, snapshot)
        )
    desired = resolved.desired  # an entry of a group is planned on one member, and may mean what another one has
    unknown = [entry for entry in desired.unknown_entries if name in desired.instances_of(entry)]
    unresolved = [*torrents.unresolved, *unknown]
    for live in unmatched:
        if live.id in untagged_ids and (claim := plan_untagged(live, context, "no longer declared")):
            torrents.decisions.append(claim)
            continue
        stray = placement.assign_stray(name, live, context.owner) if context.is_owned(live) and not unknown else None
        if stray:
            torrents.surplus_copies.append(SurplusCopy(stray[0], live, stray[1]))
        else:
            torrents.decisions += release(plan_prune(live, context, unresolved), live, context, snapshot)


def _plan_placed_entry(
    match: Match, name: str, resolved: ResolvedDesired, context: PlanContext, snapshot: Snapshot
) -> Sequence[Decision]:
    """Plan an entry on this instance. A surplus copy is not repaired."""
    assignment = match.assignment
    if assignment and assignment.disposition is Disposition.SURPLUS:
        return ()
    facts = _collect_facts(match, name, resolved, context)
    if assignment:
        match = add_where_data_is(match, resolved.desired.categories_of(name), snapshot)
    decisions = plan_entry(match, context, snapshot, facts)
    if match.live and not match.conflict:
        decisions = release(decisions, match.live, context, snapshot, match.entry)
    if assignment is None:
        return decisions
    return [d if isinstance(d, SparedTorrent) else attach_placement(d, match) for d in decisions]


def _is_plainly_missing(match: Match, instance: str, resolved: ResolvedDesired, context: PlanContext) -> bool:
    """Return True for a torrent to add of which nothing is known but what is declared.

    What has no copy on an instance is never surplus there.
    """
    if match.conflict or match.entry.absent:
        return False
    return _collect_facts(match, instance, resolved, context) is NO_FACTS


def _collect_facts(match: Match, instance: str, resolved: ResolvedDesired, context: PlanContext) -> EntryFacts:
    entry, live, assignment = match.entry, match.live, match.assignment
    waits_reason = assignment.waits_reason if assignment and live is None else None
    if entry.content is None:
        if live and live.has_metadata and not live.added_on:
            return NO_FACTS
        source = context.holders.find_source(entry, instance)
        return EntryFacts(unavailable=waits_reason, metadata=source) if source or waits_reason else NO_FACTS
    task, unavailable = resolved.tasks.get(entry.position), resolved.unavailable.get(entry.position)
    return EntryFacts(task.id if task else None, waits_reason or unavailable, resolved.peers.get(entry.position))


def rank_action(action: Action) -> tuple[bool, tuple[int, int], str, str, str]:
    """Return the place of an action in a plan: what is urgent first, then by kind, verb and name."""
    is_urgent = isinstance(action, UpdateTorrent) and action.urgent
    return not is_urgent, _TYPE_RANKS[type(action)], action.name, action.infohash or "", str(action.hold)


def _block_unsafe(plan: InstancePlan, remembered: OwnedCount | None, plan_hash: str) -> InstancePlan:
    """Return the plan with everything blocked that only an accepted plan may do."""
    plan = block_deletions_if_wiped(plan, remembered, plan_hash)
    blocked = block_shared_moves(plan, plan_hash)
    return plan if blocked is plan else replace(blocked, actions=tuple(sorted(blocked.actions, key=rank_action)))


def _judge_instance(
    plan: InstancePlan, plan_input: PlanInput, approved: Collection[str], plan_hash: str
) -> InstancePlan:
    unread_files = plan_input.unread_files.get(plan.name, ())
    verdict = evaluate_guard(plan.actions, plan.owned, plan_input.desired, unread_files)
    plan = replace(plan, verdict=replace(plan.verdict, counts=verdict.counts))
    return refuse_unless_approved(plan, verdict.reasons, approved, plan_hash) if verdict.refused else plan
