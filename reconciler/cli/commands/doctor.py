"""`reconcile doctor`: what is wrong with the instances, and how to mend it."""

from __future__ import annotations

import sys

from reconciler.cli import console, logs
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.errors import StopRequested


def doctor_command(settings: Settings) -> int:
    """Show what is wrong with the instances, and how to mend it."""
    from reconciler.desired import TorrentFileCache
    from reconciler.engine import UnknownInstance
    from reconciler.queries.doctor import examine_instances

    logs.configure(settings)
    with StopSignals() as stopping:
        desired = load_desired(
            settings, stop_signals=stopping, torrents=TorrentFileCache(None)
        )  # none is asked for here
        with ProgressBars(enabled=sys.stderr.isatty() and not settings.quiet):
            try:
                found = examine_instances(desired, settings.instances, stopping.event)
            except UnknownInstance as error:
                raise CommandFailure(str(error), 4) from error
            except StopRequested as error:
                raise CommandFailure("stopped before all was looked at", stopping.exit_code or 1) from error
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.doctor import write_doctor

        console.write_report(lambda stream: write_doctor(found, stream))
    else:
        from reconciler.report.text.doctor import render_doctor

        console.write_report_lines(render_doctor(found))
    return stopping.exit_code or found.exit_code
