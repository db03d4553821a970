"""`reconcile status`: one look, one after the other, or until all is complete."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.cli import console, logs
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import Bars
from reconciler.cli.settings import Failure, Output, Settings, StatusSettings
from reconciler.cli.signals import Stopping
from reconciler.model.desired import Desired
from reconciler.model.errors import Stopped
from reconciler.model.status import StatusReport, Waited, WaitOutcome

if TYPE_CHECKING:
    from reconciler.engine.placement_memory import Roster
    from reconciler.queries.status_viewer import Viewer
    from reconciler.watch import Source


_TOLD = 5  # torrents that an error names


def status_command(settings: Settings, options: StatusSettings) -> int:
    """Show the live state beside the declared one, in whichever way was asked for."""
    if options.watch:
        return _watch(settings, options)
    return _wait(settings, options) if options.wait else _look(settings, options)


def _look(settings: Settings, options: StatusSettings) -> int:
    from reconciler.engine import UnknownInstance
    from reconciler.queries.status import read_status

    logs.configure(settings)
    with Stopping() as stopping:
        desired = load_desired(settings, stopping=stopping)
        with Bars(enabled=sys.stderr.isatty() and not settings.quiet):
            try:
                status = read_status(desired, settings.instances, stopping.event, roster=_roster(settings, desired))
            except UnknownInstance as error:
                raise Failure(str(error), 4) from error
    _publish(status.of(options.selection), settings, options)
    return stopping.exit_code or status.exit_code


def _watch(settings: Settings, options: StatusSettings) -> int:
    """Until Ctrl-C, which is how it is meant to end: exit code 0. What changes in the files shows."""
    gc.enable()  # a short command goes without; this one is here to stay
    logs.configure(settings, always=True)
    from reconciler.cli.commands.status_display import frames, in_place
    from reconciler.cli.commands.watch import source_of
    from reconciler.queries.status_viewer import Viewer

    with Stopping(announced=not in_place(settings)) as stopping:
        stop = stopping.event
        try:
            source = source_of(settings, stop)
            roster = _roster(settings, source.desired)
            with (
                Viewer(source.desired, settings.instances, stop, roster=roster) as viewer,
                frames(settings, options) as shown,
            ):
                while not stop.is_set():
                    _keep_up(source, viewer)
                    status = replace(viewer.look().of(options.selection), problems=source.problems)
                    if stop.is_set() or not shown.show(status, datetime.now(UTC)):
                        break
                    stop.wait(options.interval)
        except Stopped:  # while torrents were fetched
            return 0
    return 0


def _roster(settings: Settings, desired: Desired) -> Roster:
    """What earlier runs knew of the members of groups."""
    from reconciler.cli.commands.history import journal_of, roster_of

    journal = journal_of(settings, lambda message: console.caution(settings, message)) if desired.groups else None
    return roster_of(desired, journal)


def _keep_up(source: Source, viewer: Viewer) -> None:
    if source.look() != source.read_as and source.read():
        viewer.use(source.desired)


def _wait(settings: Settings, options: StatusSettings) -> int:
    gc.enable()
    logs.configure(settings, always=True)
    from reconciler.cli.commands.status_display import Ticker
    from reconciler.engine import UnknownInstance
    from reconciler.queries.status_viewer import Viewer

    with Stopping() as stopping:
        desired = load_desired(settings, stopping=stopping)
        with Ticker(settings) as ticker:
            try:
                roster = _roster(settings, desired)
                with Viewer(desired, settings.instances, stopping.event, roster=roster) as viewer:
                    status = _awaited(viewer, options, stopping, ticker.show)
            except UnknownInstance as error:
                raise Failure(str(error), 4) from error
    waited = status.waited
    code = stopping.exit_code or int(waited is None or waited.outcome is not WaitOutcome.COMPLETE)
    _publish(replace(status, exit_code=code), settings, options)
    if waited and waited.reasons:
        console.say(settings, Failure(_told(waited, options), code))
    return code


def _awaited(
    viewer: Viewer, options: StatusSettings, stopping: Stopping, show: Callable[[StatusReport], None]
) -> StatusReport:
    """The last look, with how it ended."""
    from reconciler.queries.completion import Completion, late

    completion, began = Completion(options.selection), time.monotonic()
    status: StatusReport | None = None
    while True:
        latest = viewer.look()
        if stopping.event.is_set():  # which may be why it could not read
            return replace(status or latest, waited=Waited(WaitOutcome.STOPPED))
        ended = completion.judge(latest)
        status = replace(latest, torrents=completion.of(latest))
        left = float("inf") if options.timeout is None else began + options.timeout - time.monotonic()
        if ended is None and left <= 0:
            ended = late(status.torrents)
        if ended:
            return replace(status, waited=ended)
        show(status)
        stopping.event.wait(min(options.interval, left))


def _told(waited: Waited, options: StatusSettings) -> str:
    more = f"; and {len(waited.reasons) - _TOLD:,} more" if len(waited.reasons) > _TOLD else ""
    late = f"not complete after {options.timeout:g} s: " if waited.outcome is WaitOutcome.TIMEOUT else ""
    return late + "; ".join(waited.reasons[:_TOLD]) + more


def _publish(status: StatusReport, settings: Settings, options: StatusSettings) -> None:
    if settings.output is Output.JSON:
        from reconciler.report.json.status import write_status

        console.publish(lambda stream: write_status(status, stream, options.page))
    else:
        from reconciler.report.text.status import status_lines

        console.publish_lines(status_lines(status, options.page))


def loop_command(settings: Settings, url: str) -> int:
    """Show how a running loop is, as it says so itself."""
    from reconciler.web.client import AskError, BadAddress, ask

    logs.configure(settings)
    try:
        loop, answer = ask(url)
    except AskError as error:
        raise Failure(str(error), 4 if isinstance(error, BadAddress) else 1) from error
    if settings.output is Output.JSON:
        from reconciler.web.api import encoded

        console.publish_text([encoded(json.loads(answer)).decode("ascii").rstrip("\n")])
    else:
        from reconciler.web.client_text import loop_lines

        console.publish_lines(loop_lines(loop))
    return int(loop.exit_code != 0)


def live_command(settings: Settings, url: str) -> int:
    """Is a running loop alive? For the check of a container: an instance that is down is no reason to restart it."""
    from reconciler.web.client import AskError, BadAddress, ask_live

    logs.configure(settings)
    try:
        ask_live(url)
    except AskError as error:
        raise Failure(str(error), 4 if isinstance(error, BadAddress) else 1) from error
    console.publish_text(['{"format_version": 1, "live": true}' if settings.output is Output.JSON else "live"])
    return 0
