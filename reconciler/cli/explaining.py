"""The command explain."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from reconciler.cli import logs, out
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import Bars
from reconciler.cli.remembering import journal_of, roster_of, runs_of
from reconciler.cli.settings import Failure, Output, Settings
from reconciler.cli.signals import Stopping

if TYPE_CHECKING:
    from reconciler.model.infohash import InfoHashes
    from reconciler.model.journal import PastRun

_PAST = 5  # runs


def explain_command(settings: Settings, torrent: str) -> int:
    """Tell what is declared of one torrent, what there is of it, and what a run would do."""
    from reconciler.control import UnknownInstance
    from reconciler.control.explaining import explain
    from reconciler.control.tracing import NotOne
    from reconciler.plan import make_plan
    from reconciler.report.explanation_text import candidate_lines, explanation_lines

    logs.configure(settings)
    with Stopping() as stopping:
        desired = load_desired(settings, stopping=stopping)
        journal = journal_of(settings, lambda message: out.caution(settings, message))
        planner = partial(make_plan, remembered=journal.remembered(desired)) if journal else make_plan
        with Bars(enabled=sys.stderr.isatty() and not settings.quiet):
            try:
                found = explain(
                    desired,
                    torrent,
                    settings.instances,
                    stopping.event,
                    planner=planner,
                    roster=roster_of(desired, journal),
                    lately=partial(_lately, settings),
                )
            except UnknownInstance as error:
                raise Failure(str(error), 4) from error
            except NotOne as error:
                more = candidate_lines(error.candidates)
                raise Failure(f"{error}{':' if more else ''}", 1, more=more) from error
    if settings.output is Output.JSON:
        from reconciler.report.as_json import write_explanation

        out.publish(lambda stream: write_explanation(found, stream))
    else:
        out.publish_lines(explanation_lines(found))
    return stopping.exit_code or found.exit_code


def _lately(settings: Settings, infohashes: InfoHashes) -> list[PastRun]:
    from reconciler.control.journal import JournalError

    try:
        return runs_of(settings, str(infohashes), _PAST)
    except JournalError as error:
        out.caution(settings, str(error))
        return []
