"""Actions of a plan that are not to be tried now: fields that are contested, and what an instance refused recently.

Pure: callers know the reasons. Holding back only defers actions, and never adds one.

See docs/decisions/0013-watch-memory-only-defers-actions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Final

from reconciler.model.fields.names import CATEGORY, FORCE_START, HELD, OWNER, PAUSED, PEER, QUARANTINE
from reconciler.model.fields.registry import changes_location
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    AdoptTorrent,
    InstancePlan,
    ObjectKind,
    Outcome,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.plan.actions import narrow_action
from reconciler.plan.plan import Plan

PRESENCE: Final = "presence"  # stands for the fields of an add or a deletion, which cannot be split
_SWITCH_FIELDS: Final = (HELD, PAUSED, FORCE_START)


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field of a torrent, a category or a preference on an instance."""

    instance: str
    kind: ObjectKind
    item: str
    field: str


HoldReason = Callable[[FieldRef], str | None]


def list_holdable_fields(instance: str, action: Action) -> list[FieldRef]:
    """Return the fields that an action changes and that may be held back.

    The kill switch is never held back, nor is a peer: to send it again is no fight, and ends by itself.
    """
    can_split = isinstance(action, UpdateTorrent | AdoptTorrent)
    fields = [change.field for change in action.changes if change.field != PEER] if can_split else [PRESENCE]
    is_urgent = isinstance(action, UpdateTorrent) and action.urgent
    if is_urgent or HELD in fields:
        fields = [field for field in fields if field not in _SWITCH_FIELDS]
    item = action.infohash or action.name
    return [FieldRef(instance, action.kind, item, field) for field in fields]


def hold_back(plan: Plan, hold_reason: HoldReason) -> Plan:
    """Return the plan with every field deferred that `hold_reason` returns a reason for."""
    return replace(
        plan, instances=tuple(_hold_back_instance(instance_plan, hold_reason) for instance_plan in plan.instances)
    )


def _hold_back_instance(plan: InstancePlan, hold_reason: HoldReason) -> InstancePlan:
    held_categories: set[str] = set()  # categories that this plan does not create
    actions: list[Action] = []
    for action in plan.actions:  # categories come first
        for split in _split_action(plan.name, action, hold_reason, held_categories):
            if isinstance(split, AddCategory) and split.hold:
                held_categories.add(split.name)
            actions.append(split)
    return replace(plan, actions=tuple(actions))


def _split_action(
    instance: str, action: Action, hold_reason: HoldReason, held_categories: Collection[str]
) -> Iterator[Action]:
    """Yield the action, or what is left of it and an action for each field that is held back."""
    if action.hold:
        yield action
        return
    held = {field.field: reason for field in list_holdable_fields(instance, action) if (reason := hold_reason(field))}
    category = action.get_new_value(CATEGORY) if isinstance(action, TorrentAction) else None
    if category in held_categories:  # qBittorrent would create it, without its path
        field = PRESENCE if isinstance(action, AddTorrent) else CATEGORY
        held.setdefault(field, f"waits for its category {category}, which is held back")
    if whole := held.get(PRESENCE) or held.get(OWNER) or held.get(QUARANTINE):
        # without the owner tag nothing may be changed, and the quarantine tag stores how the torrent was before
        yield replace(action, hold=Outcome.DEFERRED, reason=whole)
    elif held and isinstance(action, UpdateTorrent | AdoptTorrent):
        yield from _split_changes(action, held)
    else:
        yield action


def _split_changes(action: UpdateTorrent | AdoptTorrent, held: dict[str, str]) -> Iterator[Action]:
    free = tuple(change for change in action.changes if change.field not in held)
    if free:
        yield replace(narrow_action(action, free), disruptive=action.disruptive and changes_location(free))
    for change in action.changes:
        if change.field in held:
            yield UpdateTorrent(
                action.name,
                held[change.field],
                (change,),
                action.position,
                Outcome.DEFERRED,
                action.infohash,
                action.placement,
                torrent_id=action.torrent_id,
                disruptive=action.disruptive and changes_location((change,)),
                blast=action.blast,
            )
