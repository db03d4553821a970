"""`reconcile doctor`: what is wrong with the instances, and how to mend it."""

from __future__ import annotations

import sys

from reconciler.cli import console, logs
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import Bars
from reconciler.cli.settings import Failure, Output, Settings
from reconciler.cli.signals import Stopping
from reconciler.model.errors import Stopped


def doctor_command(settings: Settings) -> int:
    """Show what is wrong with the instances, and how to mend it."""
    from reconciler.desired import TorrentFiles
    from reconciler.engine import UnknownInstance
    from reconciler.queries.doctor import examine

    logs.configure(settings)
    with Stopping() as stopping:
        desired = load_desired(settings, stopping=stopping, torrents=TorrentFiles(None))  # none is asked for here
        with Bars(enabled=sys.stderr.isatty() and not settings.quiet):
            try:
                found = examine(desired, settings.instances, stopping.event)
            except UnknownInstance as error:
                raise Failure(str(error), 4) from error
            except Stopped as error:
                raise Failure("stopped before all was looked at", stopping.exit_code or 1) from error
    if settings.output is Output.JSON:
        from reconciler.report.json.doctor import write_doctor

        console.publish(lambda stream: write_doctor(found, stream))
    else:
        from reconciler.report.text.doctor import doctor_lines

        console.publish_lines(doctor_lines(found))
    return stopping.exit_code or found.exit_code
