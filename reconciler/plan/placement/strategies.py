"""The members that one torrent is placed on, by the strategy of its group.

| the torrent is                        | failover and spread                                                         |
|---------------------------------------|------------------------------------------------------------------------------|
| on one healthy member                 | it stays; unless `move_policy` allows it, and a preferred member can take it|
| on several healthy members            | one copy is kept: the one with the most, or with `move_policy` the first one|
|                                       | on a healthy member; others go once it has as much, and their data stays    |
| on no healthy member, but one that is | it waits for that member, as long as `failover_after`; then it goes to the  |
| down has it, or may have it           | first member that can take it                                               |
| on no member                          | it goes to the first member that can take it                                |
| on no member, and none can take it    | it is pending                                                               |

The order is that of the members, or, in a spread group, that of `ranking`. What a member that is down may have, for all
that is known, counts like what it has; but only where it comes before the one that would take the torrent.
In a replicate group the torrent is to be on every member that is well and can take it.

See docs/decisions/0070-keep-the-most-complete-copy.md.
See docs/decisions/0074-spread-by-weighted-rendezvous-hashing.md.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.model.groups import Group, KeptCopy, Member, MovePolicy, Strategy
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.assignment import Assignment, Disposition
from reconciler.plan.placement.copies import (
    bytes_at_risk,
    can_replace,
    find_replacement,
    is_complete,
    is_partial,
    percent_text,
)
from reconciler.plan.placement.members import DRAINED_TEXT, MemberState, format_time


@dataclass(frozen=True, slots=True)
class PlacementDecision:
    """The spots of one torrent. `pending` says why it is not where it should be; `until`: when time changes that."""

    assignments: tuple[Assignment, ...] = ()
    pending: str | None = None
    until: datetime | None = None


def place_replicated(member_states: Sequence[MemberState], owner: str, now: datetime) -> PlacementDecision:
    """Replicate. A drained member keeps its copy until every other member has as much."""
    seats = [seat for seat in member_states if not seat.is_drained]
    drained = [seat for seat in member_states if seat.is_drained and seat.copy]
    spots = [_assign_replica(seat, member_states) for seat in seats if seat.copy or seat.can_take]
    spots += (_assign_drained_replica(seat, seats, owner, now) for seat in drained)
    if not any(seat.has_copy or seat.can_take for seat in seats):
        return PlacementDecision(tuple(spots), _no_member_reason(member_states, now))
    lacking = [
        f"{seat.name}: {seat.cannot_take_reason}"
        for seat in seats
        if seat.is_healthy and not seat.copy and seat.cannot_take_reason
    ]
    return PlacementDecision(tuple(spots), f"not on every member: {'; '.join(lacking)}" if lacking else None)


def _assign_replica(member_state: MemberState, member_states: Sequence[MemberState]) -> Assignment:
    """Assign a copy of a replicate group. Of members that see the same files, one downloads and the others wait."""
    spot = Assignment(member_state.name, Disposition.WANTED, "on every member")
    if member_state.copy:
        return spot
    sharers = [seat for seat in member_states if seat.has_same_data(member_state)]
    holders = [seat for seat in sharers if seat.has_copy]
    before = member_states[: member_states.index(member_state)]
    first = next((seat for seat in sharers if seat in before and seat.can_take), None)
    if (holders and not _find_complete(holders)) or (first and not holders):
        source = holders[0] if holders else first
        return replace(spot, waits_reason=_shared_wait_reason(source)) if source else spot
    return _use_shared_files(spot, member_state, member_states)


def _assign_drained_replica(
    member_state: MemberState, others: Sequence[MemberState], owner: str, now: datetime
) -> Assignment:
    own = member_state.copy
    assert own
    spot = Assignment(member_state.name, Disposition.LEAVING, f"left alone while it is {member_state.state_text(now)}")
    if not member_state.is_healthy:
        return spot
    if not others or member_state.has_conflict:
        reason = "in conflict" if member_state.has_conflict else "every member is drained"
        return replace(spot, disposition=Disposition.WANTED, reason=reason, stays_reason=f"stays here: {reason}")
    kept_copies: list[KeptCopy] = []
    for seat in others:
        if not (seat.has_copy or seat.can_take):
            return replace(spot, reason=f"stays here until {seat.name} has it too ({seat.state_text(now)})")
        copy = find_replacement(own, seat.copy, seat.name, owner) if seat.copy else None
        if copy is None:
            extent = f"{percent_text(seat.copy)}{_stopped_text(seat.copy)}" if seat.copy else "0 %"
            reason = f"stays here until every other member has as much of it ({seat.name}: {extent})"
            return replace(spot, reason=reason, moves_to=None if seat.copy and _is_at_rest(seat.copy) else seat.name)
        kept_copies.append(copy)
    return Assignment(
        member_state.name,
        Disposition.SURPLUS,
        f"{DRAINED_TEXT}, and every other member has the torrent",
        kept_copies[0],
        moves_to=others[0].name,
    )


def place_single(
    member_states: Sequence[MemberState], group: Group, owner: str, now: datetime, *, may_move: bool = True
) -> PlacementDecision:
    """Place a torrent of a failover or spread group. `members`: in order of preference.

    `may_move`: a move may begin now.
    """
    if any(seat.has_conflict for seat in member_states):  # a person has to settle that first
        return PlacementDecision(
            tuple(Assignment(seat.name, Disposition.WANTED, "in conflict") for seat in member_states if seat.copy)
        )
    unwell = tuple(
        Assignment(seat.name, Disposition.LEAVING, f"left alone while it is {seat.state_text(now)}")
        for seat in member_states
        if seat.copy and not seat.is_healthy
    )
    holders = [seat for seat in member_states if seat.has_copy]
    if not holders:
        return _place_without_holder(member_states, group, unwell, now)
    target, until = _choose_target(member_states, holders, group, now)
    obstacle = _find_obstacle(target, holders, member_states, now, until, may_move)
    if obstacle and target not in holders:
        target = _choose_best_holder([seat for seat in holders if not seat.is_drained] or holders)
    spot = Assignment(target.name, Disposition.WANTED, _target_reason(target, holders))
    if target not in holders:
        spot = _use_shared_files(spot, target, member_states)
    if obstacle:
        spot = replace(spot, stays_reason=obstacle.reason, later_instance=obstacle.later_instance)
    others = (_assign_second_copy(seat, target, group, owner) for seat in holders if seat is not target)
    pending = obstacle.reason if obstacle and obstacle.is_pending else None
    return PlacementDecision((spot, *others, *unwell), pending, until)


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """The reason why a torrent does not move now. `later_instance`: where it goes once others have moved."""

    reason: str
    is_pending: bool = False
    later_instance: str | None = None


def _find_obstacle(
    target: MemberState,
    holders: Sequence[MemberState],
    member_states: Sequence[MemberState],
    now: datetime,
    until: datetime | None,
    may_move: bool,
) -> _Obstacle | None:
    """Return why a torrent stays where it is, and should not; None if it is or goes where it should be."""
    if target in holders:
        if not target.is_drained:
            return None
        obstacle = _no_member_reason([seat for seat in member_states if not seat.is_drained], now)
        if until:
            return _Obstacle(f"waits until {format_time(until, now)}: {obstacle}")
        return _Obstacle(f"{target.name} is drained, and {obstacle}", is_pending=True)
    sharers = [seat for seat in holders if seat.has_same_data(target)]
    if sharers and not _find_complete(sharers):
        return _Obstacle(f"moves to {target.name} later: {_shared_wait_reason(sharers[0])}")
    if not may_move:
        reason = f"moves to {target.name} later: the guard allows only so many at a time"
        return _Obstacle(reason, later_instance=target.name)
    return None


def _choose_target(
    member_states: Sequence[MemberState], holders: Sequence[MemberState], group: Group, now: datetime
) -> tuple[MemberState, datetime | None]:
    """The member that is to have it, where others have it now; and until when at most that is so.

    Nothing moves to the second best because the best is down for a moment. A drained member is chosen only if no other
    one can have it.
    """
    staying = [seat for seat in holders if not seat.is_drained]
    best = _choose_best_holder(staying or holders)
    if group.move_policy is MovePolicy.NEVER and staying:
        return best, None
    for seat in member_states:
        if seat.is_drained:
            continue
        if seat.has_copy or seat.can_take:
            return seat, None
        if not seat.is_healthy and now < (until := _waits_until(seat, group, now)):
            return best, until
    return best, None


def _choose_best_holder(holders: Sequence[MemberState]) -> MemberState:
    """Return the holder with the most: the complete ones first, else the first one where that is not certain of all."""
    copies = [seat.copy for seat in holders if seat.copy]
    if not any(map(is_complete, copies)) and not all(map(is_partial, copies)):
        return holders[0]
    return max(holders, key=_rank_holder)


def _rank_holder(member_state: MemberState) -> tuple[bool, int, bool]:
    copy = member_state.copy
    assert copy
    certain_bytes = bytes_at_risk(copy) if is_complete(copy) or is_partial(copy) else 0
    return is_complete(copy), certain_bytes, copy.size > 0


def _assign_second_copy(member_state: MemberState, target: MemberState, group: Group, owner: str) -> Assignment:
    """Assign a second copy."""
    keeper, own = target.copy, member_state.copy
    assert own
    if keeper is None:
        reason = f"moves to {target.name}; stays here until it is complete there"
        return Assignment(member_state.name, Disposition.LEAVING, reason, moves_to=target.name)
    if copy := find_replacement(own, keeper, target.name, owner):
        extent = "complete" if is_complete(keeper) else f"with as much ({percent_text(keeper)})"
        reason = f"{target.name} has it, {extent}"
        return Assignment(member_state.name, Disposition.SURPLUS, reason, copy, moves_to=target.name)
    kept_copy = KeptCopy(target.name, keeper.id, must_be_complete=False)
    if group.move_policy is MovePolicy.IMMEDIATE and is_partial(own) and can_replace(keeper, kept_copy, owner):
        reason = f"{target.name} has it, and this copy is not complete"
        return Assignment(member_state.name, Disposition.SURPLUS, reason, kept_copy, moves_to=target.name)
    if is_complete(keeper):
        flaw = "is smaller" if keeper.size < bytes_at_risk(own) else "is not ours"
        return Assignment(member_state.name, Disposition.LEAVING, f"{target.name} has it too, but that copy {flaw}")
    goal = f"{target.name} has as much of it" if is_partial(own) else f"it is complete on {target.name}"
    reason = f"stays here until {goal}{_stopped_text(keeper)} ({percent_text(keeper)})"
    moves_to = None if _is_at_rest(keeper) else target.name
    return Assignment(member_state.name, Disposition.LEAVING, reason, kept_copy, moves_to=moves_to)


def _is_at_rest(keeper: LiveTorrent) -> bool:
    """Return True if a copy is incomplete and stays so, for it is stopped."""
    return keeper.stopped and is_partial(keeper)


def _stopped_text(keeper: LiveTorrent) -> str:
    return ", where it is stopped" if _is_at_rest(keeper) else ""


def _find_complete(holders: Sequence[MemberState]) -> MemberState | None:
    return next((seat for seat in holders if seat.copy and is_complete(seat.copy)), None)


def _use_shared_files(
    assignment: Assignment, member_state: MemberState, member_states: Sequence[MemberState]
) -> Assignment:
    """Return the assignment of a member to which a torrent is added, at the path of one that sees the same files."""
    sharers = [seat for seat in member_states if seat.has_same_data(member_state) and seat.save_path]
    sharer = _find_complete(sharers) or next(iter(sharers), None)
    if sharer is None:
        return assignment
    return replace(
        assignment, reason=f"{assignment.reason}; the files of {sharer.name} are used", save_path=sharer.save_path
    )


def _shared_wait_reason(holder: MemberState) -> str:
    """Return why no second copy is added: two would write into the same files."""
    extent = f" ({percent_text(holder.copy)})" if holder.copy else ""
    return f"waits until it is complete on {holder.name}, which has the same data{extent}"


def _place_without_holder(
    member_states: Sequence[MemberState], group: Group, unwell: tuple[Assignment, ...], now: datetime
) -> PlacementDecision:
    candidate = next((seat for seat in member_states if seat.can_take), None)
    waits = list(_iter_awaited_members(member_states, candidate, group, now))
    if waits:
        until = max(until for _, until in waits)
        words = [f"{seat.name} {_had_copy_text(seat)} and is {seat.state_text(now)}" for seat, _ in waits]
        then = f"; it goes to {candidate.name} then" if candidate else ""
        return PlacementDecision(unwell, f"waits until {format_time(until, now)}: {'; '.join(words)}{then}", until)
    if candidate is None:
        return PlacementDecision(unwell, _no_member_reason(member_states, now))
    reason = _first_choice_reason(candidate, member_states, group, now)
    spot = Assignment(candidate.name, Disposition.WANTED, reason)
    return PlacementDecision((_use_shared_files(spot, candidate, member_states), *unwell))


def _iter_awaited_members(
    member_states: Sequence[MemberState], candidate: MemberState | None, group: Group, now: datetime
) -> Iterator[tuple[MemberState, datetime]]:
    """The members that have it or may have it, and that are not given up yet."""
    before = True  # the candidate
    for seat in member_states:
        if seat is candidate:
            before = False
        has = True if seat.copy else seat.had_copy
        if seat.is_healthy or (seat.is_read and not seat.copy) or has is False or (has is None and not before):
            continue
        if now < (until := _waits_until(seat, group, now)):
            yield seat, until


def _waits_until(member_state: MemberState, group: Group, now: datetime) -> datetime:
    """Until when a member that is not well is waited for."""
    return (member_state.outage.since if member_state.outage else now) + timedelta(seconds=group.failover_after)


def _had_copy_text(member_state: MemberState) -> str:
    return "has it" if member_state.copy or member_state.had_copy else "may have it"


def _target_reason(target: MemberState, holders: Sequence[MemberState]) -> str:
    """Return the reason for this member, where some members have the torrent."""
    if target not in holders:
        source = holders[0]
        return f"moves here from {source.name}, which {'is drained' if source.is_drained else 'comes after it'}"
    if len(holders) == 1 or target.copy is None:
        return "it is here"
    extent = "complete" if is_complete(target.copy) else percent_text(target.copy)
    return f"kept here ({extent}); {len(holders)} members have it"


def _first_choice_reason(target: MemberState, member_states: Sequence[MemberState], group: Group, now: datetime) -> str:
    """Return the reason for this member, where no member has the torrent."""
    passed = "; ".join(f"{seat.name}: {seat.state_text(now)}" for seat in member_states[: member_states.index(target)])
    if group.strategy is Strategy.SPREAD:
        return f"the next choice of its hash ({passed})" if passed else "the choice of its hash"
    return f"the first that can take it ({passed})" if passed else "the first that can take it"


def _no_member_reason(member_states: Sequence[MemberState], now: datetime) -> str:
    if not member_states:
        return "so is every other member"
    return "no member can take it: " + "; ".join(f"{seat.name}: {seat.state_text(now)}" for seat in member_states)


_FLOAT_RANGE = 1 << 53  # what a float holds exactly


def rank_members(members: Sequence[Member], infohash: str) -> list[Member]:
    """Return the members, the preferred one first. `torrent` is an infohash; the name of the group does not count."""
    return sorted(members, key=lambda member: (-_score_member(member, infohash), member.name))


def _score_member(member: Member, infohash: str) -> float:
    digest = hashlib.sha256(f"{member.name}/{infohash}".encode()).digest()
    fraction = (int.from_bytes(digest[:8]) % _FLOAT_RANGE + 0.5) / _FLOAT_RANGE  # between 0 and 1, neither of them
    return -member.weight / math.log(fraction)
