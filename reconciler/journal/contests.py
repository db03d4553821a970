"""Contests that the journal shows: what runs have corrected again and again, and what a share limit has removed.

A watch notices by itself what something else keeps changing back; single runs need the journal for it.

See docs/decisions/0019-single-runs-learn-of-contests-from-the-journal.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.context import Planner
from reconciler.journal.journal import ItemKey, Journal, PastCorrection
from reconciler.journal.run_rows import value_text
from reconciler.journal.stop_intents import recall_stop_intents
from reconciler.model.fields.names import SHARE_LIMITS
from reconciler.model.fields.registry import to_declared_value
from reconciler.model.history import OwnedCount
from reconciler.model.plan import Action, AddTorrent, Change, InstancePlan, SparedTorrent, Verb
from reconciler.plan import Plan, PlanInput
from reconciler.plan.guard import is_probably_wiped
from reconciler.plan.holdback import PRESENCE, FieldRef, hold_back, list_holdable_fields

CORRECTION_LIMIT: Final = 5  # corrections
LIMITED_ADD_LIMIT: Final = 2  # adds of a torrent with a share limit, which may remove it
CORRECTION_WINDOW: Final = timedelta(days=7)  # that these corrections must fall into
FAST_SPAN: Final = timedelta(hours=1)  # corrections within this are held for as long; slower ones for a day
MIN_LIBRARY_SIZE: Final = 10  # torrents
SLOW_HOLD: Final = timedelta(days=1)
REMOVED_REASON: Final = (
    "its share limit has removed it, as its action declares, so it is not added again; "
    "to have it again, declare another action"
)
_REMOVING_ACTIONS: Final = ("remove", "remove-with-content")
_LIMIT_ACTION: Final = f"{SHARE_LIMITS}.action"
_LIMIT_FIELDS: Final = tuple(f"{SHARE_LIMITS}.{name}" for name in ("ratio", "seeding_time", "inactive_seeding_time"))


class JournalPlanner(Planner):
    """Plans a single run, and holds back what the journal shows to be contested."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def plan_actions(self, plan_input: PlanInput) -> Plan:
        """Plan with the stop intents that a check hides and the journal shows."""
        return super().plan_actions(recall_stop_intents(plan_input, self._journal))

    def hold_back(self, plan: Plan) -> Plan:
        """Return the plan with contested fields deferred."""
        plan = spare_removed(plan, self._journal)
        if all(action.hold for instance_plan in plan.instances for action in instance_plan.actions):
            return plan
        desired, now = plan.resolved.desired, self._journal.utc()
        corrections = self._journal.read_corrections(desired.owner, now - CORRECTION_WINDOW)
        if not corrections:
            return plan
        remembered = self._journal.read_owned_counts(desired)
        reasons: dict[FieldRef, str] = {}
        for instance_plan in plan.instances:
            is_lost = _is_lost(instance_plan, remembered.get(instance_plan.name))
            for action in instance_plan.actions:
                if is_lost and action.verb is Verb.ADD:
                    continue  # it is rebuilt
                past = corrections.get((instance_plan.name, str(action.kind), action.infohash or action.name), ())
                for field in list_holdable_fields(instance_plan.name, action) if past else ():
                    if reason := _contest_reason(field, action, past, now):
                        reasons[field] = reason
        return hold_back(plan, reasons.get) if reasons else plan


def spare_removed(plan: Plan, journal: Journal) -> Plan:
    """Return the plan with the torrents spared, not added, that a share limit has removed, as declared.

    They were added before, and no run has deleted them since.
    """
    actions = [action for instance_plan in plan.instances for action in instance_plan.actions]
    with_different_changes = {id(action.changes): action for action in actions}.values()  # thousands make the same
    if not any(map(_removes_at_limit, with_different_changes)):
        return plan
    infohashes = [str(action.infohash) for action in actions if _is_removed_at_limit(action)]
    histories = journal.read_histories(plan.resolved.desired.owner, infohashes)
    if not histories:
        return plan
    last_verbs = {key: _find_last_presence(history) for key, history in histories.items()}
    return replace(plan, instances=tuple(_spare_removed(instance, last_verbs) for instance in plan.instances))


