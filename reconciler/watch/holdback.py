"""What the loop remembers of single torrents between runs: what a server refuses, and what somebody changes back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.journal.journal import Fought
from reconciler.model.desired import Desired, DesiredCategory, DesiredPreference, DesiredTorrent
from reconciler.model.plan import Action, Change, InstancePlan, Kind, Outcome, Plan, Verb
from reconciler.model.position import Position
from reconciler.model.run import InstanceResult, Status
from reconciler.plan.actions import differing
from reconciler.retry import Clock, delay
from reconciler.watch.fight_detector import REST, TIMES, Contest

_SWITCHED: Final = ("held", "paused", "force_start")
PRESENCE: Final = "presence"  # the field of an action that cannot be parted: being there, or being gone


@dataclass(frozen=True, slots=True)
class Subject:
    """A field of a torrent or a category on an instance."""

    instance: str
    kind: Kind
    item: str
    field: str


Why = Callable[[Subject], str | None]


def subjects(instance: str, action: Action) -> list[Subject]:
    """The fields that an action changes, and that may be held back: the kill switch stops and starts at any time."""
    parted = action.kind is Kind.TORRENT and action.verb in (Verb.UPDATE, Verb.ADOPT)
    fields = [change.field for change in action.changes] if parted else [PRESENCE]
    if action.urgent or "held" in fields:
        fields = [field for field in fields if field not in _SWITCHED]
    item = action.infohash or action.name
    return [Subject(instance, action.kind, item, field) for field in fields]


def withhold(plan: Plan, why: Why) -> Plan:
    """The plan without what `why` gives a reason to hold back."""
    return replace(plan, instances=tuple(_instance(part, why) for part in plan.instances))


def _instance(plan: InstancePlan, why: Why) -> InstancePlan:
    absent: set[str] = set()  # categories that will not be made now
    actions: list[Action] = []
    for action in plan.actions:  # categories come first
        for part in _parts(plan.name, action, why, absent):
            if part.kind is Kind.CATEGORY and part.verb is Verb.ADD and part.hold:
                absent.add(part.name)
            actions.append(part)
    return replace(plan, actions=tuple(actions))


def _parts(instance: str, action: Action, why: Why, absent: Collection[str]) -> Iterator[Action]:
    """The action itself, or what is left of it and, each by itself, what is held back."""
    if action.hold:
        yield action
        return
    held = {subject.field: reason for subject in subjects(instance, action) if (reason := why(subject))}
    category = action.wanted("category") if action.kind is Kind.TORRENT else None
    if category in absent:  # qBittorrent would make it up, without its path
        field = PRESENCE if action.verb is Verb.ADD else "category"
        held.setdefault(field, f"waits for its category {category}, which is held back")
    if not held:
        yield action
    elif whole := held.get(PRESENCE) or held.get("owner") or held.get("quarantine"):
        # what cannot become ours is not changed either, and a quarantine's tag says how a torrent was before it
        yield replace(action, hold=Outcome.DEFERRED, reason=whole)
    else:
        yield from _parted(action, held)


def _parted(action: Action, held: dict[str, str]) -> Iterator[Action]:
    free = tuple(change for change in action.changes if change.field not in held)
    if free:
        first = "declared, not ours yet" if action.verb is Verb.ADOPT else ""
        differs = tuple(change for change in free if change.field != "owner")
        reason = differing(differs, first) or action.reason
        yield replace(action, changes=free, reason=reason, disruptive=action.disruptive and _moves(free))
    for change in action.changes:
        if change.field in held:
            yield replace(
                action,
                verb=Verb.UPDATE,
                changes=(change,),
                reason=held[change.field],
                hold=Outcome.DEFERRED,
                disruptive=action.disruptive and _moves((change,)),
            )


def _moves(changes: Collection[Change]) -> bool:
    return any(change.field in ("save_path", "download_path", "category", "auto_tmm") for change in changes)


LONGEST: Final = 3600.0  # seconds between two tries of what a server refuses
_NOWHERE: Final = Position("", 0, 0)
_Wish = DesiredTorrent | DesiredCategory | DesiredPreference


@dataclass(frozen=True, slots=True)
class _Refused:
    failures: int
    until: float
    reason: str


class Memory:
    """Holds back what failed lately and what is fought over. `first`: seconds to wait after one failure, at most."""

    def __init__(self, clock: Clock, first: float) -> None:
        self._clock = clock
        self._first = first
        self._refused: dict[Subject, _Refused] = {}
        self._contest: Contest[Subject] = Contest()
        self._contested: dict[Subject, str] = {}  # reasons
        self._kept: frozenset[Subject] = frozenset()

    def recall(self, fought: Iterable[Fought]) -> None:
        """What was contested when another process of ours ended."""
        for one in fought:
            subject = Subject(one.instance, Kind(one.kind), one.item, one.field)
            self._contest.resume(subject, self._clock.now() + (one.until - self._clock.utc()).total_seconds())
            self._contested[subject] = one.reason
        self._kept = frozenset(self._contested)

    def fought(self) -> list[Fought] | None:
        """What is contested now; None where that is no other than at the last call."""
        if self._contested.keys() == self._kept:
            return None
        self._kept, now = frozenset(self._contested), self._clock.now()
        return [
            Fought(one.instance, str(one.kind), one.item, one.field, self._clock.at(until), why)
            for one, why in self._contested.items()
            if (until := self._contest.until(one, now)) is not None
        ]

    def hold_back(self, plan: Plan) -> Plan:
        """The plan without what is not to be tried now."""
        if not (self._refused or self._contested):
            return plan
        return withhold(plan, self._why)

    def learn(self, results: Iterable[InstanceResult]) -> None:
        """What came of a run. Where the instance itself was lost, nothing is learnt about its torrents."""
        now = self._clock.now()
        self._contest.tidy(now)
        self._contested = {one: why for one, why in self._contested.items() if self._contest.until(one, now)}
        self._refused = {one: seen for one, seen in self._refused.items() if now < seen.until + LONGEST}
        for instance in results:
            if instance.status not in (Status.OK, Status.UNHEALTHY):
                continue
            for result in instance.results:
                for subject in subjects(instance.name, result.action):
                    if result.outcome is Outcome.APPLIED and _made_room(result.action):
                        self._contest.forget(subject.__eq__)
                    elif result.outcome is Outcome.APPLIED:
                        self._healed(subject, now)
                    elif result.outcome is Outcome.FAILED:
                        self._failed(subject, result.error or "it failed", now)

    def revise(self, old: Desired, new: Desired) -> None:
        """Whose wish has changed begins anew: that is no fight, and may be what the server was waiting for."""
        known = {(one.instance, one.kind, one.item) for one in (*self._refused, *self._contest)}
        if not known:
            return
        before, after = _wishes(old, known), _wishes(new, known)
        changed = {key for key in known if before.get(key) != after.get(key)}

        def affected(subject: Subject) -> bool:
            return (subject.instance, subject.kind, subject.item) in changed

        self._contest.forget(affected)
        self._contested = {one: why for one, why in self._contested.items() if not affected(one)}
        self._refused = {one: seen for one, seen in self._refused.items() if not affected(one)}

    def _why(self, subject: Subject) -> str | None:
        now = self._clock.now()
        if self._contest.until(subject, now):
            return self._contested.get(subject)
        seen = self._refused.get(subject)
        return seen.reason if seen and now < seen.until else None

    def _healed(self, subject: Subject, now: float) -> None:
        self._refused.pop(subject, None)
        self._contest.healed(subject, now)
        if self._contest.until(subject, now):
            fought = "it" if subject.field == PRESENCE else subject.field
            again = self._clock.at(now + REST).strftime("%H:%M UTC")
            self._contested[subject] = (
                f"contested: {fought} was put right {TIMES} times within an hour and changed back by something else "
                f"each time; left alone until {again}"
            )

    def _failed(self, subject: Subject, error: str, now: float) -> None:
        before = self._refused.get(subject)
        failures = before.failures + 1 if before else 1
        until = now + delay(failures, self._first, LONGEST, self._clock.random())
        times = "once" if failures == 1 else f"{failures} times in a row"
        again = self._clock.at(until).strftime("%H:%M:%S UTC")
        self._refused[subject] = _Refused(failures, until, f"failed {times} ({error}); tried again from {again} on")


def _made_room(action: Action) -> bool:
    """Did a group give up a copy? That it comes back when another member is down is our own doing, and no fight."""
    return action.placed is not None and action.placed.keeper is not None


def _wishes(desired: Desired, known: set[tuple[str, Kind, str]]) -> Mapping[tuple[str, Kind, str], _Wish]:
    """What is declared for the things that are known, wherever in the files it stands."""
    found: dict[tuple[str, Kind, str], _Wish] = {}
    for entry in desired.torrents:
        for instance in desired.places_of(entry):
            key = (instance, Kind.TORRENT, entry.infohash or entry.label)
            if key in known:
                found[key] = replace(entry, at=_NOWHERE)
    for instance in desired.instances:
        for name, category in desired.categories_of(instance).items():
            found[instance, Kind.CATEGORY, name] = replace(category, at=_NOWHERE)
        for name, preference in desired.instances[instance].preferences.items():
            found[instance, Kind.PREFERENCE, name] = replace(preference, at=_NOWHERE)
    return found
