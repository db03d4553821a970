"""Actions that the loop holds back: what an instance refused recently, and fields that another tool keeps reverting.

See docs/decisions/0013-watch-memory-only-defers-actions.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from reconciler.engine.events import Backoff
from reconciler.journal.journal import ContestedField
from reconciler.model.desired import DesiredCategory, DesiredPreference, DesiredState, DesiredTorrent
from reconciler.model.fields.names import METADATA
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Action, ObjectKind, Outcome, TorrentAction
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.plan import Plan
from reconciler.plan.holdback import PRESENCE, FieldRef, hold_back, list_holdable_fields
from reconciler.retry import Clock, compute_backoff_delay
from reconciler.watch.fight_detector import CONTESTED_HOLD, CORRECTION_LIMIT, FightDetector

MAX_RETRY_DELAY: Final = 3600.0  # seconds between two tries of an action that an instance refuses
CLOCK_TOLERANCE: Final = 60.0  # seconds by which the clock may have been set back since a contest was saved
_NO_POSITION: Final = Position("", 0, 0)
_Declaration = DesiredTorrent | DesiredCategory | DesiredPreference


@dataclass(frozen=True, slots=True)
class _FieldBackoff:
    """A field whose change failed, and the time of the next attempt."""

    failures: int
    retry_at: float
    error: str
    reason: str


class ActionBackoff:
    """The fields that failed recently or are contested. `first_delay`: seconds to wait after one failure, at most."""

    def __init__(self, clock: Clock, first_delay: float) -> None:
        self._clock = clock
        self._first_delay = first_delay
        self._failed_fields: dict[FieldRef, _FieldBackoff] = {}
        self._fight_detector: FightDetector[FieldRef] = FightDetector()
        self._contested_reasons: dict[FieldRef, str] = {}
        self._saved_fields: frozenset[FieldRef] = frozenset()

    def restore(self, contested: Iterable[ContestedField]) -> None:
        """Take over the fields that were contested when an earlier process ended.

        A contest that would last longer than any does was saved while the clock was ahead; it does not count.
        """
        saved_fields = set()
        latest = self._clock.now() + CONTESTED_HOLD + CLOCK_TOLERANCE
        for entry in contested:
            field = FieldRef(entry.instance, ObjectKind(entry.kind), entry.item, entry.field)
            saved_fields.add(field)
            if (until := self._clock.from_utc(entry.until)) <= latest:
                self._fight_detector.restore_contested(field, until)
                self._contested_reasons[field] = entry.reason
        self._saved_fields = frozenset(saved_fields)

    def get_contested_if_changed(self) -> list[ContestedField] | None:
        """Return the contested fields; None if they are the same as at the last call."""
        if self._contested_reasons.keys() == self._saved_fields:
            return None
        self._saved_fields, now = frozenset(self._contested_reasons), self._clock.now()
        return [
            ContestedField(field.instance, str(field.kind), field.item, field.field, self._clock.to_utc(until), reason)
            for field, reason in self._contested_reasons.items()
            if (until := self._fight_detector.contested_until(field, now)) is not None
        ]

    def get_torrent_backoffs(self) -> dict[tuple[str, str], Backoff]:
        """Return the torrents with actions that failed, by their instance and infohash: the one that waits longest."""
        backoffs = sorted(self._failed_fields.items(), key=lambda item: item[1].retry_at)
        return {
            (field.instance, field.item): Backoff(
                backoff.failures, backoff.error, self._clock.to_utc(backoff.retry_at), Status.OK
            )
            for field, backoff in backoffs
            if field.kind is ObjectKind.TORRENT
        }

    def hold_back(self, plan: Plan) -> Plan:
        """Return the plan with failing and contested fields deferred."""
        if not (self._failed_fields or self._contested_reasons):
            return plan
        return hold_back(plan, self._hold_reason)

    def record_results(self, results: Iterable[InstanceResult]) -> None:
        """Note the results of a run. The actions of an instance that was lost or suspended count for nothing."""
        now = self._clock.now()
        self._drop_expired(now)
        for instance in results:
            if instance.status not in (Status.OK, Status.UNHEALTHY):
                continue
            for result in instance.results:
                for field in list_holdable_fields(instance.name, result.action):
                    if result.has_effect and _is_copy_removal(result.action):
                        self._fight_detector.forget_matching(field.__eq__)
                    elif result.has_effect:
                        self._record_correction(field, now)
                    elif result.outcome is Outcome.FAILED or _is_metadata_missed(result, field):
                        self._record_failure(field, result.error or "it failed", now)

    def forget_changed(self, old: DesiredState, new: DesiredState) -> None:
        """End the back-off of every entry that has changed: its action is another one now."""
        keys = {(field.instance, field.kind, field.item) for field in (*self._failed_fields, *self._fight_detector)}
        if not keys:
            return
        before, after = _find_declarations(old, keys), _find_declarations(new, keys)
        changed = {key for key in keys if before.get(key) != after.get(key)}

        def has_changed(field: FieldRef) -> bool:
            return (field.instance, field.kind, field.item) in changed

        self._fight_detector.forget_matching(has_changed)
        self._contested_reasons = {
            field: reason for field, reason in self._contested_reasons.items() if not has_changed(field)
        }
        self._failed_fields = {
            field: backoff for field, backoff in self._failed_fields.items() if not has_changed(field)
        }

    def _drop_expired(self, now: float) -> None:
        self._fight_detector.drop_expired(now)
        self._contested_reasons = {
            field: reason
            for field, reason in self._contested_reasons.items()
            if self._fight_detector.contested_until(field, now)
        }
        self._failed_fields = {
            field: backoff for field, backoff in self._failed_fields.items() if now < backoff.retry_at + MAX_RETRY_DELAY
        }

    def _hold_reason(self, field: FieldRef) -> str | None:
        now = self._clock.now()
        if self._fight_detector.contested_until(field, now):
            return self._contested_reasons.get(field)
        backoff = self._failed_fields.get(field)
        return backoff.reason if backoff and now < backoff.retry_at else None

    def _record_correction(self, field: FieldRef, now: float) -> None:
        self._failed_fields.pop(field, None)
        self._fight_detector.record_correction(field, now)
        if self._fight_detector.contested_until(field, now):
            name = "it" if field.field == PRESENCE else field.field
            until = self._clock.to_utc(now + CONTESTED_HOLD).strftime("%H:%M UTC")
            self._contested_reasons[field] = (
                f"contested: {name} was corrected {CORRECTION_LIMIT} times within an hour, and something else changed "
                f"it back each time; left alone until {until}"
            )

    def _record_failure(self, field: FieldRef, error: str, now: float) -> None:
        before = self._failed_fields.get(field)
        failures = before.failures + 1 if before else 1
        retry_at = now + compute_backoff_delay(failures, self._first_delay, MAX_RETRY_DELAY, self._clock.random())
        times = "once" if failures == 1 else f"{failures} times in a row"
        next_try = self._clock.to_utc(retry_at).strftime("%H:%M:%S UTC")
        self._failed_fields[field] = _FieldBackoff(
            failures, retry_at, error, f"failed {times} ({error}); next try after {next_try}"
        )


def _is_metadata_missed(result: ActionResult, field: FieldRef) -> bool:
    """True if another instance could not give metadata now. That may be so for long, and takes requests to find out."""
    return field.field == METADATA and result.outcome is Outcome.DEFERRED and result.action.hold is None


def _is_copy_removal(action: Action) -> bool:
    """True if a group deletes a surplus copy. If it is added again for another member, that is no fight."""
    placement = action.placement if isinstance(action, TorrentAction) else None
    return placement is not None and placement.kept_copy is not None


def _find_declarations(
    desired: DesiredState, keys: set[tuple[str, ObjectKind, str]]
) -> Mapping[tuple[str, ObjectKind, str], _Declaration]:
    """Return the declarations of the given torrents, and of all categories and preferences, without their positions."""
    declarations: dict[tuple[str, ObjectKind, str], _Declaration] = {}
    for entry in desired.torrents:
        for instance in desired.instances_of(entry):
            key = (instance, ObjectKind.TORRENT, entry.infohash or entry.label)
            if key in keys:
                declarations[key] = replace(entry, position=_NO_POSITION)
    for instance in desired.instances:
        for name, category in desired.categories_of(instance).items():
            declarations[instance, ObjectKind.CATEGORY, name] = replace(category, position=_NO_POSITION)
        for name, preference in desired.instances[instance].preferences.items():
            declarations[instance, ObjectKind.PREFERENCE, name] = replace(preference, position=_NO_POSITION)
    return declarations