def _find_last_presence(history: Sequence[PastCorrection]) -> Verb | None:
    """Return the last of the verbs that decide if the torrent is there."""
    return next((past.verb for past in reversed(history) if past.verb is not Verb.UPDATE), None)


def _spare_removed(plan: InstancePlan, last_verbs: Mapping[ItemKey, Verb | None]) -> InstancePlan:
    removed = [
        action
        for action in plan.actions
        if _is_removed_at_limit(action)
        and last_verbs.get((plan.name, str(action.kind), str(action.infohash))) in (Verb.ADD, Verb.ADOPT)
    ]
    if not removed:
        return plan
    spared = (SparedTorrent(str(action.infohash), action.name, REMOVED_REASON) for action in removed)
    actions = tuple(action for action in plan.actions if action not in removed)
    return replace(plan, actions=actions, spared=(*plan.spared, *spared))


def _is_lost(instance_plan: InstancePlan, remembered: OwnedCount | None) -> bool:
    """Return True if the instance has lost most of a library. Of a few torrents, something else may remove each."""
    is_library = remembered is not None and remembered.count >= MIN_LIBRARY_SIZE
    return is_library and is_probably_wiped(instance_plan.owned, remembered.count)  # type: ignore[union-attr]


def _is_removed_at_limit(action: Action) -> bool:
    """Return True if the action adds a torrent that its own share limit removes."""
    is_add = isinstance(action, AddTorrent) and action.hold is None and action.infohash is not None
    return is_add and _removes_at_limit(action)


def _removes_at_limit(action: Action) -> bool:
    return action.get_new_value(_LIMIT_ACTION) in _REMOVING_ACTIONS


def _has_limit(action: AddTorrent) -> bool:
    limits = (action.get_new_value(field) for field in _LIMIT_FIELDS)
    return any(isinstance(limit, (int, float)) and limit >= 0 for limit in limits)


def _contest_reason(field: FieldRef, action: Action, past: Sequence[PastCorrection], now: datetime) -> str | None:
    """Return why a field is left alone now; None if it is not contested."""
    is_limited = isinstance(action, AddTorrent) and _has_limit(action)
    limit = LIMITED_ADD_LIMIT if is_limited else CORRECTION_LIMIT
    if field.field == PRESENCE:
        times = _list_same_verb(action.verb, past)
    else:
        change = next(change for change in action.changes if change.field == field.field)
        times = [correction.at for correction in past if _contains_change(correction.changes, change)]
    if len(times) < limit:
        return None
    span = times[-1] - times[-limit]
    until = times[-1] + (FAST_SPAN if span <= FAST_SPAN else SLOW_HOLD)
    if now >= until:
        return None
    subject, undone = ("it", "undid it") if field.field == PRESENCE else (field.field, "changed it back")
    done = {Verb.ADD: "added", Verb.DELETE: "deleted"}.get(action.verb, "corrected")
    cause = "most likely its share limit, at which the server removes it" if is_limited else "something else"
    return (
        f"contested: {subject} was {done} {len(times)} times since {times[-limit]:%Y-%m-%d %H:%M} UTC, and {cause} "
        f"{undone} each time; left alone until {until:%Y-%m-%d %H:%M} UTC"
    )


def _list_same_verb(verb: Verb, past: Sequence[PastCorrection]) -> list[datetime]:
    """Return when the same was done, since the last time that a run did the opposite."""
    times: list[datetime] = []
    for correction in past:
        if correction.verb is verb:
            times.append(correction.at)
        elif {correction.verb, verb} == {Verb.ADD, Verb.DELETE}:
            times.clear()
    return times


def _contains_change(changes: str, change: Change) -> bool:
    """Return True if a recorded text of changes contains one of the same field to the same value."""
    after = value_text(to_declared_value(change.field, change.after))
    return any(part.startswith(f"{change.field}: ") and part.endswith(f" -> {after}") for part in changes.split("; "))
