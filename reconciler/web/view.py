"""What the loop looks like at one moment, as frozen data: everything that is shown is made from this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from reconciler.control.observing import Finished, Waiting
from reconciler.model.plan import Outcome
from reconciler.model.run import ANSWERED, ActionResult, InstanceResult, Status
from reconciler.web.totals import Totals

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
