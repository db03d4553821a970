"""Desired state and snapshots → the plan of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from reconciler.model.desired import Desired, DesiredTorrent
from reconciler.model.groups import NOTHING, Known, Placed
from reconciler.model.health import Health, WhenUnhealthy
from reconciler.model.history import Remembered
from reconciler.model.plan import Action, InstancePlan, Kind, Plan, Spared, Verb, Verdict
from reconciler.model.snapshot import Snapshot
from reconciler.plan.blast import with_blast
from reconciler.plan.categories import plan_categories, prune_categories
from reconciler.plan.context import Decision, Rules
from reconciler.plan.guard import distrust, judge
from reconciler.plan.kill_switch import let_go, postponed, stops
from reconciler.plan.placement import Here, Placement, Stay, place
from reconciler.plan.plan_hash import fingerprint
from reconciler.plan.preferences import plan_preferences
from reconciler.plan.resolve import Resolved, may_mean, resolve
from reconciler.plan.surplus import Extra, moves_later, plan_extras
from reconciler.plan.torrents import NO_LORE, Lore, decide, decide_unknown, prune

NOT_REMEMBERED: Mapping[str, Remembered] = MappingProxyType({})
_KINDS = {kind: rank for rank, kind in enumerate((Kind.PREFERENCE, Kind.CATEGORY, Kind.TORRENT))}
_VERBS = {verb: rank for rank, verb in enumerate((Verb.ADD, Verb.ADOPT, Verb.UPDATE, Verb.DELETE))}
NO_HEALTH: Mapping[str, Health] = MappingProxyType({})


def make_plan(
    desired: Desired,
    snapshots: Mapping[str, Snapshot],
    *,
    accept: str | None = None,
    take_over: bool = False,
    now: datetime | None = None,
    known: Known = NOTHING,
    only: Collection[str] | None = None,
    remembered: Mapping[str, Remembered] = NOT_REMEMBERED,
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
    if desired.unfetched:
        raise ValueError("a part of a desired state is never planned: it would delete what the rest declares")
    resolved = resolve(desired, snapshots)
    desired = resolved.desired
    rules = Rules.of(desired, take_over, now.date() if now else None)
    placement = place(desired, snapshots, known, now, take_over=take_over)
    names = sorted(snapshots if only is None else snapshots.keys() & only)
    plans = [_plan_instance(resolved, name, placement, snapshots[name], rules, health.get(name)) for name in names]
    approved = {accepted for accepted in (accept, desired.accept_plan) if accepted}
    digest = fingerprint(desired, plans)
    if digest not in approved:
        plans = [distrust(plan, remembered.get(plan.name), digest) for plan in plans]
    judged = tuple(_judged(plan, desired, approved, digest) for plan in plans)
    return Plan(digest, judged, placement.pending, placement.until)


def at_once(desired: Desired, name: str, snapshot: Snapshot, health: Health) -> tuple[Action, ...]:
    """The urgent actions of one instance, the same as in its plan: they wait for no other instance to be read."""
    return tuple(one for one in _stops(desired, name, snapshot, health) if isinstance(one, Action))


def _stops(desired: Desired, name: str, snapshot: Snapshot, health: Health) -> Sequence[Decision]:
    if health.healthy or desired.instances[name].when_unhealthy is not WhenUnhealthy.PAUSE:
        return ()
    return stops(snapshot.torrents, Rules.of(desired, take_over=False, today=None), health.why)


@dataclass(slots=True)
class _Torrents:
    """What becomes of the torrents of one instance, as far as that is decided."""

    decisions: list[Decision] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)
    unknown: list[DesiredTorrent] = field(default_factory=list)
    meant: set[str] = field(default_factory=set)
    unchanged: int = 0

    def settled(self, decided: Sequence[Decision]) -> None:
        self.decisions += decided
        self.unchanged += not decided


def _plan_instance(
    resolved: Resolved, name: str, placement: Placement, snapshot: Snapshot, rules: Rules, health: Health | None
) -> InstancePlan:
    desired = resolved.desired
    found = _declared(resolved, placement.on[name], snapshot, rules)
    _undeclared(found, resolved, placement, name, snapshot, rules)
    decisions = found.decisions
    owned = sum(rules.owns(live) for live in snapshot.torrents)
    if found.extras:
        others = [decision for decision in decisions if isinstance(decision, Action)]
        decisions += plan_extras(found.extras, others, owned, desired, rules)
    torrents = with_blast([decision for decision in decisions if isinstance(decision, Action)], snapshot)
    decisions = [*torrents, *(decision for decision in decisions if isinstance(decision, Spared))]
    declared = desired.categories_of(name)
    decisions += plan_categories(declared, snapshot, rules.policy, torrents)
    if desired.prune_categories:
        decisions += prune_categories(declared, snapshot, rules.policy, torrents)
    if health and not health.healthy:
        decisions = [*postponed(decisions, health.why), *_stops(desired, name, snapshot, health)]
    decisions += plan_preferences(desired.instances[name].preferences, snapshot, rules.policy)
    return InstancePlan(
        name,
        tuple(sorted((d for d in decisions if isinstance(d, Action)), key=_rank)),
        tuple(sorted((d for d in decisions if isinstance(d, Spared)), key=lambda s: (s.name, s.infohash))),
        owned=owned,
        foreign=len(snapshot.torrents) - owned,
        unchanged=found.unchanged,
        suspended=desired.suspend or desired.instances[name].suspend,
    )


def _declared(resolved: Resolved, wanted: Sequence[Here], snapshot: Snapshot, rules: Rules) -> _Torrents:
    """What the entries ask for, as far as it is known which torrents they mean."""
    torrents = _Torrents()
    for here in wanted:
        entry, live, spot = here.found.entry, here.found.live, here.spot
        if not entry.infohashes:
            torrents.unknown.append(entry)
            continue
        torrents.meant.update(one.id for one in here.found.lives)
        decided = _decide(here, resolved, rules, snapshot)
        if spot and spot.later and not decided and live:
            torrents.decisions.append(moves_later(entry, live, spot.later))
        elif live and spot and spot.stay is not Stay.WANTED and not any(isinstance(one, Spared) for one in decided):
            torrents.decisions += decided
            torrents.extras.append(Extra(entry, live, spot))
        else:
            torrents.settled(decided)
    return torrents


def _undeclared(
    torrents: _Torrents, resolved: Resolved, placement: Placement, name: str, snapshot: Snapshot, rules: Rules
) -> None:
    """What no entry means for sure: it may be what an entry means, or be wanted elsewhere, or not at all."""
    rest = [live for live in snapshot.torrents if live.id not in torrents.meant]
    for entry in torrents.unknown:
        lives = [live for live in rest if rules.owns(live) and may_mean(entry, live)]
        torrents.settled(decide_unknown(entry, resolved.unknown[entry.at], lives, rules, snapshot))
    for live in rest:
        stray = placement.stray(name, live, rules.owner) if rules.owns(live) else None
        if stray:
            torrents.extras.append(Extra(stray[0], live, stray[1]))
        else:
            torrents.decisions += let_go(prune(live, rules, torrents.unknown), live, rules, snapshot)


def _decide(here: Here, resolved: Resolved, rules: Rules, snapshot: Snapshot) -> Sequence[Decision]:
    """What an entry asks for on this instance. A copy that another has made superfluous is not mended any more."""
    spot, found = here.spot, here.found
    if spot and spot.stay is Stay.SURPLUS:
        return ()
    decided = decide(found, rules, snapshot, _lore(found.entry, resolved))
    if found.live and not found.conflict:
        decided = let_go(decided, found.live, rules, snapshot, found.entry)
    if spot is None:
        return decided
    placed = Placed(found.entry.instance, spot.reason)
    return [replace(one, placed=placed) if isinstance(one, Action) else one for one in decided]


def _lore(entry: DesiredTorrent, resolved: Resolved) -> Lore:
    if entry.content is None:
        return NO_LORE
    task = resolved.tasks.get(entry.at)
    return Lore(task.id if task else None, resolved.unsourced.get(entry.at), resolved.peers.get(entry.at))


def _rank(action: Action) -> tuple[bool, int, int, str, str, str]:
    return (
        not action.urgent,
        _KINDS[action.kind],
        _VERBS[action.verb],
        action.name,
        action.infohash or "",
        str(action.hold),
    )


def _judged(plan: InstancePlan, desired: Desired, approved: Collection[str], digest: str) -> InstancePlan:
    verdict = judge(plan.actions, plan.owned, desired)
    if verdict.refused and digest in approved:
        verdict = Verdict(False, tuple(f"{reason}; accepted by its hash" for reason in verdict.reasons))
    elif verdict.refused and approved:
        stale = "the accepted hash is that of another plan: the desired state or the instances have changed since"
        verdict = Verdict(True, (*verdict.reasons, stale))
    return replace(plan, verdict=Verdict(verdict.refused, (*plan.verdict.reasons, *verdict.reasons)))
