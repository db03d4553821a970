"""`reconcile doctor`: check the instances, and show how to fix what fails."""

from __future__ import annotations

from reconciler.cli import console, logs
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import ProgressBars
from reconciler.cli.run_context import open_login_memory
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.errors import StopRequested


def doctor_command(settings: Settings) -> int:
    """Check the instances and show the findings. Return the exit code.

    Credentials that were refused before are sent once more: a person asks.
    """
    from reconciler.desired import TorrentFileCache
    from reconciler.engine.selection import UnknownInstance
    from reconciler.queries.doctor import examine_instances

    logs.configure(settings)
    with StopSignals() as stopping, ProgressBars(settings):
        no_torrents = TorrentFileCache(None)  # the checks concern no torrent
        desired = load_desired(settings, stop_signals=stopping, torrents=no_torrents)
        try:
            report = examine_instances(
                desired,
                settings.instances,
                stopping.event,
                open_login_memory(settings, is_requested=True),
            )
        except UnknownInstance as error:
            raise CommandFailure(str(error), 4) from error
        except StopRequested as error:
            raise CommandFailure("stopped before all checks were done", stopping.exit_code or 1) from error
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.doctor import write_doctor

        console.write_report(lambda stream: write_doctor(report, stream))
    else:
        from reconciler.report.text.doctor import render_doctor

        console.write_report_lines(render_doctor(report))
    return stopping.exit_code or report.exit_code
