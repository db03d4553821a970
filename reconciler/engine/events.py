"""The events of runs, for listeners: the journal, the metrics, the status board and the notifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.model.desired import DesiredState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Problem
from reconciler.model.run import Run, Status
from reconciler.plan import Plan

if TYPE_CHECKING:
    from reconciler.model.live_state import LiveState


@dataclass(frozen=True, slots=True)
class Backoff:
    """The back-off of an instance or action: failures in a row, their reason, and the time of the next attempt (UTC).

    `status`: the status of the last answer of the instance.
    """

    failures: int
    reason: str
    until: datetime
    status: Status = Status.UNREACHABLE


class RunTrigger(StrEnum):
    """The reasons for a run of the loop. Where several hold, the first of them is reported.

    `INTAKE`: a service has handed in or changed something. `RETRY`: an instance that had failed answers again,
    something pending can be placed now, a suspension has ended, or another run was changing an instance.
    """

    START = "start"
    FILES = "files"
    RELOAD = "reload"
    SIGNAL = "signal"
    INTAKE = "intake"
    RETRY = "retry"
    INTERVAL = "interval"


COMMAND_TRIGGER: Final = "command"  # the trigger of a single run


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that has ended. `started_at` is UTC; `trigger` is a `RunTrigger` or `COMMAND_TRIGGER`.

    `problems`: the desired state on disk is invalid, and the last good one is still in force. `backoffs`: the instances
    that could not be read, by name; those whose back-off lasted through the whole run are not in `run`. `live_state`:
    what the run of a loop has read, before it changed anything, and `plan` what it has planned. `torrent_backoffs`:
    the torrents of which an action failed and is tried again, by the instance and the infohash.
    """

    run: Run
    trigger: str
    started_at: datetime
    seconds: float
    problems: tuple[Problem, ...] = ()
    backoffs: Mapping[str, Backoff] | None = None
    live_state: LiveState | None = None
    torrent_backoffs: Mapping[tuple[str, str], Backoff] = field(default_factory=dict)
    plan: Plan | None = field(default=None, repr=False)

    @property
    def ended_at(self) -> datetime:
        """The time of its end (UTC)."""
        return self.started_at + timedelta(seconds=self.seconds)


class RunListener(Protocol):
    """Receives every run of the loop, in its thread. Its exceptions are logged, and never end the loop."""

    def on_run_start(self, desired: DesiredState) -> None:
        """Handle the start of a run on this desired state."""

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Handle the end of a run."""


class Progress(Protocol):
    """Receives the progress of each instance, from several threads."""

    def start_instance(self, instance: str, total: int) -> None:
        """Handle the start of an instance with `total` actions to execute."""

    def advance_instance(self, instance: str, count: int) -> None:
        """Handle `count` more executed actions."""

    def finish_instance(self, instance: str) -> None:
        """Handle the end of an instance."""


class SilentProgress:
    """A progress that shows nothing."""

    def start_instance(self, instance: str, total: int) -> None:
        """Show nothing."""

    def advance_instance(self, instance: str, count: int) -> None:
        """Show nothing."""

    def finish_instance(self, instance: str) -> None:
        """Show nothing."""
