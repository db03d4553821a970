"""What the loop looks like at one moment, as frozen data: everything that is shown is made from this."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from reconciler.engine.events import Finished, Waiting
from reconciler.model.plan import Outcome
from reconciler.model.run import ANSWERED, ActionResult, InstanceResult, Status

BOUNDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds
TRIGGERS: Final = frozenset({"start", "files", "interval", "reload", "signal"})


@dataclass(frozen=True, slots=True)
class Totals:
    """The counts at one moment. `lengths`: runs by the first of `BOUNDS` that they keep to, the longer ones last."""

    runs: Mapping[tuple[str, int], int]  # by trigger and exit code
    actions: Mapping[tuple[str, str, str], int]  # by instance, verb and outcome
    lengths: tuple[int, ...]
    seconds: float


class Counting:
    """Adds up runs. An action that is only planned is none: the drift of the last run shows it."""

    def __init__(self) -> None:
        self._runs: Counter[tuple[str, int]] = Counter()
        self._actions: Counter[tuple[str, str, str]] = Counter()
        self._lengths = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, finished: Finished) -> None:
        """Count one run."""
        trigger = finished.trigger if finished.trigger in TRIGGERS else "other"
        self._runs[trigger, finished.run.exit_code] += 1
        self._lengths[bisect_left(BOUNDS, finished.seconds)] += 1
        self._seconds += finished.seconds
        for instance in finished.run.instances:
            done = (result for result in instance.results if result.outcome is not Outcome.PLANNED)
            self._actions.update((instance.name, str(one.action.verb), str(one.outcome)) for one in done)

    def totals(self) -> Totals:
        """The counts as they are now."""
        return Totals(dict(self._runs), dict(self._actions), tuple(self._lengths), self._seconds)


_OPEN: Final = (Outcome.PLANNED, Outcome.DEFERRED)


class State(StrEnum):
    """The whole loop in a word; the first that holds."""

    STUCK = "stuck"
    STARTING = "starting"
    INVALID = "invalid"
    REFUSED = "refused"
    DEGRADED = "degraded"
    ATTENTION = "attention"
    PENDING = "pending"
    IN_SYNC = "in_sync"


WELL: Final = (State.IN_SYNC, State.PENDING)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one instance.

    `result` is of the last run (`current`), or of the last one that tried to read it, without its actions; None where
    none has. `waiting` is set while it is left alone after failures.
    """

    name: str
    url: str | None = None
    result: InstanceResult | None = None
    current: bool = False
    waiting: Waiting | None = None
    read_at: datetime | None = None

    @property
    def read(self) -> bool:
        """Was it read in the last run?"""
        return self.current and self.result is not None and self.result.version is not None

    @property
    def up(self) -> bool:
        """Was it read in the last run, and has it answered to the end of it?"""
        return self.read and self.result is not None and self.result.status in ANSWERED

    @property
    def well(self) -> bool:
        """Is it up, and healthy?"""
        return self.up and self.result is not None and self.result.status is not Status.UNHEALTHY


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last run that changed something: its sentence, and some of what was applied, by instance."""

    at: datetime
    trigger: str
    sentence: str
    applied: tuple[tuple[str, tuple[ActionResult, ...]], ...]
    count: int


@dataclass(frozen=True, slots=True)
class View:
    """The loop at the moment `now`. `stuck` and `unready` say why, and are empty where all is well."""

    now: datetime
    started: datetime
    interval: float
    runs: int
    totals: Totals
    instances: tuple[Seen, ...] = ()
    stuck: str = ""
    unready: str = ""
    last: Finished | None = None
    last_attempt: datetime | None = None
    last_success: datetime | None = None
    last_change: LastChange | None = None

    @property
    def next_at(self) -> datetime | None:
        """When the interval alone leads to the next run; anything else may do so earlier."""
        last = self.last
        return last.began + timedelta(seconds=last.seconds + self.interval) if last else None

    @property
    def state(self) -> State:
        """The whole loop in a word."""
        if self.stuck:
            return State.STUCK
        if self.last is None:
            return State.STARTING
        run = self.last.run
        outcomes = {result.outcome for instance in run.instances for result in instance.results}
        holds = {
            State.INVALID: bool(self.last.problems),
            State.REFUSED: any(instance.verdict.refused for instance in run.instances),
            State.DEGRADED: not all(seen.well for seen in self.instances),
            State.ATTENTION: run.exit_code not in (0, 2),
            State.PENDING: bool(outcomes.intersection(_OPEN)),
        }
        return next((state for state, held in holds.items() if held), State.IN_SYNC)

    @property
    def exit_code(self) -> int:
        """What `reconcile status --url` ends with: 0 where nobody has to look."""
        return int(self.state not in WELL)
