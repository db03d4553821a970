"""The journal on the command line: where it is, and what it tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.cli import console, logs
from reconciler.cli.settings import Failure, Output, Settings

if TYPE_CHECKING:
    from reconciler.engine.placement_memory import Roster
    from reconciler.journal import Journal
    from reconciler.model.desired import Desired
    from reconciler.model.history import PastRun


def journal_of(settings: Settings, warn: Callable[[str], None]) -> Journal | None:
    """The journal of a run; None, with a warning, where there is no place for it."""
    from reconciler.journal import Journal, default_state_dir

    folder = settings.state_dir or default_state_dir(os.environ)
    if folder is None:
        warn("there is no home directory for the journal: name a folder with --state-dir. Going on without")
        return None
    return Journal(folder, warn, lambda: datetime.now(UTC))


def roster_of(desired: Desired, journal: Journal | None) -> Roster:
    """What earlier runs knew of the members of groups."""
    from reconciler.engine.placement_memory import Roster

    return Roster(journal.known(desired)) if journal and desired.groups else Roster()


def runs_of(settings: Settings, torrent: str, limit: int) -> list[PastRun]:
    """Past runs, newest first; none where there is no place for a journal. Raises `JournalError`."""
    from reconciler.journal import Wanted, default_state_dir, past_runs

    folder = settings.state_dir or default_state_dir(os.environ)
    return past_runs(folder, Wanted(limit, settings.instances, torrent)) if folder else []


def history_command(settings: Settings, torrent: str, limit: int) -> int:
    """Show past runs."""
    from reconciler.journal import FILE_NAME, JournalError, default_state_dir

    logs.configure(settings)
    folder = settings.state_dir or default_state_dir(os.environ)
    if folder is None:
        raise Failure("there is no home directory to look for the journal in: name its folder with --state-dir", 4)
    try:
        runs = runs_of(settings, torrent, limit)
    except JournalError as error:
        raise Failure(str(error), 1) from error
    if settings.output is Output.JSON:
        from reconciler.report.history import write_history

        console.publish(lambda stream: write_history(runs, stream))
    else:
        from reconciler.report.history import history_lines

        console.publish_lines(history_lines(runs, str(folder / FILE_NAME)))
    return 0
