"""The guard: judges every deletion of an instance's plan, whatever its cause, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.desired import Desired, GuardLimits
from reconciler.model.plan import NOT_REFUSED, Action, Verb, Verdict

PERCENT_FROM = 10  # owned torrents; below that a share says little


def judge(actions: Sequence[Action], owned: int, desired: Desired) -> Verdict:
    """Refuse a plan that deletes more than the limits allow, or that empties us because nothing is declared."""
    deletions = [a for a in actions if a.verb is Verb.DELETE and a.hold is None]
    if not deletions:
        return NOT_REFUSED
    limits = desired.guard
    reasons = [*_empty(desired, owned), *_counts(deletions, limits), *_share(len(deletions), owned, limits)]
    return Verdict(bool(reasons), tuple(reasons))


def _empty(desired: Desired, owned: int) -> list[str]:
    if desired.torrents:
        return []
    return [f"the torrents list is empty and we own {owned} here; an empty list never deletes"]


def _counts(deletions: Sequence[Action], limits: GuardLimits) -> list[str]:
    reasons = []
    if len(deletions) > limits.max_delete:
        reasons.append(f"{_counted(len(deletions))} more than max_delete {limits.max_delete}")
    with_files = sum(action.delete_files for action in deletions)
    most = limits.max_delete if limits.max_delete_files is None else limits.max_delete_files
    if with_files > most:
        reasons.append(f"{_counted(with_files, ' with data')} more than max_delete_files {most}")
    return reasons


def _share(deletions: int, owned: int, limits: GuardLimits) -> list[str]:
    percent = 100 * deletions / owned if owned else 0.0
    if owned < PERCENT_FROM or percent <= limits.max_delete_percent:
        return []
    share = f"{deletions} of {owned} owned torrents ({percent:.0f} %)"
    return [f"{share} are more than max_delete_percent {limits.max_delete_percent:g}"]


def _counted(deletions: int, what: str = "") -> str:
    return f"{deletions} deletion{what} is" if deletions == 1 else f"{deletions} deletions{what} are"
