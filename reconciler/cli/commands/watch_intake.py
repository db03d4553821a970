"""The intake of a watch: opened at the start, written by whoever hands something in, and read by the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.cli.loading import failure_from_problems
from reconciler.cli.settings import CommandFailure, RunSettings
from reconciler.engine.events import RunTrigger
from reconciler.intake import IntakeStore
from reconciler.model.codes import Code
from reconciler.model.intake import IntakeUnavailable

if TYPE_CHECKING:
    from reconciler.watch import DesiredSource, TriggerQueue


def open_intake(source: DesiredSource, trigger: TriggerQueue) -> IntakeStore:
    """Return the intake, which works as soon as the desired state declares one. Raises `CommandFailure`.

    A file that does not exist yet is created, and read.
    """
    store = IntakeStore(lambda: source.desired, source.list_fetched, lambda: trigger.request_run(RunTrigger.INTAKE))
    if (intake := source.desired.intake) is None:
        return store
    try:
        store.open()
    except IntakeUnavailable as error:
        raise CommandFailure(f"{intake.position}: {error}", 4) from error
    if intake.is_missing:
        source.read()
    return store


def check_gateway(source: DesiredSource, options: RunSettings) -> None:
    """Check that a declared gateway can work. Raises `CommandFailure`."""
    if (gateway := source.desired.gateway) is None:
        return
    if options.listen is None:
        raise CommandFailure(f"{gateway.position}: the gateway needs --listen HOST:PORT, where services reach it", 4)
    if missing := [problem for problem in source.desired.warnings if problem.code == Code.SECRET_MISSING]:
        raise failure_from_problems(missing)
