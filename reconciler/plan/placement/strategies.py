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
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from reconciler.model.groups import Group, KeptCopy, Member, MovePolicy, Strategy
from reconciler.plan.placement.copies import (
    bytes_at_risk,
    can_replace,
    find_replacement,
    is_complete,
    is_partial,
    percent_text,
)
from reconciler.plan.placement.members import MemberState, format_time


class Disposition(Enum):
    """The future of a torrent on a member: stay, stay until another copy is complete, or be deleted."""

    WANTED = "wanted"
    LEAVING = "leaving"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A torrent on a member of its group, and why. `kept_copy`: the copy that another one goes for, or is to go for.

    `later_instance`: the member that it is to move to once others have moved.
    """

    instance: str
    disposition: Disposition
    reason: str
    keeper: KeptCopy | None = None
    later_instance: str | None = None


@dataclass(frozen=True, slots=True)
class PlacementDecision:
    """The spots of one torrent. `pending` says why it is not where it should be; `until`: when time changes that."""

    assignments: tuple[Assignment, ...] = ()
    pending: str | None = None
    until: datetime | None = None


def place_replicated(member_states: Sequence[MemberState], now: datetime) -> PlacementDecision:
    """Replicate."""
    spots = [
        Assignment(seat.name, Disposition.WANTED, "on every member")
        for seat in member_states
        if seat.copy or seat.can_take
    ]
    if not any(seat.has_copy or seat.can_take for seat in member_states):
        return PlacementDecision(tuple(spots), _no_member_reason(member_states, now))
    lacking = [
        f"{seat.name}: {seat.cannot_take_reason}"
        for seat in member_states
        if seat.is_healthy and not seat.copy and seat.cannot_take_reason
    ]
    return PlacementDecision(tuple(spots), f"not on every member: {'; '.join(lacking)}" if lacking else None)


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
    later = None
    if target not in holders and not may_move:
        target, later = _choose_best_holder(holders), target.name
    spots = [Assignment(target.name, Disposition.WANTED, _target_reason(target, holders), later_instance=later)]
    spots += (_assign_second_copy(seat, target, group, owner) for seat in holders if seat is not target)
    return PlacementDecision((*spots, *unwell), until=until)


def _choose_target(
    member_states: Sequence[MemberState], holders: Sequence[MemberState], group: Group, now: datetime
) -> tuple[MemberState, datetime | None]:
    """The member that is to have it, where others have it now; and until when at most that is so.

    Nothing moves to the second best because the best is down for a moment.
    """
    best = _choose_best_holder(holders)
    if group.move_policy is MovePolicy.NEVER:
        return best, None
    for seat in member_states:
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
        return Assignment(
            member_state.name, Disposition.LEAVING, f"moves to {target.name}; stays here until it is complete there"
        )
    if copy := find_replacement(own, keeper, target.name, owner):
        extent = "complete" if is_complete(keeper) else f"with as much ({percent_text(keeper)})"
        return Assignment(member_state.name, Disposition.SURPLUS, f"{target.name} has it, {extent}", copy)
    kept_copy = KeptCopy(target.name, keeper.id, must_be_complete=False)
    if group.move_policy is MovePolicy.IMMEDIATE and is_partial(own) and can_replace(keeper, kept_copy, owner):
        return Assignment(
            member_state.name, Disposition.SURPLUS, f"{target.name} has it, and this copy is not complete", kept_copy
        )
    if is_complete(keeper):
        flaw = "is smaller" if keeper.size < bytes_at_risk(own) else "is not ours"
        return Assignment(member_state.name, Disposition.LEAVING, f"{target.name} has it too, but that copy {flaw}")
    goal = f"{target.name} has as much of it" if is_partial(own) else f"it is complete on {target.name}"
    reason = f"stays here until {goal} ({percent_text(keeper)})"
    return Assignment(member_state.name, Disposition.LEAVING, reason, kept_copy)


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
    return PlacementDecision(
        (
            Assignment(candidate.name, Disposition.WANTED, _first_choice_reason(candidate, member_states, group, now)),
            *unwell,
        )
    )


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
        return f"moves here from {holders[0].name}, which comes after it"
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
    return "no member can take it: " + "; ".join(f"{seat.name}: {seat.state_text(now)}" for seat in member_states)


_FLOAT_RANGE = 1 << 53  # what a float holds exactly


def rank_members(members: Sequence[Member], infohash: str) -> list[Member]:
    """Return the members, the preferred one first. `torrent` is an infohash; the name of the group does not count."""
    return sorted(members, key=lambda member: (-_score_member(member, infohash), member.name))


def _score_member(member: Member, infohash: str) -> float:
    digest = hashlib.sha256(f"{member.name}/{infohash}".encode()).digest()
    fraction = (int.from_bytes(digest[:8]) % _FLOAT_RANGE + 0.5) / _FLOAT_RANGE  # between 0 and 1, neither of them
    return -member.weight / math.log(fraction)
