"""`reconcile explain`: show everything about one torrent."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from reconciler.cli import console, logs
from reconciler.cli.commands.history import read_past_runs
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import ProgressBars
from reconciler.cli.run_context import make_run_context, open_journal, open_login_memory
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings, measure_terminal
from reconciler.cli.signals import StopSignals

if TYPE_CHECKING:
    from reconciler.model.history import PastRun


_MAX_RECENT_RUNS = 5  # runs


def explain_command(settings: Settings, torrent: str) -> int:
    """Show how one torrent is declared, its live state, and what a run would do. Return the exit code."""
    from reconciler.engine.selection import UnknownInstance
    from reconciler.queries.explain import explain_torrent
    from reconciler.queries.torrent_lookup import AmbiguousTorrent
    from reconciler.report.text.explanation import render_candidates, render_explanation

    logs.configure(settings)
    with StopSignals() as stopping, ProgressBars(settings):
        desired = load_desired(settings, stop_signals=stopping)
        context = make_run_context(desired, open_journal(settings), open_login_memory(settings), stopping)
        try:
            explanation = explain_torrent(
                desired, torrent, settings.instances, context, recent_runs=partial(_read_recent_runs, settings)
            )
        except UnknownInstance as error:
            raise CommandFailure(str(error), 4) from error
        except AmbiguousTorrent as error:
            candidates = render_candidates(error.candidates)
            raise CommandFailure(f"{error}{':' if candidates else ''}", 1, detail_lines=candidates) from error
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.explanation import write_explanation

        console.write_report(lambda stream: write_explanation(explanation, stream))
    else:
        console.write_report_lines(render_explanation(explanation, measure_terminal(sys.stdout)))
    return stopping.exit_code or explanation.exit_code


def _read_recent_runs(settings: Settings, torrent: str) -> list[PastRun]:
    from reconciler.journal import JournalError

    try:
        return read_past_runs(settings, torrent, _MAX_RECENT_RUNS)
    except JournalError as error:
        console.print_warning(settings, str(error))
        return []
