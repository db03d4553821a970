"""Desired state, snapshots and what else is known -> where everything is to be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.groups import (
    NO_PLACEMENT_FACTS,
    Group,
    Member,
    PendingTorrent,
    PlacementFacts,
    Strategy,
)
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import build_owner_tag, parse_owners
from reconciler.plan.adds import give_metadata, unaddable_reason
from reconciler.plan.assignment import Assignment, Disposition
from reconciler.plan.guard import count_allowed_deletions
from reconciler.plan.match import Match, match_entries
from reconciler.plan.metadata import NO_HOLDERS, MetadataHolders
from reconciler.plan.placement.copies import find_replacement, is_complete, percent_text
from reconciler.plan.placement.members import DRAINED_TEXT, CapacityTracker, MemberState
from reconciler.plan.placement.strategies import (
    PlacementDecision,
    place_replicated,
    place_single,
    rank_members,
)


@dataclass(frozen=True, slots=True)
class Placement:
    """The assignments on each instance that was read, and the torrents that have no instance now.

    `until`: the time from which the same input gives another placement; None: never.
    """

    entries_by_instance: Mapping[str, Sequence[Match]]
    pending: tuple[PendingTorrent, ...] = ()
    until: datetime | None = None
    group_entries_by_id: Mapping[str, tuple[DesiredTorrent, Mapping[str, Match]]] = field(
        default_factory=dict
    )  # by every id

    def assign_stray(self, instance: str, live: LiveTorrent, owner: str) -> tuple[DesiredTorrent, Assignment] | None:
        """Return the group entry that a torrent on a wrong instance belongs to, and its assignment.

        None if there is none.
        """
        for key in (live.id, *live.infohashes.ids):
            if key in self.group_entries_by_id:
                entry, matches = self.group_entries_by_id[key]
                return entry, _assign_stray(instance, live, matches, owner)
        return None


def place_entries(
    desired: DesiredState,
    snapshots: Mapping[str, Snapshot],
    facts: PlacementFacts = NO_PLACEMENT_FACTS,
    now: datetime | None = None,
    *,
    take_over: bool = False,
    holders: MetadataHolders = NO_HOLDERS,
) -> Placement:
    """Place every entry: find the torrents of direct entries, and choose the members of group entries.

    `now` (UTC) may be left out where there are no groups.
    """
    possible: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
    members = {place: desired.members_of(place) for place in (*desired.instances, *desired.groups)}
    for entry in desired.torrents:
        for name in members[entry.instance]:
            possible[name].append(entry)
    matches_by_instance = {
        name: match_entries(possible[name], snapshot.torrents) for name, snapshot in snapshots.items()
    }
    if not desired.groups:
        return Placement(matches_by_instance)
    if now is None:
        raise ValueError("where there are groups, the plan depends on the time")
    return _Placer(desired, snapshots, facts, now, take_over, holders).place_all(matches_by_instance)


class _Placer:
    def __init__(
        self,
        desired: DesiredState,
        snapshots: Mapping[str, Snapshot],
        facts: PlacementFacts,
        now: datetime,
        take_over: bool,
        holders: MetadataHolders,
    ) -> None:
        self._desired = desired
        self._snapshots = snapshots
        self._facts = facts
        self._now = now
        self._take_over = take_over
        self._holders = holders
        self._capacity = CapacityTracker(snapshots, facts.free_space)
        self._allowed_moves: dict[str, int] = {}

    def place_all(self, matches_by_instance: Mapping[str, Sequence[Match]]) -> Placement:
        on, grouped = self._place_direct(matches_by_instance)
        pending: list[PendingTorrent] = []
        untils: list[datetime] = []
        strays: dict[str, tuple[DesiredTorrent, Mapping[str, Match]]] = {}
        groups = self._desired.groups
        entries = (entry for entry in self._desired.torrents if entry.instance in groups)
        # in an order of their own, so that who gets the last room does not depend on the order in the files
        in_order = sorted(entries, key=lambda entry: (entry.infohash, entry.position))
        for entry, decision in zip(in_order, self._decide_all(in_order, grouped), strict=True):
            matches = grouped[id(entry)]
            for spot in decision.assignments:
                if spot.instance in matches:
                    on[spot.instance].append(matches[spot.instance].assign(spot))
            untils += [decision.until] if decision.until else []
            pending += [self._build_pending(entry, decision)] if decision.pending else []
            if not entry.absent:
                strays.update(dict.fromkeys(_iter_ids(entry, matches), (entry, matches)))
        return Placement(on, tuple(pending), min(untils, default=None), strays)

    def _place_direct(
        self, matches_by_instance: Mapping[str, Sequence[Match]]
    ) -> tuple[dict[str, list[Match]], defaultdict[int, dict[str, Match]]]:
        """Return the entries that are declared for an instance itself, by instance.

        And the others by entry (its `id`) and instance.
        """
        on: dict[str, list[Match]] = {name: [] for name in matches_by_instance}
        grouped: defaultdict[int, dict[str, Match]] = defaultdict(dict)
        for name, matches in matches_by_instance.items():
            for match in matches:
                if match.entry.instance in self._desired.groups:
                    grouped[id(match.entry)][name] = match
                    continue
                on[name].append(match)
                if not (match.live_torrents or match.entry.absent):
                    self._capacity.reserve(name)
        return on, grouped

    def _build_pending(self, entry: DesiredTorrent, decision: PlacementDecision) -> PendingTorrent:
        infohash = entry.infohash
        before = self._facts.pending.get((entry.instance, infohash))
        since = before.since if before and before.since else self._now
        return PendingTorrent(
            infohash, entry.label, entry.instance, decision.pending or "", entry.position, decision.until, since
        )

    def _decide_all(
        self, entries: Sequence[DesiredTorrent], grouped: Mapping[int, Mapping[str, Match]]
    ) -> Sequence[PlacementDecision]:
        """All decisions. What moves comes after what has no place yet, and so much at a time as the guard allows."""
        groups = self._desired.groups
        decisions = [
            self._decide_entry(entry, groups[entry.instance], grouped[id(entry)], may_move=False) for entry in entries
        ]
        spots = (spot for decision in decisions for spot in decision.assignments)
        moving = Counter(spot.instance for spot in spots if spot.disposition is Disposition.LEAVING and spot.keeper)
        waiting = [
            (index, spot.instance)
            for index, decision in enumerate(decisions)
            for spot in decision.assignments
            if spot.later_instance
        ]
        # the complete ones first: they are what others can rely on
        waiting.sort(key=lambda move: not _is_complete_on(move[1], grouped[id(entries[move[0]])]))
        for index, source in waiting:
            if moving[source] < self._count_allowed_moves(source):
                entry = entries[index]
                decisions[index] = self._decide_entry(entry, groups[entry.instance], grouped[id(entry)], may_move=True)
                moving[source] += 1
        return decisions

    def _count_allowed_moves(self, instance: str) -> int:
        if instance not in self._allowed_moves:
            torrents = self._snapshots[instance].torrents
            owned = sum(build_owner_tag(self._desired.owner) in live.tags for live in torrents)
            self._allowed_moves[instance] = count_allowed_deletions((), owned, self._desired)
        return self._allowed_moves[instance]

    def _decide_entry(
        self, entry: DesiredTorrent, group: Group, matches: Mapping[str, Match], *, may_move: bool
    ) -> PlacementDecision:
        if entry.unknown_source:  # one member shows that it is blocked
            read_members = [name for name in group.member_names if name in matches]
            return PlacementDecision(
                tuple(Assignment(name, Disposition.WANTED, "its torrent is not known") for name in read_members[:1])
            )
        if entry.absent:
            return PlacementDecision(
                tuple(Assignment(name, Disposition.WANTED, "absent from every member") for name in matches)
            )
        members: Sequence[Member] = group.members
        if group.strategy is Strategy.SPREAD:
            members = rank_members(members, entry.infohash)
        seats = [self._build_member_state(entry, member, matches.get(member.name)) for member in members]
        if group.strategy is Strategy.REPLICATE:
            decision = place_replicated(seats, self._desired.owner, self._now)
        else:
            decision = place_single(seats, group, self._desired.owner, self._now, may_move=may_move)
        empty = {seat.name for seat in seats if not seat.copy}
        for spot in decision.assignments:
            if spot.instance in empty:
                self._capacity.reserve(spot.instance)
        return decision

    def _build_member_state(self, entry: DesiredTorrent, member: Member, match: Match | None) -> MemberState:
        down = self._facts.outages.get(member.name)
        data = self._desired.instances[member.name].data
        if match is None:
            held = self._facts.held_ids.get(member.name)
            has = None if held is None else not held.isdisjoint(entry.ids)
            paths = self._facts.held_paths.get(member.name, {})
            path = next((paths[key] for key in entry.ids if has and key in paths), None)
            return MemberState(member, False, outage=down, had_copy=has, data=data, last_save_path=path)
        theirs = self._list_other_owners(match.live) if match.live else ()
        copy = None if theirs else match.live
        lacks = None if copy else self._cannot_take_reason(entry, member, theirs)
        has_conflict = match.conflict is not None
        return MemberState(member, True, copy, down, cannot_take_reason=lacks, has_conflict=has_conflict, data=data)

    def _list_other_owners(self, live: LiveTorrent) -> tuple[str, ...]:
        """Return the other owners of a copy that we must not take over.

        It is no copy to rely on, and blocks one of our own.
        """
        if self._take_over or build_owner_tag(self._desired.owner) in live.tags:
            return ()
        return parse_owners(live.tags)

    def _cannot_take_reason(self, entry: DesiredTorrent, member: Member, other_owners: Sequence[str]) -> str | None:
        if other_owners:
            return f'it has it already, for the owner "{other_owners[0]}"'
        if member.drain:
            return DRAINED_TEXT
        if self._desired.instances[member.name].suspend and not self._desired.suspend:
            return "it is suspended"
        return self._unaddable_reason(entry, member.name) or self._capacity.cannot_take_reason(member)

    def _unaddable_reason(self, entry: DesiredTorrent, member: str) -> str | None:
        if entry.source is None and self._holders.find_source(entry, member):
            entry = give_metadata(entry)
        return unaddable_reason(entry, self._snapshots[member])


def _is_complete_on(instance: str, matches: Mapping[str, Match]) -> bool:
    live = matches[instance].live
    return live is not None and is_complete(live)


def _iter_ids(entry: DesiredTorrent, matches: Mapping[str, Match]) -> Iterator[str]:
    """Every id that the torrent of an entry is known to have."""
    yield from entry.ids
    for match in matches.values():
        for live in match.live_torrents:
            yield live.id
            yield from live.infohashes.ids


def _assign_stray(instance: str, live: LiveTorrent, matches: Mapping[str, Match], owner: str) -> Assignment:
    """Assign a copy on an instance that is not, or no longer, a member."""
    copies = sorted((name, match.live) for name, match in matches.items() if match.live and not match.conflict)
    for name, keeper in copies:
        if copy := find_replacement(live, keeper, name, owner):
            extent = "complete" if is_complete(keeper) else f"with as much ({percent_text(keeper)})"
            return Assignment(instance, Disposition.SURPLUS, f"{name} has it, {extent}; {instance} is no member", copy)
    where = ", ".join(f"{name} ({percent_text(keeper)})" for name, keeper in copies) or "a member"
    return Assignment(
        instance, Disposition.LEAVING, f"{instance} is no member; stays here until it is complete on {where}"
    )
