"""Copies that another one has made superfluous: taken off without data, as slowly as the guard allows.

| policy sync, ours, no mark on it | deleted without its data                                                          |
| ours, but marked, or no sync     | spared, with the reason                                                           |
| not ours                         | spared: a copy that somebody else has added is theirs                             |
| more than the guard allows       | spared for this run: placement never makes the guard refuse all the rest          |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.model.desired import Desired, DesiredTorrent
from reconciler.model.groups import Placed
from reconciler.model.plan import Action, Change, Spared
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.context import Decision, Rules
from reconciler.plan.guard import allowance
from reconciler.plan.placement import Spot, Stay
from reconciler.plan.torrents import deletion, spared_from_deletion


@dataclass(frozen=True, slots=True)
class Extra:
    """A live torrent that is, or will be, superfluous where it is."""

    entry: DesiredTorrent
    live: LiveTorrent
    spot: Spot


def plan_extras(
    extras: Sequence[Extra], others: Sequence[Action], owned: int, desired: Desired, rules: Rules
) -> list[Decision]:
    """What to do about them, beside the `others` that are planned on the same instance."""
    decisions: list[Decision] = []
    doomed: list[Extra] = []
    for extra in extras:
        if reason := _spared(extra, rules):
            decisions.append(_spare(extra, reason))
        else:
            doomed.append(extra)
    allowed = allowance(others, owned, desired)
    doomed.sort(key=lambda extra: (extra.live.name, extra.live.id))
    decisions += (_deletion(extra, rules) for extra in doomed[:allowed])
    later = f"the guard allows {allowed} at a time" if allowed else "the guard allows no more now"
    decisions += (_spare(extra, f"surplus: {extra.spot.reason}; it goes later: {later}") for extra in doomed[allowed:])
    return decisions


def moves_later(entry: DesiredTorrent, live: LiveTorrent, member: str) -> Spared:
    """One that stays where it is for now, though it is to move."""
    reason = f"{entry.instance}: moves to {member} later: the guard allows only so many at a time"
    return Spared(str(live.infohashes), live.name, reason)


def _spared(extra: Extra, rules: Rules) -> str | None:
    live, spot = extra.live, extra.spot
    if spot.stay is Stay.LEAVING:
        return spot.reason
    if not rules.owns(live):
        return f"surplus, but not ours: {spot.reason}"
    if mark := spared_from_deletion(live, rules):
        return f"surplus: {spot.reason}; but {mark}"
    if others := rules.others(live):
        return f'surplus: {spot.reason}; but it belongs to the owner "{others[0]}" as well'
    return None


def _deletion(extra: Extra, rules: Rules) -> Action:
    placed = Placed(extra.entry.instance, extra.spot.reason, extra.spot.keeper)
    action = deletion(extra.live, rules, f"surplus: {extra.spot.reason}")
    lost = (Change("owner", rules.owner, None),)
    return replace(action, changes=lost, delete_files=False, source=extra.entry.at, placed=placed)


def _spare(extra: Extra, reason: str) -> Spared:
    return Spared(str(extra.live.infohashes), extra.live.name, f"{extra.entry.instance}: {reason}")
