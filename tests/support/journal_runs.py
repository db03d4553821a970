"""Runs for the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.engine.events import FinishedRun
from reconciler.journal import Journal
from reconciler.model.desired import DesiredState, Instance, Policy
from reconciler.model.plan import Change, Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from tests.support.example_runs import PLAN_HASH, make_torrent_action

EPOCH = datetime(2026, 11, 1, 12, tzinfo=UTC)
DESIRED = DesiredState(
    Policy.SYNC,
    {name: Instance(name, Position("desired.yaml", 3, 3), f"http://{name}") for name in ("home", "box")},
    owner="me",
)


class JournalRecorder:
    """A journal in a folder under a simulated clock, with its warnings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []
        self.now = EPOCH
        self.journal = self.open_journal()

    def open_journal(self) -> Journal:
        """Open the journal as another process would."""
        return Journal(self.folder, self.warnings.append, lambda: self.now)

    def record(self, *instances: InstanceResult, mode: RunMode = RunMode.APPLY, exit_code: int = 0) -> None:
        """Record a run, a minute after the last."""
        self.now += timedelta(minutes=1)
        run = Run(mode, PLAN_HASH, exit_code, instances)
        self.journal.record_run(DESIRED, FinishedRun(run, "interval", self.now, 1.5))

    @property
    def owned(self) -> dict[str, int]:
        """Return the remembered counts of owned torrents, by instance."""
        return {name: remembered.count for name, remembered in self.journal.read_owned_counts(DESIRED).items()}


def make_action_result(
    verb: Verb, number: int, outcome: Outcome = Outcome.APPLIED, error: str | None = None
) -> ActionResult:
    """An action with its outcome."""
    changes = {
        Verb.ADD: (Change("owner", None, "me"), Change("category", None, "films")),
        Verb.DELETE: (Change("owner", "me", None),),
    }.get(verb, (Change("paused", False, True),))
    return ActionResult(make_torrent_action(verb, f"t{number}", "a reason", *changes, number=number), outcome, error)


def make_read_instance(*results: ActionResult, name: str = "home", owned: int = 0) -> InstanceResult:
    """An instance that was read."""
    return InstanceResult(name, Status.OK, version="v5.1.0", owned=owned, results=results)


def make_unread_instance(error: str = "home: no connection", name: str = "home") -> InstanceResult:
    """An instance that could not be read."""
    return InstanceResult(name, Status.UNREACHABLE, error)
