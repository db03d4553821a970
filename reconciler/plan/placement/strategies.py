"""Where one torrent is to be, by the strategy of its group.

| the torrent is                        | failover and spread                                                          |
|---------------------------------------|------------------------------------------------------------------------------|
| on one member that is well            | it stays there; unless `moves` allows, and one before it can take it         |
| on several that are well              | one is kept: the first that is complete, or with `moves` the first that is   |
|                                       | well; another goes once that one is complete, and its data stays on disk     |
| on none that is well, but one that is | it waits for that one, `failover_after` long; then it goes to the first that |
| down has it, or may have it           | can take it                                                                  |
| on none                               | it goes to the first that can take it                                        |
| on none, and none can take it         | it is pending                                                                |

The order is that of the members, or, in a spread group, that of `ranking`. What a member that is down may have, for all
that is known, counts like what it has; but only where it comes before the one that would take the torrent.
In a replicate group the torrent is to be on every member that is well and can take it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from reconciler.model.groups import Copy, Group, Member, Moves, Strategy
from reconciler.plan.placement.copies import complete, partial, percent, reliable, worth
from reconciler.plan.placement.members import Seat, moment


class Stay(Enum):
    """What is to become of a torrent on a member: be there, be there until another copy is whole, or go."""

    WANTED = "wanted"
    LEAVING = "leaving"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Spot:
    """A torrent on a member of its group, and why. `keeper`: the copy that another one goes for, or is to go for.

    `later`: the member that it is to move to once others have moved.
    """

    instance: str
    stay: Stay
    reason: str
    keeper: Copy | None = None
    later: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The spots of one torrent. `pending` says why it is not where it should be; `until`: when time changes that."""

    spots: tuple[Spot, ...] = ()
    pending: str | None = None
    until: datetime | None = None


def on_every(seats: Sequence[Seat], now: datetime) -> Decision:
    """Replicate."""
    spots = [Spot(seat.name, Stay.WANTED, "on every member") for seat in seats if seat.copy or seat.open]
    if not any(seat.holds or seat.open for seat in seats):
        return Decision(tuple(spots), _nobody(seats, now))
    lacking = [f"{seat.name}: {seat.lacks}" for seat in seats if seat.well and not seat.copy and seat.lacks]
    return Decision(tuple(spots), f"not on every member: {'; '.join(lacking)}" if lacking else None)


def on_one(seats: Sequence[Seat], group: Group, owner: str, now: datetime, *, may_move: bool = True) -> Decision:
    """Failover and spread, with the members in the order of preference. `may_move`: may a move begin now?"""
    if any(seat.conflict for seat in seats):  # a person has to settle that first
        return Decision(tuple(Spot(seat.name, Stay.WANTED, "in conflict") for seat in seats if seat.copy))
    unwell = tuple(
        Spot(seat.name, Stay.LEAVING, f"left alone while it is {seat.state(now)}")
        for seat in seats
        if seat.copy and not seat.well
    )
    holders = [seat for seat in seats if seat.holds]
    if not holders:
        return _on_none(seats, group, unwell, now)
    target, until = _target(seats, holders, group, now)
    later = None
    if target not in holders and not may_move:
        target, later = _best(holders), target.name
    spots = [Spot(target.name, Stay.WANTED, _why(target, holders), later=later)]
    spots += (_other(seat, target, group, owner) for seat in holders if seat is not target)
    return Decision((*spots, *unwell), until=until)


def _target(
    seats: Sequence[Seat], holders: Sequence[Seat], group: Group, now: datetime
) -> tuple[Seat, datetime | None]:
    """The member that is to have it, where others have it now; and until when at most that is so.

    Nothing moves to the second best because the best is down for a moment.
    """
    best = _best(holders)
    if group.moves is Moves.NEVER:
        return best, None
    for seat in seats:
        if seat.holds or seat.open:
            return seat, None
        if not seat.well and now < (until := _given_up(seat, group, now)):
            return best, until
    return best, None


def _best(holders: Sequence[Seat]) -> Seat:
    return next((seat for seat in holders if seat.copy and complete(seat.copy)), holders[0])


