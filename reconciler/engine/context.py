"""Everything of a run that outlives it or differs in tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.engine.add_memory import AddMemory
from reconciler.engine.events import Progress, SilentProgress
from reconciler.engine.leases import LeaseMemory
from reconciler.engine.observation import Observations, OpenTarget, SessionFactory
from reconciler.engine.patience import Patience
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.health.state import HealthHistory
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.history import OwnedCount, UnreadFile
from reconciler.model.lazy_dataclass import dataclass
from reconciler.plan import Plan, PlanInput, guard_plan, plan_actions
from reconciler.plan.plan import NO_OWNED_COUNTS, NO_UNREAD_FILES
from reconciler.qbittorrent import LoginMemory, Session
from reconciler.retry import RetryPolicy

if TYPE_CHECKING:
    from reconciler.model.live_state import LiveState
    from reconciler.qbittorrent.delta_risks import DeltaRisks
    from reconciler.qbittorrent.incremental_session import IncrementalSession


def connect_incremental(
    instance: Instance,
    stop: threading.Event,
    logins: LoginMemory | None = None,
    delta_risks: DeltaRisks | None = None,
) -> IncrementalSession:
    """Return a session that reads only what has changed since its last read, for a loop."""
    import structlog  # a tenth of a second that a single run can do without

    from reconciler.qbittorrent.incremental_session import IncrementalSession

    warn = structlog.get_logger().warning
    return IncrementalSession(instance, stop=stop, logins=logins, delta_risks=delta_risks, warn=warn)


UnreadFileFinder = Callable[[DesiredState], Mapping[str, Sequence[UnreadFile]]]
PlanKeeper = Callable[[Plan], None]


class Planner:
    """Plans every run from scratch, and holds nothing back. A loop has its own."""

    def plan_actions(self, plan_input: PlanInput) -> Plan:
        """Return the plan before the guard has judged it."""
        return plan_actions(plan_input)

    def guard_plan(self, plan: Plan, plan_input: PlanInput) -> Plan:
        """Return the plan with the verdict of the guard."""
        return guard_plan(plan, plan_input)

    def hold_back(self, plan: Plan) -> Plan:
        """Return the judged plan with the actions on hold that are not to be tried now. It never adds one."""
        return plan


@dataclass(frozen=True, slots=True)
class RunContext:
    """The surroundings of a run: its clock and connections, and the memory of earlier runs, which it updates.

    `stop` may be set at any time: the request in flight is finished, sessions are logged out, and what was not done
    is reported as dropped.
    `connect` None: by sessions on the real Web API, which share the memory of refused `logins`.
    `patience`: when a run goes on without an instance that others wait for; None: never.
    `live_state`: what a dry-run rests on instead of a read of the instances. `keep_observations` gets every read,
    `keep_plan` the plan of every run, as it is executed.
    `remembered`: the number of torrents owned on each instance at its last good read; see `PlanInput`.
    `find_unread_files` is called for a plan that deletes something; see `PlanInput`.
    `is_suspended` returns True for an instance that a person suspends, also during the run: no change of it is sent
    from then on.
    """

    stop: threading.Event
    retry: RetryPolicy
    connect: SessionFactory | None = None
    planner: Planner = field(default_factory=Planner)
    placement_memory: PlacementMemory = field(default_factory=PlacementMemory)
    health_history: HealthHistory = field(default_factory=HealthHistory)
    lease_memory: LeaseMemory = field(default_factory=LeaseMemory)
    remembered: Mapping[str, OwnedCount] = field(default_factory=lambda: NO_OWNED_COUNTS)
    find_unread_files: UnreadFileFinder = lambda _desired: NO_UNREAD_FILES
    progress: Progress = field(default_factory=SilentProgress)
    patience: Patience | None = None
    add_memory: AddMemory = field(default_factory=AddMemory)
    live_state: LiveState | None = None
    keep_observations: Callable[[Observations], None] = lambda _observations: None
    keep_plan: PlanKeeper = lambda _plan: None
    logins: LoginMemory = field(default_factory=LoginMemory)
    is_suspended: Callable[[str], bool] = lambda _instance: False

    def make_session(self, instance: Instance) -> OpenTarget:
        """Return a session on an instance, not yet open."""
        if self.connect:
            return self.connect(instance, self.stop)
        return Session(instance, stop=self.stop, logins=self.logins)

    def utc(self) -> datetime:
        """Return the time of the wall clock."""
        return self.retry.clock.utc()
