"""Copies that another one has made superfluous: taken off without data, as slowly as the guard allows.

| policy sync, ours, no mark on it | deleted without its data                                                          |
| ours, but marked, or no sync     | spared, with the reason                                                           |
| not ours                         | spared: a copy that somebody else has added is theirs                             |
| more than the guard allows       | spared for this run: placement never makes the guard refuse all the rest          |

See docs/decisions/0073-placement-stays-within-the-guard-limits.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.fields.names import OWNER
from reconciler.model.groups import ActionPlacement
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Action, Change, DeleteTorrent, SparedTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.assignment import Assignment, Disposition
from reconciler.plan.context import Decision, PlanContext
from reconciler.plan.guard import count_allowed_deletions
from reconciler.plan.torrents import build_delete, deletion_spared_reason


@dataclass(frozen=True, slots=True)
class SurplusCopy:
    """A live torrent that is, or will be, surplus on its instance."""

    entry: DesiredTorrent
    live: LiveTorrent
    assignment: Assignment


def plan_surplus_copies(
    surplus_copies: Sequence[SurplusCopy],
    planned_actions: Sequence[Action],
    owned: int,
    desired: DesiredState,
    context: PlanContext,
) -> list[Decision]:
    """Plan surplus copies, given the other actions that are planned on the same instance."""
    decisions: list[Decision] = []
    deletable: list[SurplusCopy] = []
    for surplus_copy in surplus_copies:
        if reason := _spared_reason(surplus_copy, context):
            decisions.append(_build_surplus_spared(surplus_copy, reason))
        else:
            deletable.append(surplus_copy)
    allowed = count_allowed_deletions(planned_actions, owned, desired)
    deletable.sort(key=lambda surplus_copy: (surplus_copy.live.name, surplus_copy.live.id))
    decisions += (_build_surplus_delete(surplus_copy, context) for surplus_copy in deletable[:allowed])
    limit_text = f"the guard allows {allowed} at a time" if allowed else "the guard allows no more now"
    decisions += (
        _build_surplus_spared(surplus_copy, f"surplus: {surplus_copy.assignment.reason}; it goes later: {limit_text}")
        for surplus_copy in deletable[allowed:]
    )
    return decisions


def defer_move(entry: DesiredTorrent, live: LiveTorrent, stays_reason: str) -> SparedTorrent:
    """Return a torrent that stays for now, though it is to move."""
    return SparedTorrent(str(live.infohashes), live.name, f"{entry.instance}: {stays_reason}")


def _spared_reason(surplus_copy: SurplusCopy, context: PlanContext) -> str | None:
    live, assignment = surplus_copy.live, surplus_copy.assignment
    if assignment.disposition is Disposition.LEAVING:
        return assignment.reason
    if not context.is_owned(live):
        return f"surplus, but not ours: {assignment.reason}"
    if protection := deletion_spared_reason(live, context):
        return f"surplus: {assignment.reason}; but {protection}"
    if others := context.list_other_owners(live):
        return f'surplus: {assignment.reason}; but it belongs to the owner "{others[0]}" as well'
    return None


def _build_surplus_delete(surplus_copy: SurplusCopy, context: PlanContext) -> DeleteTorrent:
    placement = ActionPlacement(
        surplus_copy.entry.instance, surplus_copy.assignment.reason, surplus_copy.assignment.keeper
    )
    action = build_delete(surplus_copy.live, context, f"surplus: {surplus_copy.assignment.reason}")
    owner_change = (Change(OWNER, context.owner, None),)
    return replace(
        action, changes=owner_change, delete_files=False, position=surplus_copy.entry.position, placement=placement
    )


def _build_surplus_spared(surplus_copy: SurplusCopy, reason: str) -> SparedTorrent:
    return SparedTorrent(
        str(surplus_copy.live.infohashes), surplus_copy.live.name, f"{surplus_copy.entry.instance}: {reason}"
    )
