"""Desired state and snapshots → the plan of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.groups import NO_PLACEMENT_FACTS, ActionPlacement, PlacementFacts
from reconciler.model.health import Health, UnhealthyPolicy
from reconciler.model.history import OwnedCount
from reconciler.model.plan import Action, GuardVerdict, InstancePlan, ObjectKind, Plan, SparedTorrent, Verb
from reconciler.model.snapshot import Snapshot
from reconciler.plan.blast import attach_blasts
from reconciler.plan.categories import plan_categories, prune_categories
from reconciler.plan.context import Decision, PlanContext
from reconciler.plan.guard import block_deletions_if_wiped, evaluate_guard
from reconciler.plan.kill_switch import defer_all, release, stop_actions
from reconciler.plan.placement import Disposition, PlacedEntry, Placement, place_entries
from reconciler.plan.plan_hash import hash_plan
from reconciler.plan.preferences import plan_preferences
from reconciler.plan.resolve import ResolvedDesired, could_be, resolve_entries
from reconciler.plan.surplus import SurplusCopy, defer_move, plan_surplus_copies
from reconciler.plan.torrents import NO_FACTS, EntryFacts, plan_entry, plan_prune, plan_unresolved_entry

NOTHING_REMEMBERED: Mapping[str, OwnedCount] = MappingProxyType({})
_KIND_RANKS = {kind: rank for rank, kind in enumerate((ObjectKind.PREFERENCE, ObjectKind.CATEGORY, ObjectKind.TORRENT))}
_VERB_RANKS = {verb: rank for rank, verb in enumerate((Verb.ADD, Verb.ADOPT, Verb.UPDATE, Verb.DELETE))}
NO_HEALTH: Mapping[str, Health] = MappingProxyType({})


def make_plan(
    desired: DesiredState,
    snapshots: Mapping[str, Snapshot],
    *,
    accept: str | None = None,
    take_over: bool = False,
    now: datetime | None = None,
    facts: PlacementFacts = NO_PLACEMENT_FACTS,
    only: Collection[str] | None = None,
    remembered: Mapping[str, OwnedCount] = NOTHING_REMEMBERED,
    health: Mapping[str, Health] = NO_HEALTH,
) -> Plan:
    """The plan for every instance that was read whole, judged by the guard.

    An instance of which `health` says nothing is healthy.

    `accept` is the hash of a plan that a person has approved; only that very plan passes a guard that refuses it.
    `now` (UTC) is what groups and quarantines are counted by; where there is neither it is not needed. `known` is what
    is known of the members of groups besides. `only`: the instances to plan for; the others were read for the sake of
    others.
    `remembered`: what we owned on each instance, where that is known. One that has lost most of it deletes nothing,
    unless that very plan is approved; the hash does not depend on what is remembered.
    """
    if desired.unfetched_count:
        raise ValueError("a part of a desired state is never planned: it would delete what the rest declares")
    resolved = resolve_entries(desired, snapshots)
    desired = resolved.desired
    rules = PlanContext.from_desired(desired, take_over, now.date() if now else None)
    placement = place_entries(desired, snapshots, facts, now, take_over=take_over)
    names = sorted(snapshots if only is None else snapshots.keys() & only)
    plans = [_plan_instance(resolved, name, placement, snapshots[name], rules, health.get(name)) for name in names]
    approved = {accepted for accepted in (accept, desired.accept_plan) if accepted}
    digest = hash_plan(desired, plans)
    if digest not in approved:
        plans = [block_deletions_if_wiped(plan, remembered.get(plan.name), digest) for plan in plans]
    judged = tuple(_apply_guard(plan, desired, approved, digest) for plan in plans)
    return Plan(digest, judged, placement.pending, placement.until)


def urgent_actions(desired: DesiredState, name: str, snapshot: Snapshot, health: Health) -> tuple[Action, ...]:
    """The urgent actions of one instance, the same as in its plan: they wait for no other instance to be read."""
    return tuple(one for one in _plan_stops(desired, name, snapshot, health) if isinstance(one, Action))


def _plan_stops(desired: DesiredState, name: str, snapshot: Snapshot, health: Health) -> Sequence[Decision]:
    if health.is_healthy or desired.instances[name].when_unhealthy is not UnhealthyPolicy.PAUSE:
        return ()
    return stop_actions(
        snapshot.torrents, PlanContext.from_desired(desired, take_over=False, today=None), health.reason
    )


@dataclass(slots=True)
class _TorrentDecisions:
    """What becomes of the torrents of one instance, as far as that is decided."""

    decisions: list[Decision] = field(default_factory=list)
    surplus_copies: list[SurplusCopy] = field(default_factory=list)
    unresolved: list[DesiredTorrent] = field(default_factory=list)
    matched_ids: set[str] = field(default_factory=set)
    unchanged: int = 0

    def record_decisions(self, decisions: Sequence[Decision]) -> None:
        self.decisions += decisions
        self.unchanged += not decisions


def _plan_instance(
    resolved: ResolvedDesired,
    name: str,
    placement: Placement,
    snapshot: Snapshot,
    context: PlanContext,
    health: Health | None,
) -> InstancePlan:
    desired = resolved.desired
    found = _plan_declared(resolved, placement.entries_by_instance[name], snapshot, context)
    _plan_undeclared(found, resolved, placement, name, snapshot, context)
    decisions = found.decisions
    owned = sum(context.is_owned(live) for live in snapshot.torrents)
    if found.surplus_copies:
        others = [decision for decision in decisions if isinstance(decision, Action)]
        decisions += plan_surplus_copies(found.surplus_copies, others, owned, desired, context)
    torrents = attach_blasts([decision for decision in decisions if isinstance(decision, Action)], snapshot)
    decisions = [*torrents, *(decision for decision in decisions if isinstance(decision, SparedTorrent))]
    declared = desired.categories_of(name)
    decisions += plan_categories(declared, snapshot, context.policy, torrents)
    if desired.prune_categories:
        decisions += prune_categories(declared, snapshot, context.policy, torrents)
    if health and not health.is_healthy:
        decisions = [*defer_all(decisions, health.reason), *_plan_stops(desired, name, snapshot, health)]
    decisions += plan_preferences(desired.instances[name].preferences, snapshot, context.policy)
    return InstancePlan(
        name,
        tuple(sorted((d for d in decisions if isinstance(d, Action)), key=_rank_action)),
        tuple(sorted((d for d in decisions if isinstance(d, SparedTorrent)), key=lambda s: (s.name, s.infohash))),
        owned=owned,
        foreign=len(snapshot.torrents) - owned,
        unchanged=found.unchanged,
        suspended=desired.suspend or desired.instances[name].suspend,
    )


def _plan_declared(
    resolved: ResolvedDesired, placed_entries: Sequence[PlacedEntry], snapshot: Snapshot, context: PlanContext
) -> _TorrentDecisions:
    """What the entries ask for, as far as it is known which torrents they mean."""
    torrents = _TorrentDecisions()
    for here in placed_entries:
        entry, live, spot = here.match.entry, here.match.live, here.assignment
        if not entry.infohashes:
            torrents.unresolved.append(entry)
            continue
        torrents.matched_ids.update(one.id for one in here.match.live_torrents)
        decided = _plan_placed_entry(here, resolved, context, snapshot)
        if spot and spot.later_instance and not decided and live:
            torrents.decisions.append(defer_move(entry, live, spot.later_instance))
        elif (
            live
            and spot
            and spot.disposition is not Disposition.WANTED
            and not any(isinstance(one, SparedTorrent) for one in decided)
        ):
            torrents.decisions += decided
            torrents.surplus_copies.append(SurplusCopy(entry, live, spot))
        else:
            torrents.record_decisions(decided)
    return torrents


def _plan_undeclared(
    torrents: _TorrentDecisions,
    resolved: ResolvedDesired,
    placement: Placement,
    name: str,
    snapshot: Snapshot,
    context: PlanContext,
) -> None:
    """What no entry means for sure: it may be what an entry means, or be wanted elsewhere, or not at all."""
    rest = [live for live in snapshot.torrents if live.id not in torrents.matched_ids]
    for entry in torrents.unresolved:
        lives = [live for live in rest if context.is_owned(live) and could_be(entry, live)]
        torrents.record_decisions(
            plan_unresolved_entry(entry, resolved.unresolved[entry.position], lives, context, snapshot)
        )
    for live in rest:
        stray = placement.assign_stray(name, live, context.owner) if context.is_owned(live) else None
        if stray:
            torrents.surplus_copies.append(SurplusCopy(stray[0], live, stray[1]))
        else:
            torrents.decisions += release(plan_prune(live, context, torrents.unresolved), live, context, snapshot)


def _plan_placed_entry(
    placed_entry: PlacedEntry, resolved: ResolvedDesired, context: PlanContext, snapshot: Snapshot
) -> Sequence[Decision]:
    """What an entry asks for on this instance. A copy that another has made superfluous is not mended any more."""
    spot, found = placed_entry.assignment, placed_entry.match
    if spot and spot.disposition is Disposition.SURPLUS:
        return ()
    decided = plan_entry(found, context, snapshot, _collect_facts(found.entry, resolved))
    if found.live and not found.conflict:
        decided = release(decided, found.live, context, snapshot, found.entry)
    if spot is None:
        return decided
    placed = ActionPlacement(found.entry.instance, spot.reason)
    return [replace(one, placement=placed) if isinstance(one, Action) else one for one in decided]


def _collect_facts(entry: DesiredTorrent, resolved: ResolvedDesired) -> EntryFacts:
    if entry.content is None:
        return NO_FACTS
    task = resolved.tasks.get(entry.position)
    return EntryFacts(
        task.id if task else None, resolved.unavailable.get(entry.position), resolved.peers.get(entry.position)
    )


def _rank_action(action: Action) -> tuple[bool, int, int, str, str, str]:
    return (
        not action.urgent,
        _KIND_RANKS[action.kind],
        _VERB_RANKS[action.verb],
        action.name,
        action.infohash or "",
        str(action.hold),
    )


def _apply_guard(plan: InstancePlan, desired: DesiredState, approved: Collection[str], plan_hash: str) -> InstancePlan:
    verdict = evaluate_guard(plan.actions, plan.owned, desired)
    if verdict.refused and plan_hash in approved:
        verdict = GuardVerdict(False, tuple(f"{reason}; accepted by its hash" for reason in verdict.reasons))
    elif verdict.refused and approved:
        stale = "the accepted hash is that of another plan: the desired state or the instances have changed since"
        verdict = GuardVerdict(True, (*verdict.reasons, stale))
    return replace(plan, verdict=GuardVerdict(verdict.refused, (*plan.verdict.reasons, *verdict.reasons)))
