"""What a plan that deletes takes with it, as far as only the instance can tell."""

from __future__ import annotations

from dataclasses import replace

from reconciler.apply.pace import Pace
from reconciler.apply.target import Target
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.plan import InstancePlan, Kind


def with_other_seeds(plan: InstancePlan, target: Target, pace: Pace) -> InstancePlan:
    """The plan with the other seeds of what it deletes or puts into quarantine: one request, none where there is none.

    They change all the time, so they are no part of a snapshot. Where they cannot be had, the plan goes on without.
    """
    ids = [action.torrent_id for action in plan.actions if action.blast and action.kind is Kind.TORRENT]
    known = [key for key in ids if key]
    if not known:
        return plan
    try:
        seeds = pace.patiently(lambda: target.other_seeds(known))
    except (InstanceError, Stopped):
        return plan
    actions = tuple(
        replace(action, blast=replace(action.blast, other_seeds=seeds.get(action.torrent_id or "")))
        if action.blast and action.kind is Kind.TORRENT
        else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)
