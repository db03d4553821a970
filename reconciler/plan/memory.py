"""An instance that has lost most of what we owned there is not one to delete from: it may be wiped or half loaded."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.journal import Remembered
from reconciler.model.plan import Action, InstancePlan, Outcome, Verb, Verdict
from reconciler.plan.quarantine import begun


def looks_wiped(owned: int, remembered: int) -> bool:
    """Is less than half of what we owned still there?"""
    return owned * 2 < remembered


def distrust(plan: InstancePlan, remembered: Remembered | None, digest: str) -> InstancePlan:
    """The plan with its deletions blocked where the instance looks wiped; all else goes on, to rebuild it."""
    if remembered is None or not looks_wiped(plan.owned, remembered.owned):
        return plan
    actions = tuple(_blocked(action) for action in plan.actions)
    if actions == plan.actions:
        return plan
    reason = (
        f"it looks wiped or not fully loaded: of {remembered.owned} torrents that we owned on "
        f"{remembered.at:%Y-%m-%d %H:%M} UTC it shows {plan.owned}. Nothing is deleted, all else goes on; "
        f"if the loss is meant: --accept-plan {digest}"
    )
    return replace(plan, actions=actions, verdict=Verdict(False, (reason,)))


def _blocked(action: Action) -> Action:
    if action.hold or not (action.verb is Verb.DELETE or begun(action)):
        return action
    return replace(action, hold=Outcome.BLOCKED, reason=f"{action.reason}, but the instance looks wiped")
