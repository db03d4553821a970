"""The plans of a loop: what has not changed at all is not planned again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.engine.run import Planner
from reconciler.journal import Journal
from reconciler.model.desired import DesiredState
from reconciler.model.groups import NO_PLACEMENT_FACTS, PlacementFacts
from reconciler.model.health import Health
from reconciler.model.history import OwnedCount
from reconciler.model.plan import Plan
from reconciler.model.snapshot import Snapshot
from reconciler.plan import NO_HEALTH, make_plan
from reconciler.watch.holdback import ActionBackoff


class CachingPlanner(Planner):
    """`make_plan`, with what is not to be tried now held back. What has not changed at all is not planned again."""

    def __init__(self, action_backoff: ActionBackoff, journal: Journal | None) -> None:
        self._action_backoff = action_backoff
        self._journal = journal
        self._cached: tuple[_CacheKey, Plan] | None = None

    def __call__(
        self,
        desired: DesiredState,
        snapshots: Mapping[str, Snapshot],
        *,
        accept: str | None = None,
        take_over: bool = False,
        now: datetime | None = None,
        facts: PlacementFacts = NO_PLACEMENT_FACTS,
        only: Collection[str] | None = None,
        health: Mapping[str, Health] = NO_HEALTH,
    ) -> Plan:
        remembered = self._journal.read_owned_counts(desired) if self._journal else {}
        asked = _CacheKey(desired, dict(snapshots), facts, (remembered, health, only), now)
        if self._cached and self._cached[0].is_valid_for(asked, self._cached[1]):
            return self._action_backoff.hold_back(self._cached[1])
        plan = make_plan(
            desired, snapshots, accept=accept, take_over=take_over,
            now=now, facts=facts, only=only, remembered=remembered, health=health,
        )  # fmt: skip
        self._cached = asked, plan
        return self._action_backoff.hold_back(plan)


@dataclass(frozen=True, slots=True)
class _CacheKey:
    """What a plan was made of."""

    desired: DesiredState
    snapshots: Mapping[str, Snapshot]
    facts: PlacementFacts
    other_inputs: tuple[Mapping[str, OwnedCount], Mapping[str, Health], Collection[str] | None]
    now: datetime | None

    def is_valid_for(self, other: _CacheKey, plan: Plan) -> bool:
        """Would the other be answered by the same plan? Time counts by the day, and where the plan itself says so."""
        same = (
            self.desired is other.desired
            and self.facts is other.facts
            and _has_same_snapshots(self.snapshots, other.snapshots)
        )
        if not same or self.other_inputs != other.other_inputs:
            return False
        if self.now is None or other.now is None:
            return self.now is other.now
        return self.now.date() == other.now.date() and not (plan.valid_until and plan.valid_until <= other.now)


def _has_same_snapshots(left: Mapping[str, Snapshot], right: Mapping[str, Snapshot]) -> bool:
    """The very same snapshots: a target that knows of no change gives the one that it gave before."""
    return left.keys() == right.keys() and all(left[name] is right[name] for name in left)
