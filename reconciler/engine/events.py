"""What the loop tells those who watch it: the journal, the metrics, the pages and the notifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from reconciler.model.desired import DesiredState
from reconciler.model.position import Problem
from reconciler.model.run import Run, Status


@dataclass(frozen=True, slots=True)
class Backoff:
    """An instance that is left alone for a while after failures.

    How many in a row, why, and until when (UTC). `status`: how it answered last.
    """

    failures: int
    reason: str
    until: datetime
    status: Status = Status.UNREACHABLE


class RunTrigger(StrEnum):
    """The reasons for a run of the loop. Where several hold, the first of them is reported.

    `RETRY`: an instance that had failed answers again, or something pending can be placed now.
    """

    START = "start"
    FILES = "files"
    RELOAD = "reload"
    SIGNAL = "signal"
    RETRY = "retry"
    INTERVAL = "interval"


COMMAND_TRIGGER: Final = "command"  # the trigger of a single run


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that has ended. `started_at` is UTC; `trigger` is a `RunTrigger` or `COMMAND_TRIGGER`.

    `problems`: the desired state on disk is invalid, and the last good one is still in force. `backoffs`: the instances
    that could not be read, by name; those whose back-off lasted through the whole run are not in `run`.
    """

    run: Run
    trigger: str
    started_at: datetime
    seconds: float
    problems: tuple[Problem, ...] = ()
    backoffs: Mapping[str, Backoff] | None = None


class RunListener(Protocol):
    """Told of every run of the loop, in its thread. What it raises is logged and never ends the loop."""

    def on_run_start(self, desired: DesiredState) -> None:
        """A run begins, with this desired state in force."""

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """A run has ended."""


class Progress(Protocol):
    """Told how far each instance is, from several threads."""

    def start_instance(self, instance: str, total: int) -> None:
        """`total` actions are about to be executed."""

    def advance_instance(self, instance: str, count: int) -> None:
        """`count` more of them have been dealt with."""

    def finish_instance(self, instance: str) -> None:
        """Nothing more comes for this instance."""


class SilentProgress:
    """A progress that nobody watches."""

    def start_instance(self, instance: str, total: int) -> None:
        """Nothing to show."""

    def advance_instance(self, instance: str, count: int) -> None:
        """Nothing to show."""

    def finish_instance(self, instance: str) -> None:
        """Nothing to show."""
