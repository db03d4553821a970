"""`reconcile history`, and past runs for other commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reconciler.cli import console, logs
from reconciler.cli.run_context import find_state_dir
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings, measure_terminal

if TYPE_CHECKING:
    from reconciler.model.history import PastRun


def read_past_runs(settings: Settings, torrent: str, limit: int) -> list[PastRun]:
    """Return past runs, newest first, or none if there is no folder for a journal. Raises `JournalError`."""
    from reconciler.journal import read_past_runs
    from reconciler.model.history import HistoryFilter

    folder = find_state_dir(settings)
    return read_past_runs(folder, HistoryFilter(limit, settings.instances, torrent)) if folder else []


def history_command(settings: Settings, torrent: str, limit: int) -> int:
    """Show past runs. Return the exit code."""
    from reconciler.journal import JOURNAL_FILE_NAME, JournalError

    logs.configure(settings)
    folder = find_state_dir(settings)
    if folder is None:
        raise CommandFailure(
            "there is no home directory that could contain the journal. Name its folder with --state-dir", 4
        )
    try:
        runs = read_past_runs(settings, torrent, limit)
    except JournalError as error:
        raise CommandFailure(str(error), 1) from error
    if settings.output is OutputFormat.JSON:
        from reconciler.report.history import write_history

        console.write_report(lambda stream: write_history(runs, stream))
    else:
        from reconciler.report.history import render_history

        console.write_report_lines(render_history(runs, str(folder / JOURNAL_FILE_NAME), measure_terminal(sys.stdout)))
    return 0
