"""The command explain."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from reconciler.cli import console, logs
from reconciler.cli.commands.history import journal_of, roster_of, runs_of
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import Bars
from reconciler.cli.settings import Failure, Output, Settings
from reconciler.cli.signals import Stopping

if TYPE_CHECKING:
    from reconciler.model.history import PastRun
    from reconciler.model.infohash import InfoHashes


_PAST = 5  # runs


def explain_command(settings: Settings, torrent: str) -> int:
    """Tell what is declared of one torrent, what there is of it, and what a run would do."""
    from reconciler.engine import UnknownInstance
    from reconciler.plan import make_plan
    from reconciler.queries.explain import explain
    from reconciler.queries.torrent_lookup import NotOne
    from reconciler.report.text.explanation import candidate_lines, explanation_lines

    logs.configure(settings)
    with Stopping() as stopping:
        desired = load_desired(settings, stopping=stopping)
        journal = journal_of(settings, lambda message: console.caution(settings, message))
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
        from reconciler.report.json.explanation import write_explanation

        console.publish(lambda stream: write_explanation(found, stream))
    else:
        console.publish_lines(explanation_lines(found))
    return stopping.exit_code or found.exit_code


def _lately(settings: Settings, infohashes: InfoHashes) -> list[PastRun]:
    from reconciler.journal import JournalError

    try:
        return runs_of(settings, str(infohashes), _PAST)
    except JournalError as error:
        console.caution(settings, str(error))
        return []
