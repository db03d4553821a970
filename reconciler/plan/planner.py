"""Desired state and snapshots → the plan of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from reconciler.model.desired import Desired, DesiredTorrent
from reconciler.model.journal import Remembered
from reconciler.model.plan import Action, InstancePlan, Kind, Plan, Spared, Verb, Verdict
from reconciler.model.snapshot import Snapshot
from reconciler.plan.blast import with_blast
from reconciler.plan.categories import plan_categories, prune_categories
from reconciler.plan.content import Resolved, may_mean, resolve
from reconciler.plan.fingerprint import fingerprint
from reconciler.plan.guard import judge
from reconciler.plan.match import match
from reconciler.plan.memory import distrust
from reconciler.plan.preferences import plan_preferences
from reconciler.plan.torrents import NO_LORE, Decision, Lore, Rules, decide, decide_unknown, prune

NOTHING: Mapping[str, Remembered] = MappingProxyType({})
ELSEWHERE: Mapping[str, Snapshot] = MappingProxyType({})
_KINDS = {kind: rank for rank, kind in enumerate((Kind.PREFERENCE, Kind.CATEGORY, Kind.TORRENT))}
_VERBS = {verb: rank for rank, verb in enumerate((Verb.ADD, Verb.ADOPT, Verb.UPDATE, Verb.DELETE))}


def make_plan(
    desired: Desired,
    snapshots: Mapping[str, Snapshot],
    *,
    accept: str | None = None,
    take_over: bool = False,
    today: date | None = None,
    remembered: Mapping[str, Remembered] = NOTHING,
    beside: Mapping[str, Snapshot] = ELSEWHERE,
) -> Plan:
    """The plan for every instance that was read whole, judged by the guard.

    `accept` is the hash of a plan that a person has approved; only that very plan passes a guard that refuses it.
    `today` (UTC) is what a quarantine is counted by; without one it is not needed.
    `beside`: instances that were read as well, for what is made there, and are not planned.
    `remembered`: what we owned on each instance, where that is known. One that has lost most of it deletes nothing,
    unless that very plan is approved; the hash does not depend on what is remembered.
    """
    if desired.unfetched:
        raise ValueError("a part of a desired state is never planned: it would delete what the rest declares")
    resolved = resolve(desired, {**beside, **snapshots})
    desired = resolved.desired
    by_instance: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
    for entry in desired.torrents:
        by_instance[entry.instance].append(entry)
    rules = Rules.of(desired, take_over, today)
    plans = [_plan_instance(resolved, name, by_instance[name], snapshots[name], rules) for name in sorted(snapshots)]
    approved = {accepted for accepted in (accept, desired.accept_plan) if accepted}
    digest = fingerprint(desired, plans)
    if digest not in approved:
        plans = [distrust(plan, remembered.get(plan.name), digest) for plan in plans]
    return Plan(digest, tuple(_judged(plan, desired, approved, digest) for plan in plans))


def _plan_instance(
    resolved: Resolved, name: str, entries: Sequence[DesiredTorrent], snapshot: Snapshot, rules: Rules
) -> InstancePlan:
    desired = resolved.desired
    decisions: list[Decision] = []
    unchanged, meant = 0, set[str]()
    unknown = [entry for entry in entries if not entry.infohashes]
    for found in match([entry for entry in entries if entry.infohashes], snapshot.torrents):
        meant.update(live.id for live in found.lives)
        decided = decide(found, rules, snapshot, _lore(found.entry, resolved))
        unchanged += not decided
        decisions += decided
    rest = [live for live in snapshot.torrents if live.id not in meant]
    for entry in unknown:
        lives = [live for live in rest if rules.owns(live) and may_mean(entry, live)]
        decided = decide_unknown(entry, resolved.unknown[entry.at], lives, rules, snapshot)
        unchanged += not decided
        decisions += decided
    for live in rest:
        decisions += prune(live, rules, unknown)
    torrents = with_blast([decision for decision in decisions if isinstance(decision, Action)], snapshot)
    decisions = [*torrents, *(decision for decision in decisions if isinstance(decision, Spared))]
    decisions += plan_preferences(desired.instances[name].preferences, snapshot, rules.policy)
    declared = desired.categories_of(name)
    decisions += plan_categories(declared, snapshot, rules.policy, torrents)
    if desired.prune_categories:
        decisions += prune_categories(declared, snapshot, rules.policy, torrents)
    owned = sum(rules.owns(live) for live in snapshot.torrents)
    return InstancePlan(
        name,
        tuple(sorted((d for d in decisions if isinstance(d, Action)), key=_rank)),
        tuple(sorted((d for d in decisions if isinstance(d, Spared)), key=lambda s: (s.name, s.infohash))),
        owned=owned,
        foreign=len(snapshot.torrents) - owned,
        unchanged=unchanged,
        suspended=desired.suspend or desired.instances[name].suspend,
    )


def _lore(entry: DesiredTorrent, resolved: Resolved) -> Lore:
    if entry.content is None:
        return NO_LORE
    task = resolved.tasks.get(entry.at)
    return Lore(task.id if task else None, resolved.unsourced.get(entry.at), resolved.peers.get(entry.at))


def _rank(action: Action) -> tuple[int, int, str, str, str]:
    return _KINDS[action.kind], _VERBS[action.verb], action.name, action.infohash or "", str(action.hold)


def _judged(plan: InstancePlan, desired: Desired, approved: Collection[str], digest: str) -> InstancePlan:
    verdict = judge(plan.actions, plan.owned, desired)
    if verdict.refused and digest in approved:
        verdict = Verdict(False, tuple(f"{reason}; accepted by its hash" for reason in verdict.reasons))
    elif verdict.refused and approved:
        stale = "the accepted hash is that of another plan: the desired state or the instances have changed since"
        verdict = Verdict(True, (*verdict.reasons, stale))
    return replace(plan, verdict=Verdict(verdict.refused, (*plan.verdict.reasons, *verdict.reasons)))
