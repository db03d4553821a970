"""The guard: judges every deletion of an instance's plan, whatever its cause, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.desired import Desired, GuardLimits
from reconciler.model.plan import Action, Outcome, Verb, Verdict

PERCENT_FROM = 10  # owned torrents; below that a share says little


def judge(actions: Sequence[Action], owned: int, desired: Desired) -> Verdict:
    """Refuse a plan that deletes more than the limits allow, or that empties us because nothing is declared."""
    deletions = [a for a in actions if a.verb is Verb.DELETE and a.hold is not Outcome.BLOCKED]
    if not deletions:
        return Verdict()
    reasons = [*_empty(desired, owned), *_counts(deletions, desired.guard), *_share(len(deletions), owned, desired.guard)]
    return Verdict(bool(reasons), tuple(reasons))


def _empty(desired: Desired, owned: int) -> list[str]:
    if desired.torrents:
        return []
    return [f"the torrents list is empty and we own {owned} here; an empty list never deletes"]


def _counts(deletions: Sequence[Action], limits: GuardLimits) -> list[str]:
    reasons = []
    if len(deletions) > limits.max_delete:
        reasons.append(f"{len(deletions)} deletions are more than max_delete {limits.max_delete}")
    with_files = sum(action.delete_files for action in deletions)
    most = limits.max_delete if limits.max_delete_files is None else limits.max_delete_files
    if with_files > most:
        reasons.append(f"{with_files} deletions with their data are more than max_delete_files {most}")
    return reasons


def _share(deletions: int, owned: int, limits: GuardLimits) -> list[str]:
    percent = 100 * deletions / owned if owned else 0.0
    if owned < PERCENT_FROM or percent <= limits.max_delete_percent:
        return []
    return [f"{deletions} of {owned} owned torrents ({percent:.0f} %) are more than max_delete_percent {limits.max_delete_percent:g}"]
