"""The plans of a loop: what has not changed at all is not planned again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model.snapshot import Snapshot
from reconciler.plan import Plan, PlanInput, make_plan
from reconciler.watch.holdback import ActionBackoff


class CachingPlanner:
    """Plans the runs of a loop; what has not changed is not planned again. Actions that wait are held back."""

    def __init__(self, action_backoff: ActionBackoff) -> None:
        self._action_backoff = action_backoff
        self._cached: tuple[PlanInput, Plan] | None = None

    def make_plan(self, plan_input: PlanInput) -> Plan:
        """Return the plan of `make_plan`, with the actions held back that are not to be tried now."""
        if not self._cached or not _is_still_valid(*self._cached, plan_input):
            self._cached = plan_input, make_plan(plan_input)
        return self._action_backoff.hold_back(self._cached[1])


def _is_still_valid(earlier: PlanInput, plan: Plan, later: PlanInput) -> bool:
    """True if both inputs give the same plan. Time counts by the day, and from `Plan.valid_until` on."""
    if earlier.desired is not later.desired or earlier.facts is not later.facts:
        return False
    if not _has_same_snapshots(earlier.snapshots, later.snapshots):
        return False
    if replace(earlier, snapshots=later.snapshots, now=later.now) != later:
        return False
    if earlier.now is None or later.now is None:
        return earlier.now is later.now
    return earlier.now.date() == later.now.date() and not (plan.valid_until and plan.valid_until <= later.now)


def _has_same_snapshots(left: Mapping[str, Snapshot], right: Mapping[str, Snapshot]) -> bool:
    """The very same snapshots: a target that knows of no change gives the one that it gave before."""
    return left.keys() == right.keys() and all(left[name] is right[name] for name in left)
