"""Judges plans by the leases on the instances, and says which marks are wrong. Pure.

See docs/decisions/0100-a-lease-is-a-tag-on-the-instance.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.model.desired import DEFAULT_OWNER
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lease import LEASE_PREFIX, LeaseHold, LeaseMark, LeaseTags
from reconciler.model.plan import InstancePlan, Outcome, UpdateTorrent
from reconciler.plan.guard import list_removals, refuse_unless_approved

_COPY_HINT = f". If one of them is a copy of the other, delete its tags that begin with {LEASE_PREFIX} in qBittorrent"

Leases = Mapping[str, LeaseTags]  # by the instance that has them
InstancePlans = tuple[InstancePlan, ...]


@dataclass(frozen=True, slots=True)
class LeaseClaim:
    """The identity under which a run takes leases: its owner, the id of its desired state, and its instances by name.

    `plan_hash`: of what it wants to execute; `approved_hashes`: of the plans that a person has approved.
    """

    owner: str
    state_id: str
    instances: frozenset[str]
    plan_hash: str = ""
    approved_hashes: frozenset[str] = frozenset()


def has_work(plan: InstancePlan) -> bool:
    """True if something of the plan is to be executed, other than what is urgent and needs no lease."""
    if plan.suspended or plan.verdict.refused:
        return False
    return any(
        action.hold is None and not (isinstance(action, UpdateTorrent) and action.urgent) for action in plan.actions
    )


def has_removals(plan: InstancePlan) -> bool:
    """True if something is deleted or put into quarantine."""
    return any(action.hold is None for action in list_removals(plan.actions))


def list_named_instances(leases: Leases, claim: LeaseClaim) -> frozenset[str]:
    """Return the declared instances that marks of our owner name, and whose leases are not in `leases`.

    Their leases show if they are the same servers as the instances with the marks.
    """
    marks = (mark for tags in leases.values() for mark in tags.marks)
    names = {mark.instance for mark in marks if mark.owner == claim.owner and mark.instance in claim.instances}
    return frozenset(names - leases.keys())


def find_shared_servers(leases: Leases, claim: LeaseClaim) -> dict[str, str]:
    """Return the instances that are the same server as another one, each with the name of the other.

    Two instances are the same server if they show the same marks, and if a mark of one names the other. If the leases
    of the other are not known, a mark of this desired state is enough.
    """
    others: dict[str, str] = {}
    for name, tags in leases.items():
        for mark in sorted(tags.marks, key=lambda mark: mark.instance):
            other = mark.instance
            if mark.owner != claim.owner or other == name or other not in claim.instances:
                continue
            is_same = tags.marks == leases[other].marks if other in leases else mark.state_id == claim.state_id
            if is_same:
                others.setdefault(name, other)
                others.setdefault(other, name)
    return others


def find_shared_holds(held: Mapping[str, LeaseHold], leases: Leases) -> dict[str, str]:
    """Return the instances on which a hold of this run for another instance was seen, each with the other, both ways.

    `held`: the holds of this run, by instance; `leases`: as read after they were written.
    """
    names_by_tag = {hold.tag: name for name, hold in held.items()}
    others: dict[str, str] = {}
    for name, tags in leases.items():
        for hold in sorted(tags.holds, key=lambda hold: hold.tag):
            other = names_by_tag.get(hold.tag, name)
            if other != name:
                others.setdefault(name, other)
                others.setdefault(other, name)
    return others


def refuse_shared_servers(
    plans: InstancePlans, claim: LeaseClaim, others: Mapping[str, str], unless: str = ""
) -> InstancePlans:
    """Return the plans, with those of `others` refused, each of which is for the same server as another one.

    `unless`: a sentence for the case that they are two servers.
    """
    reasons = {
        name: f"it is the same server as {other}, and each would delete what is declared for the other. Remove one of "
        f"them from `instances`{unless}"
        for name, other in others.items()
    }
    return _refuse(plans, claim, reasons)


def refuse_marked(plans: InstancePlans, claim: LeaseClaim, leases: Leases) -> InstancePlans:
    """Return the plans with the guard's verdict on what the marks show."""
    judged = refuse_shared_servers(plans, claim, find_shared_servers(leases, claim), _COPY_HINT)
    removing = {
        plan.name
        for plan in plans
        if any(action.hold is None and not action.position for action in list_removals(plan.actions))
    }
    reasons = {
        name: _foreign_reason(min(foreign, key=lambda mark: mark.since))
        for name in removing & leases.keys()
        if claim.owner == DEFAULT_OWNER and (foreign := list_foreign_marks(leases[name], claim))
    }
    return _refuse(judged, claim, reasons)


