"""Desired state, snapshots and what else is known -> where everything is to be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.desired import Desired, DesiredTorrent
from reconciler.model.groups import NOTHING, Copy, Group, Known, Member, Pending, Strategy
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import owner_tag, owners
from reconciler.plan.guard import allowance
from reconciler.plan.match import Match, match
from reconciler.plan.placement.copies import percent, reliable, worth
from reconciler.plan.placement.members import Room, Seat
from reconciler.plan.placement.strategies import Decision, Spot, Stay, on_every, on_one, ranked
from reconciler.plan.torrents import not_addable


@dataclass(frozen=True, slots=True)
class Here:
    """An entry on one instance, and for an entry of a group why: its spot there."""

    found: Match
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What is to be settled on each instance that was read, and what is nowhere for now.

    `until`: the moment at which time alone would change something; None: never.
    """

    on: Mapping[str, Sequence[Here]]
    pending: tuple[Pending, ...] = ()
    until: datetime | None = None
    strays: Mapping[str, tuple[DesiredTorrent, Mapping[str, Match]]] = field(default_factory=dict)  # by every id

    def stray(self, instance: str, live: LiveTorrent, owner: str) -> tuple[DesiredTorrent, Spot] | None:
        """For one that no entry wants on this instance: the entry of a group that wants it elsewhere, and its spot."""
        for key in (live.id, *live.infohashes.ids):
            if key in self.strays:
                entry, found = self.strays[key]
                return entry, _stray(instance, live, found, owner)
        return None


def place(
    desired: Desired,
    snapshots: Mapping[str, Snapshot],
    known: Known = NOTHING,
    now: datetime | None = None,
    *,
    take_over: bool = False,
) -> Placement:
    """Find every entry where it can be, and decide where those of groups are to be.

    `now` (UTC) may be left out where there are no groups.
    """
    possible: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
    for entry in desired.torrents:
        for name in desired.places_of(entry):
            possible[name].append(entry)
    found = {name: match(possible[name], snapshot.torrents) for name, snapshot in snapshots.items()}
    if not desired.groups:
        return Placement({name: [Here(one) for one in matches] for name, matches in found.items()})
    if now is None:
        raise ValueError("where there are groups, the plan depends on the time")
    return _Placing(desired, snapshots, known, now, take_over).all(found)


