"""The state of the loop at one moment, as frozen data, from which every response is rendered."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from reconciler.engine.events import Backoff, FinishedRun, RunTrigger
from reconciler.model.desired import DesiredState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult, InstanceResult, RunMode, Status

DURATION_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds
_OPEN_OUTCOMES: Final = (Outcome.PLANNED, Outcome.DEFERRED)
COUNTED_TRIGGERS: Final = frozenset(map(str, RunTrigger))


class LoopState(StrEnum):
    """The state of the whole loop: the first of these that applies."""

    STUCK = "stuck"
    STARTING = "starting"
    INVALID = "invalid"
    REFUSED = "refused"
    DEGRADED = "degraded"
    ATTENTION = "attention"
    PENDING = "pending"
    IN_SYNC = "in_sync"


OK_STATES: Final = (LoopState.IN_SYNC, LoopState.PENDING)


@dataclass(frozen=True, slots=True)
class InstanceView:
    """An instance as the loop last saw it.

    `result` is that of the last run (`is_current`), or of the last run that tried to read the instance, without its
    actions; None before that. `backoff` is set while the instance is left alone after failures. `since`: when it came
    into the state that it is in.
    """

    name: str
    url: str | None = None
    result: InstanceResult | None = None
    is_current: bool = False
    backoff: Backoff | None = None
    read_at: datetime | None = None
    since: datetime | None = None

    @property
    def is_read(self) -> bool:
        """True if it was read in the last run."""
        return self.is_current and self.result is not None and self.result.version is not None

    @property
    def is_up(self) -> bool:
        """True if it was read in the last run and answered until its end."""
        return self.is_read and self.result is not None and self.result.status.is_answered

    @property
    def is_healthy(self) -> bool:
        """True if it is up, and no probe fails."""
        return self.is_up and self.result is not None and self.result.status is not Status.UNHEALTHY


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last run that changed something: its summary, and some of its applied actions by instance."""

    changed_at: datetime
    trigger: str
    sentence: str
    applied: tuple[tuple[str, tuple[ActionResult, ...]], ...]
    action_count: int


@dataclass(frozen=True, slots=True)
class RecentRuns:
    """One run, or several in a row that said the same: `count` of them, the first and the last by their end.

    `is_success`: it ended with exit code 0 or 2, with valid files and every instance.
    """

    sentence: str
    exit_code: int
    is_success: bool
    mode: RunMode
    triggers: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    last_seconds: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class LoopView:
    """The loop at the time `now`. `stuck_reason` and `unready_reason` are empty if the loop is live and ready.

    `last_desired`: the desired state that the last run was about, and `desired_since`: when a run with valid files
    first followed it. `invalid_since`: when a run first found the files invalid; None if they are valid. `state_since`:
    the end of the run that brought the loop into its state. `recent_runs`: the latest first. `loop_id` distinguishes
    this process from others; `shard` is its share of the instances, such as `0/4`, "" for all.
    """

    now: datetime
    started: datetime
    interval: float
    run_count: int
    totals: RunTotals
    instances: tuple[InstanceView, ...] = ()
    stuck_reason: str = ""
    unready_reason: str = ""
    last_run: FinishedRun | None = None
    last_desired: DesiredState | None = None
    last_attempt: datetime | None = None
    last_success: datetime | None = None
    last_change: LastChange | None = None
    loop_id: str = ""
    shard: str = ""
    desired_since: datetime | None = None
    invalid_since: datetime | None = None
    state_since: datetime | None = None
    recent_runs: tuple[RecentRuns, ...] = ()

    @property
    def next_run_at(self) -> datetime | None:
        """The next run by the interval; another trigger may start one earlier."""
        last = self.last_run
        return last.ended_at + timedelta(seconds=self.interval) if last else None

    @property
    def state(self) -> LoopState:
        """The state of the whole loop."""
        if self.stuck_reason:
            return LoopState.STUCK
        if self.last_run is None:
            return LoopState.STARTING
        run = self.last_run.run
        outcomes = {result.outcome for instance in run.instances for result in instance.results}
        conditions = {
            LoopState.INVALID: bool(self.last_run.problems),
            LoopState.REFUSED: any(instance.verdict.refused for instance in run.instances),
            LoopState.DEGRADED: not all(instance.is_healthy for instance in self.instances),
            LoopState.ATTENTION: run.exit_code not in (0, 2),
            LoopState.PENDING: bool(outcomes.intersection(_OPEN_OUTCOMES)) or any(i.faults for i in run.instances),
        }
        return next((state for state, applies in conditions.items() if applies), LoopState.IN_SYNC)

    @property
    def exit_code(self) -> int:
        """The exit code of `reconcile status --url`: 0 unless a person has to act."""
        return int(self.state not in OK_STATES)


@dataclass(frozen=True, slots=True)
class RunTotals:
    """The counts at one moment. `duration_counts`: runs by their bucket of `DURATION_BUCKETS`, longer runs last."""

    runs: Mapping[tuple[str, int], int]  # by trigger and exit code
    actions: Mapping[tuple[str, str, str], int]  # by instance, verb and outcome
    duration_counts: tuple[int, ...]
    total_seconds: float


class RunCounters:
    """Counts runs and their actions, except planned actions, which the drift of the last run includes."""

    def __init__(self) -> None:
        self._runs: Counter[tuple[str, int]] = Counter()
        self._actions: Counter[tuple[str, str, str]] = Counter()
        self._duration_counts = [0] * (len(DURATION_BUCKETS) + 1)
        self._total_seconds = 0.0

    def count_run(self, finished_run: FinishedRun) -> None:
        """Count one run."""
        trigger = finished_run.trigger if finished_run.trigger in COUNTED_TRIGGERS else "other"
        self._runs[trigger, finished_run.run.exit_code] += 1
        self._duration_counts[bisect_left(DURATION_BUCKETS, finished_run.seconds)] += 1
        self._total_seconds += finished_run.seconds
        for instance in finished_run.run.instances:
            self._actions.update(
                (instance.name, str(result.action.verb), str(result.outcome))
                for result in instance.results
                if result.outcome is not Outcome.PLANNED
            )

    def get_totals(self) -> RunTotals:
        """Return the present counts."""
        return RunTotals(dict(self._runs), dict(self._actions), tuple(self._duration_counts), self._total_seconds)