def list_foreign_marks(tags: LeaseTags, claim: LeaseClaim) -> list[LeaseMark]:
    """Return the marks of other desired states with our owner."""
    return [mark for mark in tags.marks if mark.owner == claim.owner and mark.state_id != claim.state_id]


def _foreign_reason(mark: LeaseMark) -> str:
    return (
        f'another desired state with the owner "{mark.owner}" manages it as {mark.instance} since '
        f"{mark.since:%Y-%m-%d %H:%M} UTC, and may declare what would be deleted. Give each desired state an owner of "
        f"its own: owner: NAME, and --take-over once. If there is no other, delete the tag {mark.tag} in qBittorrent"
    )


def _refuse(plans: InstancePlans, claim: LeaseClaim, reasons: Mapping[str, str]) -> InstancePlans:
    return tuple(
        refuse_unless_approved(plan, (reasons[plan.name],), claim.approved_hashes, claim.plan_hash)
        if plan.name in reasons
        else plan
        for plan in plans
    )


def find_rivals(tags: LeaseTags, owner: str, nonce: str) -> list[LeaseHold]:
    """Return the holds of other runs of this owner, in a fixed order."""
    rivals = (hold for hold in tags.holds if hold.mark.owner == owner and hold.holder.nonce != nonce)
    return sorted(rivals, key=lambda hold: hold.tag)


def wait_for_rival(plan: InstancePlan, rival: LeaseHold) -> InstancePlan:
    """Return the plan with everything deferred until another run has ended."""
    return replace(
        plan,
        actions=tuple(
            action
            if action.hold
            else replace(action, hold=Outcome.DEFERRED, reason=f"{action.reason}; another run is under way ({rival})")
            for action in plan.actions
        ),
    )


@dataclass(frozen=True, slots=True)
class MarkChanges:
    """The changes that make the marks on an instance right."""

    create: frozenset[str] = frozenset()
    delete: frozenset[str] = frozenset()


def correct_marks(tags: LeaseTags, instance: str, claim: LeaseClaim, now: datetime) -> MarkChanges:
    """Return the changes that make the marks of our owner right for a desired state that changes the instance now.

    There is one mark of ours, under the present name of the instance, and one of another desired state if there is
    any. More are not kept: two are enough for each to see that it is not alone.
    """
    ours = [mark for mark in tags.marks if mark.owner == claim.owner and mark.state_id == claim.state_id]
    named = sorted((mark for mark in ours if mark.instance == instance), key=lambda mark: mark.since)
    outdated = [mark for mark in ours if mark not in named[:1]]
    foreign = sorted(list_foreign_marks(tags, claim), key=lambda mark: (mark.since, mark.tag))
    new = [] if named else [LeaseMark(claim.owner, instance, claim.state_id, now)]
    return MarkChanges(_tags_of(new), _tags_of([*outdated, *foreign[:-1]]))


def _tags_of(marks: Iterable[LeaseMark]) -> frozenset[str]:
    return frozenset(mark.tag for mark in marks)


def list_other_marks(tags: LeaseTags, claim: LeaseClaim) -> tuple[LeaseMark, ...]:
    """Return the marks of other owners and desired states, in a fixed order, for reports."""
    others = (mark for mark in tags.marks if (mark.owner, mark.state_id) != (claim.owner, claim.state_id))
    return tuple(sorted(others, key=lambda mark: mark.tag))


def list_dead_tags(tags: LeaseTags, dead: Collection[LeaseHold], held: Collection[LeaseHold]) -> frozenset[str]:
    """Return the tags of holds to delete: of runs that have ended, and of earlier runs of the holder of `held`."""
    nonces = {hold.holder.nonce for hold in held}
    outdated = (hold for hold in tags.holds if hold.holder.nonce in nonces)
    return frozenset(hold.tag for hold in (*dead, *outdated)) - {hold.tag for hold in held}
