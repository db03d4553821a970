"""The plans of a loop: what has not changed at all is not planned again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.engine.run import Planner
from reconciler.journal import Journal
from reconciler.model.desired import Desired
from reconciler.model.groups import NOTHING, Known
from reconciler.model.health import Health
from reconciler.model.history import Remembered
from reconciler.model.plan import Plan
from reconciler.model.snapshot import Snapshot
from reconciler.plan import NO_HEALTH, make_plan
from reconciler.watch.holdback import Memory


class KeptPlans(Planner):
    """`make_plan`, with what is not to be tried now held back. What has not changed at all is not planned again."""

    def __init__(self, memory: Memory, journal: Journal | None) -> None:
        self._memory = memory
        self._journal = journal
        self._last: tuple[_Asked, Plan] | None = None

    def __call__(
        self,
        desired: Desired,
        snapshots: Mapping[str, Snapshot],
        *,
        accept: str | None = None,
        take_over: bool = False,
        now: datetime | None = None,
        known: Known = NOTHING,
        only: Collection[str] | None = None,
        health: Mapping[str, Health] = NO_HEALTH,
    ) -> Plan:
        remembered = self._journal.remembered(desired) if self._journal else {}
        asked = _Asked(desired, dict(snapshots), known, (remembered, health, only), now)
        if self._last and self._last[0].still_answers(asked, self._last[1]):
            return self._memory.hold_back(self._last[1])
        plan = make_plan(
            desired, snapshots, accept=accept, take_over=take_over,
            now=now, known=known, only=only, remembered=remembered, health=health,
        )  # fmt: skip
        self._last = asked, plan
        return self._memory.hold_back(plan)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a plan was made of."""

    desired: Desired
    snapshots: Mapping[str, Snapshot]
    known: Known
    beside: tuple[Mapping[str, Remembered], Mapping[str, Health], Collection[str] | None]
    now: datetime | None

    def still_answers(self, other: _Asked, plan: Plan) -> bool:
        """Would the other be answered by the same plan? Time counts by the day, and where the plan itself says so."""
        same = self.desired is other.desired and self.known is other.known and _same(self.snapshots, other.snapshots)
        if not same or self.beside != other.beside:
            return False
        if self.now is None or other.now is None:
            return self.now is other.now
        return self.now.date() == other.now.date() and not (plan.until and plan.until <= other.now)


def _same(one: Mapping[str, Snapshot], other: Mapping[str, Snapshot]) -> bool:
    """The very same snapshots: a target that knows of no change gives the one that it gave before."""
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)
