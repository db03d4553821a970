"""What the loop remembers of single torrents between runs: what a server refuses, and what somebody changes back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.journal.journal import ContestedField
from reconciler.model.desired import DesiredCategory, DesiredPreference, DesiredState, DesiredTorrent
from reconciler.model.fields import (
    CATEGORY,
    FORCE_START,
    HELD,
    OWNER,
    PAUSED,
    QUARANTINE,
    changes_location,
)
from reconciler.model.plan import Action, InstancePlan, ObjectKind, Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import InstanceResult, Status
from reconciler.plan import Plan
from reconciler.plan.actions import drift_reason
from reconciler.retry import Clock, compute_backoff_delay
from reconciler.watch.fight_detector import CONTESTED_HOLD, CORRECTION_LIMIT, FightDetector

_SWITCH_FIELDS: Final = (HELD, PAUSED, FORCE_START)
PRESENCE: Final = "presence"  # the field of an action that cannot be parted: being there, or being gone


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field of a torrent or a category on an instance."""

    instance: str
    kind: ObjectKind
    item: str
    field: str


HoldReason = Callable[[FieldRef], str | None]


def list_holdable_fields(instance: str, action: Action) -> list[FieldRef]:
    """The fields that an action changes, and that may be held back: the kill switch stops and starts at any time."""
    parted = action.kind is ObjectKind.TORRENT and action.verb in (Verb.UPDATE, Verb.ADOPT)
    fields = [change.field for change in action.changes] if parted else [PRESENCE]
    if action.urgent or HELD in fields:
        fields = [field for field in fields if field not in _SWITCH_FIELDS]
    item = action.infohash or action.name
    return [FieldRef(instance, action.kind, item, field) for field in fields]


def hold_back(plan: Plan, hold_reason: HoldReason) -> Plan:
    """The plan without what `why` gives a reason to hold back."""
    return replace(plan, instances=tuple(_hold_back_instance(part, hold_reason) for part in plan.instances))


def _hold_back_instance(plan: InstancePlan, hold_reason: HoldReason) -> InstancePlan:
    absent: set[str] = set()  # categories that will not be made now
    actions: list[Action] = []
    for action in plan.actions:  # categories come first
        for part in _split_action(plan.name, action, hold_reason, absent):
            if part.kind is ObjectKind.CATEGORY and part.verb is Verb.ADD and part.hold:
                absent.add(part.name)
            actions.append(part)
    return replace(plan, actions=tuple(actions))


def _split_action(
    instance: str, action: Action, hold_reason: HoldReason, held_categories: Collection[str]
) -> Iterator[Action]:
    """The action itself, or what is left of it and, each by itself, what is held back."""
    if action.hold:
        yield action
        return
    held = {
        subject.field: reason for subject in list_holdable_fields(instance, action) if (reason := hold_reason(subject))
    }
    category = action.get_new_value(CATEGORY) if action.kind is ObjectKind.TORRENT else None
    if category in held_categories:  # qBittorrent would make it up, without its path
        field = PRESENCE if action.verb is Verb.ADD else CATEGORY
        held.setdefault(field, f"waits for its category {category}, which is held back")
    if not held:
        yield action
    elif whole := held.get(PRESENCE) or held.get(OWNER) or held.get(QUARANTINE):
        # what cannot become ours is not changed either, and a quarantine's tag says how a torrent was before it
        yield replace(action, hold=Outcome.DEFERRED, reason=whole)
    else:
        yield from _split_changes(action, held)


def _split_changes(action: Action, held: dict[str, str]) -> Iterator[Action]:
    free = tuple(change for change in action.changes if change.field not in held)
    if free:
        first = "declared, not ours yet" if action.verb is Verb.ADOPT else ""
        differs = tuple(change for change in free if change.field != OWNER)
        reason = drift_reason(differs, first) or action.reason
        yield replace(action, changes=free, reason=reason, disruptive=action.disruptive and changes_location(free))
    for change in action.changes:
        if change.field in held:
            yield replace(
                action,
                verb=Verb.UPDATE,
                changes=(change,),
                reason=held[change.field],
                hold=Outcome.DEFERRED,
                disruptive=action.disruptive and changes_location((change,)),
            )


MAX_RETRY_DELAY: Final = 3600.0  # seconds between two tries of what a server refuses
_NO_POSITION: Final = Position("", 0, 0)
_Declaration = DesiredTorrent | DesiredCategory | DesiredPreference


@dataclass(frozen=True, slots=True)
class _FieldBackoff:
    failures: int
    retry_at: float
    reason: str


