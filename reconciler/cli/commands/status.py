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
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings, StatusSettings
from reconciler.cli.signals import StopSignals
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.status import StatusReport, WaitOutcome, WaitResult

if TYPE_CHECKING:
    from reconciler.engine.placement_memory import PlacementMemory
    from reconciler.queries.status_viewer import StatusWatcher
    from reconciler.watch import DesiredSource


_MAX_REASONS = 5  # torrents that an error names


def status_command(settings: Settings, options: StatusSettings) -> int:
    """Show the live state beside the declared one, in whichever way was asked for."""
    if options.watch:
        return _show_repeatedly(settings, options)
    return _show_when_complete(settings, options) if options.wait else _show_once(settings, options)


def _show_once(settings: Settings, options: StatusSettings) -> int:
    from reconciler.engine import UnknownInstance
    from reconciler.queries.status import read_status

    logs.configure(settings)
    with StopSignals() as stopping:
        desired = load_desired(settings, stop_signals=stopping)
        with ProgressBars(enabled=sys.stderr.isatty() and not settings.quiet):
            try:
                status = read_status(
                    desired,
                    settings.instances,
                    stopping.event,
                    placement_memory=_load_placement_memory(settings, desired),
                )
            except UnknownInstance as error:
                raise CommandFailure(str(error), 4) from error
    _write_status_report(status.filter_torrents(options.selection), settings, options)
    return stopping.exit_code or status.exit_code


def _show_repeatedly(settings: Settings, options: StatusSettings) -> int:
    """Until Ctrl-C, which is how it is meant to end: exit code 0. What changes in the files shows."""
    gc.enable()  # a short command goes without; this one is here to stay
    logs.configure(settings, always=True)
    from reconciler.cli.commands.status_display import can_redraw, make_status_display
    from reconciler.cli.commands.watch import open_desired_source
    from reconciler.queries.status_viewer import StatusWatcher

    with StopSignals(announce=not can_redraw(settings)) as stopping:
        stop = stopping.event
        try:
            source = open_desired_source(settings, stop)
            roster = _load_placement_memory(settings, source.desired)
            with (
                StatusWatcher(source.desired, settings.instances, stop, placement_memory=roster) as viewer,
                make_status_display(settings, options) as shown,
            ):
                while not stop.is_set():
                    _reload_if_changed(source, viewer)
                    status = replace(viewer.read_status().filter_torrents(options.selection), problems=source.problems)
                    if stop.is_set() or not shown.show(status, datetime.now(UTC)):
                        break
                    stop.wait(options.interval)
        except StopRequested:  # while torrents were fetched
            return 0
    return 0


def _load_placement_memory(settings: Settings, desired: DesiredState) -> PlacementMemory:
    """What earlier runs knew of the members of groups."""
    from reconciler.cli.commands.history import load_placement_memory, open_journal

    journal = (
        open_journal(settings, lambda message: console.print_warning(settings, message)) if desired.groups else None
    )
    return load_placement_memory(desired, journal)


def _reload_if_changed(source: DesiredSource, viewer: StatusWatcher) -> None:
    if source.fingerprint_files() != source.read_fingerprints and source.read():
        viewer.set_desired(source.desired)


def _show_when_complete(settings: Settings, options: StatusSettings) -> int:
    gc.enable()
    logs.configure(settings, always=True)
    from reconciler.cli.commands.status_display import WaitProgress
    from reconciler.engine import UnknownInstance
    from reconciler.queries.status_viewer import StatusWatcher

    with StopSignals() as stopping:
        desired = load_desired(settings, stop_signals=stopping)
        with WaitProgress(settings) as ticker:
            try:
                roster = _load_placement_memory(settings, desired)
                with StatusWatcher(desired, settings.instances, stopping.event, placement_memory=roster) as viewer:
                    status = _wait_for_completion(viewer, options, stopping, ticker.show)
            except UnknownInstance as error:
                raise CommandFailure(str(error), 4) from error
    waited = status.wait_result
    code = stopping.exit_code or int(waited is None or waited.outcome is not WaitOutcome.COMPLETE)
    _write_status_report(replace(status, exit_code=code), settings, options)
    if waited and waited.reasons:
        console.print_failure(settings, CommandFailure(_not_complete_reason(waited, options), code))
    return code


def _wait_for_completion(
    viewer: StatusWatcher, options: StatusSettings, stopping: StopSignals, show: Callable[[StatusReport], None]
) -> StatusReport:
    """The last look, with how it ended."""
    from reconciler.queries.completion import CompletionTracker, build_timeout_result

    completion, began = CompletionTracker(options.selection), time.monotonic()
    status: StatusReport | None = None
    while True:
        latest = viewer.read_status()
        if stopping.event.is_set():  # which may be why it could not read
            return replace(status or latest, wait_result=WaitResult(WaitOutcome.STOPPED))
        ended = completion.evaluate_report(latest)
        status = replace(latest, torrents=completion.select_torrents(latest))
        left = float("inf") if options.timeout is None else began + options.timeout - time.monotonic()
        if ended is None and left <= 0:
            ended = build_timeout_result(status.torrents)
        if ended:
            return replace(status, wait_result=ended)
        show(status)
        stopping.event.wait(min(options.interval, left))


def _not_complete_reason(waited: WaitResult, options: StatusSettings) -> str:
    more = f"; and {len(waited.reasons) - _MAX_REASONS:,} more" if len(waited.reasons) > _MAX_REASONS else ""
    late = f"not complete after {options.timeout:g} s: " if waited.outcome is WaitOutcome.TIMEOUT else ""
    return late + "; ".join(waited.reasons[:_MAX_REASONS]) + more


def _write_status_report(status: StatusReport, settings: Settings, options: StatusSettings) -> None:
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.status import write_status

        console.write_report(lambda stream: write_status(status, stream, options.page))
    else:
        from reconciler.report.text.status import render_status

        console.write_report_lines(render_status(status, options.page))


def loop_status_command(settings: Settings, url: str) -> int:
    """Show how a running loop is, as it says so itself."""
    from reconciler.web.client import InvalidLoopUrl, StatusRequestError, fetch_loop_status

    logs.configure(settings)
    try:
        loop, answer = fetch_loop_status(url)
    except StatusRequestError as error:
        raise CommandFailure(str(error), 4 if isinstance(error, InvalidLoopUrl) else 1) from error
    if settings.output is OutputFormat.JSON:
        from reconciler.web.api import encode_json

        console.write_report_text([encode_json(json.loads(answer)).decode("ascii").rstrip("\n")])
    else:
        from reconciler.web.client_text import render_loop_status

        console.write_report_lines(render_loop_status(loop))
    return int(loop.exit_code != 0)


def liveness_command(settings: Settings, url: str) -> int:
    """Is a running loop alive? For the check of a container: an instance that is down is no reason to restart it."""
    from reconciler.web.client import InvalidLoopUrl, StatusRequestError, check_liveness

    logs.configure(settings)
    try:
        check_liveness(url)
    except StatusRequestError as error:
        raise CommandFailure(str(error), 4 if isinstance(error, InvalidLoopUrl) else 1) from error
    console.write_report_text(
        ['{"format_version": 1, "live": true}' if settings.output is OutputFormat.JSON else "live"]
    )
    return 0
