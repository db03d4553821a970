"""Two desired states → what the newer one would do to instances that are exactly as the older one declares.

The older state is projected onto empty instances of the newest version, as if it had been applied and everything had
been downloaded; then the newer one is planned. What the older state does not declare is unknown: a key that the newer
one begins to declare is a change from an unknown value, whatever an instance has now.

See docs/decisions/0057-diff-plans-against-the-projection-of-the-old-state.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.model.comparison import ComparedInstance, Comparison, Presence
from reconciler.model.desired import DesiredState, DesiredTorrent, Policy
from reconciler.model.groups import PlacementFacts
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import GuardVerdict, InstancePlan
from reconciler.model.preferences import PreferenceValue, reveal_value
from reconciler.model.secret import Secret
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.versions import NEWEST_TESTED
from reconciler.plan.declared_changes import ActionExplainer, FileLocator
from reconciler.plan.plan import Plan, PlanInput
from reconciler.plan.planner import guard_plan, plan_actions, plan_unhashed
from reconciler.plan.projection import project_plan
from reconciler.plan.settings_diff import diff_settings
from reconciler.plan.stand_ins import fill_stand_ins, is_stand_in, without_stop_conditions

_AMPLE_SPACE: Final = 1 << 62  # bytes that are free, where a group asks for it


@dataclass(frozen=True, slots=True)
class ProjectedState:
    """A desired state, and its instances as they are once it was applied and everything was downloaded.

    `filled`: the state with its stand-ins. Members of groups are all healthy, and have room. `now`: the time (UTC) that
    groups and quarantines count by.
    """

    declared: DesiredState
    filled: DesiredState
    snapshots: Mapping[str, Snapshot]
    now: datetime


def project_state(desired: DesiredState, now: datetime) -> ProjectedState:
    """Project a desired state onto empty instances."""
    filled = fill_stand_ins(desired)
    planned = replace(filled, policy=Policy.UPSERT, quarantine_days=None, prune_categories=False, accept_plan=None)
    planned = without_stop_conditions(planned)
    empty = {name: _build_empty_snapshot(planned, name) for name in planned.instances}
    plan = plan_unhashed(PlanInput(planned, empty, facts=_make_facts(planned), now=now))
    snapshots = {plan.name: project_plan(plan, empty[plan.name], is_downloaded=True) for plan in plan.instances}
    return ProjectedState(desired, filled, snapshots, now)


def compare_states(
    old: ProjectedState, new: DesiredState, *, names: tuple[str, str], locate: FileLocator
) -> Comparison:
    """Return what the newer desired state changes. `names`: of both states, as the user gave them."""
    comparer = _Comparer(old, new, locate)
    plan = comparer.plan_new()
    compared = [comparer.compare_instance(instance_plan) for instance_plan in plan.instances]
    compared += comparer.list_removed_instances()
    return Comparison(
        *names,
        tuple(sorted(compared, key=lambda instance: instance.name)),
        diff_settings(old.declared, new),
        plan.pending,
        new.warnings,
    )


def _build_empty_snapshot(desired: DesiredState, name: str) -> Snapshot:
    preferences = {key: preference.value for key, preference in desired.instances[name].preferences.items()}
    return Snapshot(f"v{NEWEST_TESTED.release}", NEWEST_TESTED.since_text, preferences=preferences)


def _make_facts(desired: DesiredState) -> PlacementFacts:
    return PlacementFacts(free_space=dict.fromkeys(desired.instances, _AMPLE_SPACE) if desired.groups else {})


class _Comparer:
    """Plans a newer state over the projection of an older one, and explains the plan by what both declare."""

    def __init__(self, old: ProjectedState, new: DesiredState, locate: FileLocator) -> None:
        self._old, self._new, self._now, self._locate = old.declared, new, old.now, locate
        self._planned = replace(fill_stand_ins(new), accept_plan=None)  # whose hash no run has computed
        self._snapshots = old.snapshots
        self._old_entries = _index_entries(old.declared, old.filled)
        self._new_entries = _index_entries(new, self._planned)
        self._stand_ins = {
            entry.infohash for state in (old.filled, self._planned) for entry in state.torrents if is_stand_in(entry)
        }

    def plan_new(self) -> Plan:
        """Return the plan of the newer state, judged by the guard."""
        snapshots = {name: self._complete_snapshot(name) for name in self._new.instances}
        facts = _make_facts(self._planned)
        plan_input = PlanInput(self._planned, snapshots, facts=facts, now=self._now, hands_over_metadata=False)
        return guard_plan(plan_actions(plan_input), plan_input)

    def _complete_snapshot(self, name: str) -> Snapshot:
        """Return an instance with everything that the newer state may mean without the older one declaring it."""
        snapshot = self._snapshots.get(name) or replace(_build_empty_snapshot(self._planned, name), preferences={})
        known_preferences = snapshot.preferences or {}
        unknown = {
            key: _make_other_value(preference.value)
            for key, preference in self._new.instances[name].preferences.items()
            if key not in known_preferences
        }
        strangers = self._list_strangers(name)
        if not unknown and not strangers:
            return snapshot
        preferences = {**known_preferences, **unknown}
        return replace(snapshot, preferences=preferences, torrents=(*snapshot.torrents, *strangers))

    def _list_strangers(self, name: str) -> list[LiveTorrent]:
        """Return the torrents that the newer state declares absent, and the older one not at all: they may be there."""
        return [
            LiveTorrent(entry.ids[0], entry.infohashes, entry.label, stopped=True, state="stoppedUP")
            for entry in self._planned.torrents
            if entry.absent and entry.infohashes and self._planned.instances_of(entry)[:1] == (name,)
            if _find_entry(self._old_entries, name, entry.ids) is None
        ]

    def list_removed_instances(self) -> list[ComparedInstance]:
        """Return the instances that the newer state no longer declares: they are left as they are."""
        names = sorted(self._old.instances.keys() - self._new.instances.keys())
        return [ComparedInstance(name, Presence.REMOVED, len(self._snapshots[name].torrents)) for name in names]

    def compare_instance(self, plan: InstancePlan) -> ComparedInstance:
        """Return what changes on one instance."""
        name = plan.name
        explainer = ActionExplainer(name, self._old, self._new, self._locate, self._stand_ins)
        for action in plan.actions:
            ids = (action.infohash or "",)
            old, new = _find_entry(self._old_entries, name, ids), _find_entry(self._new_entries, name, ids)
            explainer.add_planned(action, old, new)
        for entry in self._planned.torrents:
            if name in self._planned.instances_of(entry) and (old := _find_entry(self._old_entries, name, entry.ids)):
                explainer.add_declared(old, self._new_entries[name, entry.ids[0]], entry.infohash)
        explainer.add_dropped_settings()
        return ComparedInstance(
            name,
            Presence.BOTH if name in self._old.instances else Presence.ADDED,
            len(self._snapshots[name].torrents) if name in self._snapshots else 0,
            plan.unchanged - explainer.added_count,
            explainer.build_actions(),
            plan.spared,
            tuple(explainer.ineffective),
            self._judge(plan.verdict),
        )

    def _judge(self, verdict: GuardVerdict) -> GuardVerdict:
        """Return the verdict. An approval that comes with the newer state can be checked only by a run."""
        approval = self._new.accept_plan
        if not verdict.refused or approval is None or approval == self._old.accept_plan:
            return verdict
        return GuardVerdict(
            False, tuple(f"{reason}; accept_plan approves it, if it is the hash" for reason in verdict.reasons)
        )


def _find_entry(
    entries: Mapping[tuple[str, str], DesiredTorrent], instance: str, ids: Collection[str]
) -> DesiredTorrent | None:
    return next((entry for key in ids if (entry := entries.get((instance, key)))), None)


def _make_other_value(value: PreferenceValue) -> PreferenceValue:
    """Return a value of the same type that differs: the one that an instance has is unknown."""
    bare = reveal_value(value)
    if isinstance(bare, bool):
        return not bare
    other = f"{bare}?" if isinstance(bare, str) else bare + 1
    return Secret(str(other)) if isinstance(value, Secret) else other


def _index_entries(declared: DesiredState, filled: DesiredState) -> dict[tuple[str, str], DesiredTorrent]:
    """Return the entries as they are declared, by instance and by every id that they have or stand for."""
    return {
        (name, key): entry
        for entry, known in zip(declared.torrents, filled.torrents, strict=True)
        for name in declared.instances_of(entry)
        for key in known.ids
    }