class ActionBackoff:
    """Holds back what failed lately and what is fought over. `first`: seconds to wait after one failure, at most."""

    def __init__(self, clock: Clock, first_delay: float) -> None:
        self._clock = clock
        self._first_delay = first_delay
        self._failed_fields: dict[FieldRef, _FieldBackoff] = {}
        self._fight_detector: FightDetector[FieldRef] = FightDetector()
        self._contested_reasons: dict[FieldRef, str] = {}  # reasons
        self._saved_fields: frozenset[FieldRef] = frozenset()

    def restore(self, contested: Iterable[ContestedField]) -> None:
        """What was contested when another process of ours ended."""
        for one in contested:
            subject = FieldRef(one.instance, ObjectKind(one.kind), one.item, one.field)
            self._fight_detector.restore_contested(subject, self._clock.from_utc(one.until))
            self._contested_reasons[subject] = one.reason
        self._saved_fields = frozenset(self._contested_reasons)

    def get_contested_if_changed(self) -> list[ContestedField] | None:
        """What is contested now; None where that is no other than at the last call."""
        if self._contested_reasons.keys() == self._saved_fields:
            return None
        self._saved_fields, now = frozenset(self._contested_reasons), self._clock.now()
        return [
            ContestedField(one.instance, str(one.kind), one.item, one.field, self._clock.to_utc(until), why)
            for one, why in self._contested_reasons.items()
            if (until := self._fight_detector.contested_until(one, now)) is not None
        ]

    def hold_back(self, plan: Plan) -> Plan:
        """The plan without what is not to be tried now."""
        if not (self._failed_fields or self._contested_reasons):
            return plan
        return hold_back(plan, self._hold_reason)

    def record_results(self, results: Iterable[InstanceResult]) -> None:
        """What came of a run. Where the instance itself was lost, nothing is learnt about its torrents."""
        now = self._clock.now()
        self._fight_detector.drop_expired(now)
        self._contested_reasons = {
            one: why for one, why in self._contested_reasons.items() if self._fight_detector.contested_until(one, now)
        }
        self._failed_fields = {
            one: seen for one, seen in self._failed_fields.items() if now < seen.retry_at + MAX_RETRY_DELAY
        }
        for instance in results:
            if instance.status not in (Status.OK, Status.UNHEALTHY):
                continue
            for result in instance.results:
                for subject in list_holdable_fields(instance.name, result.action):
                    if result.outcome is Outcome.APPLIED and _is_copy_removal(result.action):
                        self._fight_detector.forget_matching(subject.__eq__)
                    elif result.outcome is Outcome.APPLIED:
                        self._record_correction(subject, now)
                    elif result.outcome is Outcome.FAILED:
                        self._record_failure(subject, result.error or "it failed", now)

    def forget_changed(self, old: DesiredState, new: DesiredState) -> None:
        """Whose wish has changed begins anew: that is no fight, and may be what the server was waiting for."""
        known = {(one.instance, one.kind, one.item) for one in (*self._failed_fields, *self._fight_detector)}
        if not known:
            return
        before, after = _find_declarations(old, known), _find_declarations(new, known)
        changed = {key for key in known if before.get(key) != after.get(key)}

        def is_affected(subject: FieldRef) -> bool:
            return (subject.instance, subject.kind, subject.item) in changed

        self._fight_detector.forget_matching(is_affected)
        self._contested_reasons = {one: why for one, why in self._contested_reasons.items() if not is_affected(one)}
        self._failed_fields = {one: seen for one, seen in self._failed_fields.items() if not is_affected(one)}

    def _hold_reason(self, subject: FieldRef) -> str | None:
        now = self._clock.now()
        if self._fight_detector.contested_until(subject, now):
            return self._contested_reasons.get(subject)
        seen = self._failed_fields.get(subject)
        return seen.reason if seen and now < seen.retry_at else None

    def _record_correction(self, subject: FieldRef, now: float) -> None:
        self._failed_fields.pop(subject, None)
        self._fight_detector.record_correction(subject, now)
        if self._fight_detector.contested_until(subject, now):
            fought = "it" if subject.field == PRESENCE else subject.field
            again = self._clock.to_utc(now + CONTESTED_HOLD).strftime("%H:%M UTC")
            self._contested_reasons[subject] = (
                f"contested: {fought} was put right {CORRECTION_LIMIT} times within an hour and changed back by something else "
                f"each time; left alone until {again}"
            )

    def _record_failure(self, subject: FieldRef, error: str, now: float) -> None:
        before = self._failed_fields.get(subject)
        failures = before.failures + 1 if before else 1
        until = now + compute_backoff_delay(failures, self._first_delay, MAX_RETRY_DELAY, self._clock.random())
        times = "once" if failures == 1 else f"{failures} times in a row"
        again = self._clock.to_utc(until).strftime("%H:%M:%S UTC")
        self._failed_fields[subject] = _FieldBackoff(
            failures, until, f"failed {times} ({error}); tried again from {again} on"
        )


def _is_copy_removal(action: Action) -> bool:
    """Did a group give up a copy? That it comes back when another member is down is our own doing, and no fight."""
    return action.placement is not None and action.placement.kept_copy is not None


def _find_declarations(
    desired: DesiredState, keys: set[tuple[str, ObjectKind, str]]
) -> Mapping[tuple[str, ObjectKind, str], _Declaration]:
    """What is declared for the things that are known, wherever in the files it stands."""
    found: dict[tuple[str, ObjectKind, str], _Declaration] = {}
    for entry in desired.torrents:
        for instance in desired.instances_of(entry):
            key = (instance, ObjectKind.TORRENT, entry.infohash or entry.label)
            if key in keys:
                found[key] = replace(entry, position=_NO_POSITION)
    for instance in desired.instances:
        for name, category in desired.categories_of(instance).items():
            found[instance, ObjectKind.CATEGORY, name] = replace(category, position=_NO_POSITION)
        for name, preference in desired.instances[instance].preferences.items():
            found[instance, ObjectKind.PREFERENCE, name] = replace(preference, position=_NO_POSITION)
    return found
