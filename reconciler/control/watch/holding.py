"""A plan with some of its actions held back: shown as deferred, with the reason, and not executed. Pure.

Holding back is all it can do, so what is executed stays a subset of what the planner planned. The hash of the plan
stays that of the planner's: it does not depend on what this process remembers, so a person can approve it from a
dry-run elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

from reconciler.model.plan import Action, Change, InstancePlan, Kind, Outcome, Plan, Verb
from reconciler.plan.actions import differing

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
