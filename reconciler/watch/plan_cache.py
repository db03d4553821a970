"""The last plan of a loop, used again while its inputs are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.engine.context import Planner
from reconciler.journal import Journal
from reconciler.journal.contests import spare_removed
from reconciler.model.snapshot import Snapshot
from reconciler.plan import Plan, PlanInput, guard_plan, plan_actions
from reconciler.watch.holdback import ActionBackoff


class CachingPlanner(Planner):
    """Plans and judges the runs of a loop, with the last plan and the last verdict where nothing has changed.

    It holds back actions that wait.
    """

    def __init__(self, action_backoff: ActionBackoff, journal: Journal | None = None) -> None:
        self._action_backoff = action_backoff
        self._journal = journal
        self._cached: tuple[PlanInput, Plan] | None = None
        self._judged: tuple[PlanInput, Plan, Plan] | None = None

    def plan_actions(self, plan_input: PlanInput) -> Plan:
        """Return the plan, or the last one if the same input gives it."""
        if not self._cached or not _is_still_valid(*self._cached, plan_input):
            self._cached = plan_input, plan_actions(plan_input)
        return self._cached[1]

    def guard_plan(self, plan: Plan, plan_input: PlanInput) -> Plan:
        """Return the judged plan, or the last one if the same plan and the same input gave it."""
        if not self._judged or self._judged[1] is not plan or not _is_judged_the_same(self._judged[0], plan_input):
            self._judged = plan_input, plan, guard_plan(plan, plan_input)
        return self._judged[2]

    def hold_back(self, plan: Plan) -> Plan:
        """Return the plan with the actions on hold that failed recently, are contested, or would undo a limit."""
        plan = self._action_backoff.hold_back(plan)
        return spare_removed(plan, self._journal) if self._journal else plan


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


def _is_judged_the_same(earlier: PlanInput, later: PlanInput) -> bool:
    """True if the guard judges a plan by both inputs alike. It looks at no snapshot, no health, no fact and no time."""
    return (
        earlier.desired is later.desired
        and earlier.remembered == later.remembered
        and earlier.unread_files == later.unread_files
        and earlier.approved_hashes == later.approved_hashes
    )


def _has_same_snapshots(left: Mapping[str, Snapshot], right: Mapping[str, Snapshot]) -> bool:
    """True if the snapshots are the same objects: a target without changes returns its last one again."""
    return left.keys() == right.keys() and all(left[name] is right[name] for name in left)