def _other(seat: Seat, target: Seat, group: Group, owner: str) -> Spot:
    """What is to become of a second copy."""
    keeper, own = target.copy, seat.copy
    assert own
    if keeper is None:
        return Spot(seat.name, Stay.LEAVING, f"moves to {target.name}; stays here until it is complete there")
    copy = Copy(target.name, keeper.id, worth(own))
    if reliable(keeper, copy, owner):
        return Spot(seat.name, Stay.SURPLUS, f"{target.name} has it, complete", copy)
    there = Copy(target.name, keeper.id, whole=False)
    if group.moves is Moves.IMMEDIATE and partial(own) and reliable(keeper, there, owner):
        return Spot(seat.name, Stay.SURPLUS, f"{target.name} has it, and this copy is not complete", there)
    if complete(keeper):
        why = "is smaller" if keeper.size < worth(own) else "is not ours"
        return Spot(seat.name, Stay.LEAVING, f"{target.name} has it too, but that copy {why}")
    reason = f"stays here until it is complete on {target.name} ({percent(keeper)})"
    return Spot(seat.name, Stay.LEAVING, reason, there)


def _on_none(seats: Sequence[Seat], group: Group, unwell: tuple[Spot, ...], now: datetime) -> Decision:
    candidate = next((seat for seat in seats if seat.open), None)
    waits = list(_waits(seats, candidate, group, now))
    if waits:
        until = max(until for _, until in waits)
        words = [f"{seat.name} {_had(seat)} and is {seat.state(now)}" for seat, _ in waits]
        then = f"; it goes to {candidate.name} then" if candidate else ""
        return Decision(unwell, f"waits until {moment(until, now)}: {'; '.join(words)}{then}", until)
    if candidate is None:
        return Decision(unwell, _nobody(seats, now))
    return Decision((Spot(candidate.name, Stay.WANTED, _first(candidate, seats, group, now)), *unwell))


def _waits(
    seats: Sequence[Seat], candidate: Seat | None, group: Group, now: datetime
) -> Iterator[tuple[Seat, datetime]]:
    """The members that have it or may have it, and that are not given up yet."""
    before = True  # the candidate
    for seat in seats:
        if seat is candidate:
            before = False
        has = True if seat.copy else seat.held
        if seat.well or (seat.read and not seat.copy) or has is False or (has is None and not before):
            continue
        if now < (until := _given_up(seat, group, now)):
            yield seat, until


def _given_up(seat: Seat, group: Group, now: datetime) -> datetime:
    """Until when a member that is not well is waited for."""
    return (seat.down.since if seat.down else now) + timedelta(seconds=group.failover_after)


def _had(seat: Seat) -> str:
    return "has it" if seat.copy or seat.held else "may have it"


def _why(target: Seat, holders: Sequence[Seat]) -> str:
    """Why on this member, where some have it."""
    if target not in holders:
        return f"moves here from {holders[0].name}, which comes after it"
    if len(holders) == 1:
        return "it is here"
    whole = target.copy is not None and complete(target.copy)
    return f"kept here, {'complete' if whole else 'the first'} of {len(holders)}"


def _first(target: Seat, seats: Sequence[Seat], group: Group, now: datetime) -> str:
    """Why on this member, where none has it."""
    passed = "; ".join(f"{seat.name}: {seat.state(now)}" for seat in seats[: seats.index(target)])
    if group.strategy is Strategy.SPREAD:
        return f"the next choice of its hash ({passed})" if passed else "the choice of its hash"
    return f"the first that can take it ({passed})" if passed else "the first that can take it"


def _nobody(seats: Sequence[Seat], now: datetime) -> str:
    return "no member can take it: " + "; ".join(f"{seat.name}: {seat.state(now)}" for seat in seats)


_SPAN = 1 << 53  # what a float holds exactly


def ranked(members: Sequence[Member], torrent: str) -> list[Member]:
    """The members, the one to be on first. `torrent` is an infohash; the name of the group does not count."""
    return sorted(members, key=lambda member: (-_score(member, torrent), member.name))


def _score(member: Member, torrent: str) -> float:
    digest = hashlib.sha256(f"{member.name}/{torrent}".encode()).digest()
    fraction = (int.from_bytes(digest[:8]) % _SPAN + 0.5) / _SPAN  # between 0 and 1, neither of them
    return -member.weight / math.log(fraction)
