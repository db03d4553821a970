"""The guard: judges every deletion of an instance's plan, whatever its cause, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.desired import Desired, GuardLimits
from reconciler.model.history import Remembered
from reconciler.model.plan import NOT_REFUSED, Action, InstancePlan, Kind, Outcome, Verb, Verdict
from reconciler.plan.quarantine import begun

PERCENT_FROM = 10  # owned torrents; below that a share says little


def judge(actions: Sequence[Action], owned: int, desired: Desired) -> Verdict:
    """Refuse a plan that deletes more than the limits allow, or that empties us because nothing is declared.

    Quarantines are judged like deletions and apart from them: what begins today would stop as many torrents, and what
    ends today is deleted. What is held is not done, and so not judged.
    """
    removals = [a for a in actions if (a.verb is Verb.DELETE or begun(a)) and a.hold is None]
    if not removals:
        return NOT_REFUSED
    limits = desired.guard
    deletions = _deletions(actions)
    quarantines = [a for a in removals if a.verb is not Verb.DELETE]
    categories = len(removals) - len(deletions) - len(quarantines)
    reasons = [*_empty(desired, owned)]
    reasons += _counts(deletions, limits) + _share(len(deletions), owned, limits, "")
    if len(quarantines) > limits.max_delete:
        reasons.append(f"{_counted(len(quarantines), 'quarantine')} more than max_delete {limits.max_delete}")
    reasons += _share(len(quarantines), owned, limits, " to quarantine")
    if categories > limits.max_delete:
        reasons.append(f"{_counted(categories, 'deletion', ' of categories')} more than max_delete {limits.max_delete}")
    return Verdict(bool(reasons), tuple(reasons))


def allowance(actions: Sequence[Action], owned: int, desired: Desired) -> int:
    """How many deletions without data a plan can hold besides these, with nobody being asked."""
    limits = desired.guard
    most = limits.max_delete
    if owned >= PERCENT_FROM:
        most = min(most, int(owned * limits.max_delete_percent / 100))
    return max(0, most - len(_deletions(actions)))


def _deletions(actions: Sequence[Action]) -> list[Action]:
    return [a for a in actions if a.verb is Verb.DELETE and a.kind is Kind.TORRENT and a.hold is None]


def _empty(desired: Desired, owned: int) -> list[str]:
    if desired.torrents:
        return []
    return [f"the torrents list is empty and we own {owned} here; an empty list never deletes"]


def _counts(deletions: Sequence[Action], limits: GuardLimits) -> list[str]:
    reasons = []
    if len(deletions) > limits.max_delete:
        reasons.append(f"{_counted(len(deletions), 'deletion')} more than max_delete {limits.max_delete}")
    with_files = sum(action.delete_files for action in deletions)
    most = limits.max_delete if limits.max_delete_files is None else limits.max_delete_files
    if with_files > most:
        reasons.append(f"{_counted(with_files, 'deletion', ' with data')} more than max_delete_files {most}")
    return reasons


def _share(removals: int, owned: int, limits: GuardLimits, what: str) -> list[str]:
    percent = 100 * removals / owned if owned else 0.0
    if owned < PERCENT_FROM or percent <= limits.max_delete_percent:
        return []
    share = f"{removals} of {owned} owned torrents ({percent:.0f} %){what}"
    return [f"{share} are more than max_delete_percent {limits.max_delete_percent:g}"]


def _counted(number: int, noun: str, what: str = "") -> str:
    return f"{number} {noun}{what} is" if number == 1 else f"{number} {noun}s{what} are"


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
