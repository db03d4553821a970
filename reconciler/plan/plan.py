"""The input of the planner, and the plan that it returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from types import MappingProxyType

from reconciler.model.desired import DesiredState
from reconciler.model.groups import NO_PLACEMENT_FACTS, DrainProgress, PendingTorrent, PlacementFacts
from reconciler.model.health import Health
from reconciler.model.history import OwnedCount, UnreadFile
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import InstancePlan
from reconciler.model.position import Problem
from reconciler.model.snapshot import Snapshot
from reconciler.plan.drains import list_drains
from reconciler.plan.placement import Placement
from reconciler.plan.resolve import ResolvedDesired

NO_HEALTH: Mapping[str, Health] = MappingProxyType({})
NO_OWNED_COUNTS: Mapping[str, OwnedCount] = MappingProxyType({})
NO_UNREAD_FILES: Mapping[str, Sequence[UnreadFile]] = MappingProxyType({})
NO_UNTAGGED_IDS: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PlanInput:
    """Everything that a plan depends on.

    `snapshots`: every instance that was read whole. `only`: the instances to plan for; None: all of them. The others
    were read because these depend on them.
    `health`: an instance that is not in it is healthy. `facts`: earlier observations of group members.
    `remembered`: the number of torrents that we owned on each instance after its last good read. An instance that has
    lost most of them deletes nothing, unless that very plan is accepted; the plan hash does not depend on it.
    `untagged_ids`: the torrents that we added to each instance and may not have tagged.
    `unread_files`: the files that declared torrents of an instance and were not read now; the guard refuses to delete
    these. The plan hash does not depend on it either.
    `accept`: the hash of a plan that a person has approved; only that plan passes a guard that refuses it.
    `hands_over_metadata`: torrents get their metadata from other instances that have it.
    `now` (UTC): the time that groups and quarantines count by; required where the desired state has either.
    """

    desired: DesiredState
    snapshots: Mapping[str, Snapshot]
    health: Mapping[str, Health] = field(default_factory=lambda: NO_HEALTH)
    facts: PlacementFacts = NO_PLACEMENT_FACTS
    remembered: Mapping[str, OwnedCount] = field(default_factory=lambda: NO_OWNED_COUNTS)
    untagged_ids: Mapping[str, frozenset[str]] = field(default_factory=lambda: NO_UNTAGGED_IDS)
    unread_files: Mapping[str, Sequence[UnreadFile]] = field(default_factory=lambda: NO_UNREAD_FILES)
    only: Collection[str] | None = None
    accept: str | None = None
    take_over: bool = False
    hands_over_metadata: bool = True
    now: datetime | None = None

    @property
    def approved_hashes(self) -> frozenset[str]:
        """The hashes of the plans that a person has approved, on the command line and in the desired state."""
        return frozenset(accepted for accepted in (self.accept, self.desired.accept_plan) if accepted)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plans of all instances that could be read, and the hash that a person can approve.

    `warnings`: what the snapshots show to be wrong with the desired state.

    `resolved` and `placement`: the entries as they were planned, for reports that show them. They are no part of what
    is approved, so two plans are equal without them. `stuck_at` (UTC): the next time at which a torrent without
    metadata is stuck.
    """

    hash: str
    instances: tuple[InstancePlan, ...]
    resolved: ResolvedDesired = field(compare=False, repr=False)
    placement: Placement = field(compare=False, repr=False)
    warnings: tuple[Problem, ...] = ()
    stuck_at: datetime | None = field(default=None, compare=False)

    @property
    def pending(self) -> tuple[PendingTorrent, ...]:
        """The torrents that no healthy member can take now."""
        return self.placement.pending

    @property
    def drains(self) -> tuple[DrainProgress, ...]:
        """The progress of all drained members of groups."""
        desired = self.resolved.desired
        return list_drains(desired.groups.values(), desired.torrents, self.placement, self.instances)

    @property
    def valid_until(self) -> datetime | None:
        """The time (UTC) from which the same input gives another plan; None: never."""
        times = (self.placement.until, self.stuck_at)
        return min((time for time in times if time), default=None)
