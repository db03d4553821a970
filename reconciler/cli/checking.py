"""The commands that only look: validate, status and doctor."""

from __future__ import annotations

import json
import sys

from reconciler.cli import logs, out
from reconciler.cli.loading import files_of, load_desired
from reconciler.cli.progress import Bars
from reconciler.cli.remembering import journal_of, roster_of
from reconciler.cli.settings import Failure, Output, Settings
from reconciler.cli.signals import Stopping
from reconciler.model.desired import Desired
from reconciler.model.errors import Stopped
from reconciler.report.lines import Style, line
from reconciler.report.problems import count


def validate_command(settings: Settings) -> int:
    """Check the files, offline."""
    logs.configure(settings)
    _say_valid(settings, load_desired(settings, resolve_secrets=False))
    return 0


def status_command(settings: Settings) -> int:
    """Show the live state beside the declared one."""
    from reconciler.control import UnknownInstance, read_status

    logs.configure(settings)
    with Stopping() as stopping:
        desired = load_desired(settings, stopping=stopping)
        journal = journal_of(settings, lambda message: out.caution(settings, message)) if desired.groups else None
        roster = roster_of(desired, journal)
        with Bars(enabled=sys.stderr.isatty() and not settings.quiet):
            try:
                status = read_status(desired, settings.instances, stopping.event, roster=roster)
            except UnknownInstance as error:
                raise Failure(str(error), 4) from error
    if settings.output is Output.JSON:
        from reconciler.report.as_json import write_status

        out.publish(lambda stream: write_status(status, stream))
    else:
        from reconciler.report.status_text import status_lines

        out.publish_lines(status_lines(status))
    return stopping.exit_code or status.exit_code


def doctor_command(settings: Settings) -> int:
    """Show what is wrong with the instances, and how to mend it."""
    from reconciler.control import UnknownInstance
    from reconciler.control.examining import examine
    from reconciler.desired import TorrentFiles

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
        from reconciler.report.as_json import write_doctor

        out.publish(lambda stream: write_doctor(found, stream))
    else:
        from reconciler.report.doctor_text import doctor_lines

        out.publish_lines(doctor_lines(found))
    return stopping.exit_code or found.exit_code


def loop_command(settings: Settings, url: str) -> int:
    """Show how a running loop is, as it says so itself."""
    from reconciler.web.client import AskError, BadAddress, ask

    logs.configure(settings)
    try:
        loop, answer = ask(url)
    except AskError as error:
        raise Failure(str(error), 4 if isinstance(error, BadAddress) else 1) from error
    if settings.output is Output.JSON:
        from reconciler.web.as_json import encoded

        out.publish_text([encoded(json.loads(answer)).decode("ascii").rstrip("\n")])
    else:
        from reconciler.web.as_text import loop_lines

        out.publish_lines(loop_lines(loop))
    return int(loop.exit_code != 0)


def live_command(settings: Settings, url: str) -> int:
    """Is a running loop alive? For the check of a container: an instance that is down is no reason to restart it."""
    from reconciler.web.client import AskError, BadAddress, ask_live

    logs.configure(settings)
    try:
        ask_live(url)
    except AskError as error:
        raise Failure(str(error), 4 if isinstance(error, BadAddress) else 1) from error
    out.publish_text(['{"format_version": 1, "live": true}' if settings.output is Output.JSON else "live"])
    return 0


def _say_valid(settings: Settings, desired: Desired) -> None:
    torrents, instances, warnings = len(desired.torrents), len(desired.instances), desired.warnings
    files = ", ".join(str(file) for file in files_of(settings))
    counts = f"{count(torrents, 'torrent')} on {count(instances, 'instance')}"
    if desired.unfetched:
        counts += f", and {count(desired.unfetched, 'torrent')} by URL, which a validation does not fetch"
    verdict = f"{files}: valid: {counts}"
    if settings.output is Output.JSON:
        from reconciler.report.as_json import write_valid

        out.publish(lambda stream: write_valid(torrents, instances, desired.unfetched, warnings, stream))
    elif settings.output is Output.MARKDOWN:
        from reconciler.report.markdown import valid_markdown

        out.publish_text([valid_markdown(verdict, warnings).rstrip("\n")])
    elif settings.output is Output.GITHUB:
        from reconciler.report.github import warning_commands

        out.publish_text([*warning_commands(warnings, out.in_repository), verdict])
    else:
        out.publish_lines([line(f"{files}: ", ("valid", Style.GOOD), f": {counts}")])
