"""The proof of convergence: a plan that is applied to a model of the servers leaves nothing to do.

What is planned again with the same value, though it was carried out, would be planned by every run for ever: the server
makes something else of the value, or two rules contradict each other.

| the second plan                                     | counts                                             |
|-----------------------------------------------------|----------------------------------------------------|
| sets the same field of the same object to the same  | yes: it never ends                                 |
| value as an earlier plan                            |                                                    |
| sets something else                                 | not yet: the work of several runs, planned further |
| has something on hold, spared or pending            | no: it waits                                       |
| adds or deletes something                           | no: what waits for other instances, or is created  |
| writes files, asks peers, removes creator tasks     | no: no snapshot shows it                           |

See docs/decisions/0056-a-dry-run-proves-that-its-plan-ends.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from reconciler.model.fields.field import FieldKind
from reconciler.model.fields.registry import FIELDS
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    AdoptTorrent,
    Change,
    EndlessChange,
    FieldValue,
    InstancePlan,
    ObjectKind,
    SetPreference,
    UpdateCategory,
    UpdateTorrent,
)
from reconciler.model.snapshot import Snapshot
from reconciler.plan.projection import project_plan

MAX_PLANS: Final = 4  # that are made one after the other: what goes on for longer is work, and no contradiction

InstancePlans = Sequence[InstancePlan]
Snapshots = Mapping[str, Snapshot]
NextPlanner = Callable[[Snapshots], InstancePlans]
EndlessChanges = tuple[EndlessChange, ...]
_ChangeKey = tuple[str, str, str, str, FieldValue]  # instance, kind, object, field, value
_SETTING_ACTIONS: Final = (AddTorrent, AdoptTorrent, UpdateTorrent, AddCategory, UpdateCategory, SetPreference)
_CHANGING_ACTIONS: Final = (AdoptTorrent, UpdateTorrent, UpdateCategory, SetPreference)


def find_endless_changes(plans: InstancePlans, snapshots: Snapshots, make_next_plans: NextPlanner) -> EndlessChanges:
    """Return the changes of plans that every further run would plan again.

    `plans`: as they would be executed. `snapshots`: what they were made from; `make_next_plans` makes plans from others
    in the same way.
    """
    seen = {key for key, _, _ in _iter_changes(plans, _SETTING_ACTIONS)}
    if not seen:
        return ()
    for _ in range(MAX_PLANS - 1):
        snapshots = {**snapshots, **{plan.name: project_plan(plan, snapshots[plan.name]) for plan in plans}}
        plans = make_next_plans(snapshots)
        changes = list(_iter_changes(plans, _CHANGING_ACTIONS))
        repeated = tuple(_build_endless(key[0], action, change) for key, action, change in changes if key in seen)
        if repeated or not changes:
            return repeated
        seen.update(key for key, _, _ in changes)
    return ()


def _iter_changes(
    plans: InstancePlans, action_types: tuple[type[Action], ...]
) -> Iterator[tuple[_ChangeKey, Action, Change]]:
    """Iterate over the changes that these actions make and that a snapshot shows, each with its identity."""
    for instance_plan in plans:
        for action in instance_plan.actions:
            if action.hold is None and isinstance(action, action_types):
                item = action.infohash or action.name
                for change in action.changes:
                    if _is_shown(action, change):
                        yield (instance_plan.name, action.kind, item, change.field, change.after), action, change


def _is_shown(action: Action, change: Change) -> bool:
    return action.kind is not ObjectKind.TORRENT or FIELDS[change.field].kind is not FieldKind.FOLLOW_UP


def _build_endless(instance: str, action: Action, change: Change) -> EndlessChange:
    return EndlessChange(instance, action.kind, action.name, change, action.infohash, action.position)