class _Placing:
    def __init__(
        self, desired: Desired, snapshots: Mapping[str, Snapshot], known: Known, now: datetime, take_over: bool
    ) -> None:
        self._desired = desired
        self._snapshots = snapshots
        self._known = known
        self._now = now
        self._take_over = take_over
        self._room = Room(snapshots, known.free)
        self._allowed: dict[str, int] = {}

    def all(self, found: Mapping[str, Sequence[Match]]) -> Placement:
        on, grouped = self._direct(found)
        pending: list[Pending] = []
        untils: list[datetime] = []
        strays: dict[str, tuple[DesiredTorrent, Mapping[str, Match]]] = {}
        groups = self._desired.groups
        entries = (entry for entry in self._desired.torrents if entry.instance in groups)
        # in an order of their own, so that who gets the last room does not depend on the order in the files
        in_order = sorted(entries, key=lambda entry: (entry.infohash, entry.at))
        for entry, decision in zip(in_order, self._decisions(in_order, grouped), strict=True):
            matches = grouped[id(entry)]
            for spot in decision.spots:
                if spot.instance in matches:
                    on[spot.instance].append(Here(matches[spot.instance], spot))
            untils += [decision.until] if decision.until else []
            pending += [self._pending(entry, decision)] if decision.pending else []
            if not entry.absent:
                strays.update(dict.fromkeys(_ids(entry, matches), (entry, matches)))
        return Placement(on, tuple(pending), min(untils, default=None), strays)

    def _direct(
        self, found: Mapping[str, Sequence[Match]]
    ) -> tuple[dict[str, list[Here]], defaultdict[int, dict[str, Match]]]:
        """What is declared for an instance itself, by instance; and the rest by entry (its `id`) and instance."""
        on: dict[str, list[Here]] = {name: [] for name in found}
        grouped: defaultdict[int, dict[str, Match]] = defaultdict(dict)
        for name, matches in found.items():
            for one in matches:
                if one.entry.instance in self._desired.groups:
                    grouped[id(one.entry)][name] = one
                    continue
                on[name].append(Here(one))
                if not (one.lives or one.entry.absent):
                    self._room.take(name)
        return on, grouped

    def _pending(self, entry: DesiredTorrent, decision: Decision) -> Pending:
        infohash = entry.infohash
        before = self._known.pending.get((entry.instance, infohash))
        since = before.since if before and before.since else self._now
        return Pending(infohash, entry.label, entry.instance, decision.pending or "", entry.at, decision.until, since)

    def _decisions(
        self, entries: Sequence[DesiredTorrent], grouped: Mapping[int, Mapping[str, Match]]
    ) -> Sequence[Decision]:
        """All decisions. What moves comes after what has no place yet, and so much at a time as the guard allows."""
        groups = self._desired.groups
        decisions = [self._decide(one, groups[one.instance], grouped[id(one)], may_move=False) for one in entries]
        spots = (spot for decision in decisions for spot in decision.spots)
        moving = Counter(spot.instance for spot in spots if spot.stay is Stay.LEAVING and spot.keeper)
        for index, (entry, decision) in enumerate(zip(entries, decisions, strict=True)):
            source = next((spot.instance for spot in decision.spots if spot.later), None)
            if source is None or moving[source] >= self._at_a_time(source):
                continue
            found = grouped[id(entry)]
            decisions[index] = self._decide(entry, groups[entry.instance], found, may_move=True)
            moving[source] += 1
        return decisions

    def _at_a_time(self, instance: str) -> int:
        if instance not in self._allowed:
            torrents = self._snapshots[instance].torrents
            owned = sum(owner_tag(self._desired.owner) in live.tags for live in torrents)
            self._allowed[instance] = allowance((), owned, self._desired)
        return self._allowed[instance]

    def _decide(self, entry: DesiredTorrent, group: Group, found: Mapping[str, Match], *, may_move: bool) -> Decision:
        if entry.absent:
            return Decision(tuple(Spot(name, Stay.WANTED, "absent from every member") for name in found))
        members: Sequence[Member] = group.members
        if group.strategy is Strategy.SPREAD:
            members = ranked(members, entry.infohash)
        seats = [self._seat(entry, member, found.get(member.name)) for member in members]
        if group.strategy is Strategy.REPLICATE:
            decision = on_every(seats, self._now)
        else:
            decision = on_one(seats, group, self._desired.owner, self._now, may_move=may_move)
        empty = {seat.name for seat in seats if not seat.copy}
        for spot in decision.spots:
            if spot.instance in empty:
                self._room.take(spot.instance)
        return decision

    def _seat(self, entry: DesiredTorrent, member: Member, found: Match | None) -> Seat:
        down = self._known.down.get(member.name)
        if found is None:
            held = self._known.held.get(member.name)
            has = None if held is None else not held.isdisjoint(entry.ids)
            return Seat(member, False, down=down, held=has)
        theirs = self._others(found.live) if found.live else ()
        copy = None if theirs else found.live
        lacks = None if copy else self._lacks(entry, member, theirs)
        return Seat(member, True, copy, down, lacks=lacks, conflict=found.conflict is not None)

    def _others(self, live: LiveTorrent) -> tuple[str, ...]:
        """Whose it is where it is not ours to take: no copy to rely on, nor a place for one of our own."""
        if self._take_over or owner_tag(self._desired.owner) in live.tags:
            return ()
        return owners(live.tags)

    def _lacks(self, entry: DesiredTorrent, member: Member, theirs: Sequence[str]) -> str | None:
        if theirs:
            return f'it has it already, for the owner "{theirs[0]}"'
        if self._desired.instances[member.name].suspend and not self._desired.suspend:
            return "it is suspended"
        return not_addable(entry, self._snapshots[member.name]) or self._room.lacks(member)


def _ids(entry: DesiredTorrent, found: Mapping[str, Match]) -> Iterator[str]:
    """Every id that the torrent of an entry is known to have."""
    yield from entry.ids
    for one in found.values():
        for live in one.lives:
            yield live.id
            yield from live.infohashes.ids


def _stray(instance: str, live: LiveTorrent, found: Mapping[str, Match], owner: str) -> Spot:
    """What is to become of a copy on an instance that is not, or no longer, a member."""
    copies = sorted((name, one.live) for name, one in found.items() if one.live and not one.conflict)
    for name, keeper in copies:
        copy = Copy(name, keeper.id, worth(live))
        if reliable(keeper, copy, owner):
            return Spot(instance, Stay.SURPLUS, f"{name} has it, complete; {instance} is no member", copy)
    where = ", ".join(f"{name} ({percent(keeper)})" for name, keeper in copies) or "a member"
    return Spot(instance, Stay.LEAVING, f"{instance} is no member; stays here until it is complete on {where}")
