"""`reconcile status`: show it once, refresh it, wait for completion, or read it from a running loop."""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import console, logs
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import ProgressBars
from reconciler.cli.run_context import load_placement_memory, make_run_context, open_journal, open_login_memory
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings, StatusSettings, measure_terminal
from reconciler.cli.signals import StopSignals
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.status import StatusReport, WaitOutcome, WaitResult

if TYPE_CHECKING:
    from reconciler.journal import Journal
    from reconciler.queries.status_viewer import StatusWatcher
    from reconciler.watch import DesiredSource


_MAX_REASONS = 5  # in one error message


def status_command(settings: Settings, options: StatusSettings) -> int:
    """Show the live state of the declared torrents: once, repeatedly, or when complete. Return the exit code."""
    if options.watch:
        return _show_repeatedly(settings, options)
    return _show_when_complete(settings, options) if options.wait else _show_once(settings, options)


def _show_once(settings: Settings, options: StatusSettings) -> int:
    from reconciler.engine.selection import UnknownInstance
    from reconciler.queries.status import read_status

    logs.configure(settings)
    with StopSignals() as stopping, ProgressBars(settings):
        desired = load_desired(settings, stop_signals=stopping)
        try:
            context = make_run_context(
                desired, _open_journal_of_groups(settings, desired), open_login_memory(settings), stopping
            )
            status = read_status(desired, settings.instances, context)
        except UnknownInstance as error:
            raise CommandFailure(str(error), 4) from error
    _write_status_report(status.filter_torrents(options.selection), settings, options)
    return stopping.exit_code or status.exit_code


def _show_repeatedly(settings: Settings, options: StatusSettings) -> int:
    """Refresh the status until Ctrl-C, which is exit code 0. Changed files are read again."""
    gc.enable()  # `main` switched it off for short commands
    logs.configure(settings, always=True)
    from reconciler.cli.commands.status_display import can_redraw, make_status_display
    from reconciler.cli.commands.watch import open_desired_source
    from reconciler.retry import utc_now

    with StopSignals(announce=not can_redraw(settings)) as stopping, ExitStack() as stack:
        stop = stopping.event
        try:
            with ProgressBars(settings):
                source = open_desired_source(settings, stop)
                watcher = stack.enter_context(_make_watcher(settings, source.desired, stop))
                status = watcher.read_status()
            if not can_redraw(settings):  # both would write to one terminal
                stack.enter_context(ProgressBars(settings))
            display = stack.enter_context(make_status_display(settings, options))
            while not stop.is_set():
                shown = replace(status.filter_torrents(options.selection), problems=source.problems)
                if not display.show(shown, utc_now()):
                    break
                if not stop.wait(options.interval):
                    _reload_if_changed(source, watcher)
                    status = watcher.read_status()
        except StopRequested:  # while fetching torrents
            return 0
    return 0


def _make_watcher(settings: Settings, desired: DesiredState, stop: threading.Event) -> StatusWatcher:
    from reconciler.queries.status_viewer import StatusWatcher, connect_for_status

    return StatusWatcher(
        desired,
        settings.instances,
        stop,
        create_session=partial(connect_for_status, logins=open_login_memory(settings)),
        placement_memory=load_placement_memory(desired, _open_journal_of_groups(settings, desired)),
    )


def _open_journal_of_groups(settings: Settings, desired: DesiredState) -> Journal | None:
    """Open the journal if there are groups: a status needs no other memory, and must not warn of a missing one."""
    return open_journal(settings) if desired.groups else None


def _reload_if_changed(source: DesiredSource, watcher: StatusWatcher) -> None:
    if source.fingerprint_files() != source.read_fingerprints and source.read():
        watcher.set_desired(source.desired)


def _show_when_complete(settings: Settings, options: StatusSettings) -> int:
    gc.enable()
    logs.configure(settings, always=True)
    from reconciler.cli.commands.status_display import WaitProgress
    from reconciler.engine.selection import UnknownInstance

    with StopSignals() as stopping, ProgressBars(settings) as bars:
        desired = load_desired(settings, stop_signals=stopping)
        try:
            with _make_watcher(settings, desired, stopping.event) as watcher:
                status = _wait_for_completion(watcher, options, stopping, WaitProgress(settings, bars).show)
        except UnknownInstance as error:
            raise CommandFailure(str(error), 4) from error
    wait_result = status.wait_result
    code = stopping.exit_code or int(wait_result is None or wait_result.outcome is not WaitOutcome.COMPLETE)
    _write_status_report(replace(status, exit_code=code), settings, options)
    if wait_result and wait_result.reasons:
        console.print_failure(settings, CommandFailure(_not_complete_reason(wait_result, options), code))
    return code


def _wait_for_completion(
    watcher: StatusWatcher, options: StatusSettings, stopping: StopSignals, show: Callable[[StatusReport], None]
) -> StatusReport:
    """Read the status until it is complete, fails, times out or is stopped. Return the last status, with the result."""
    from reconciler.queries.completion import CompletionTracker, build_timeout_result

    completion, started_at = CompletionTracker(options.selection), time.monotonic()
    status: StatusReport | None = None
    while True:
        latest = watcher.read_status()
        if stopping.event.is_set():  # the read may be incomplete because of it
            return replace(status or latest, wait_result=WaitResult(WaitOutcome.STOPPED))
        result = completion.evaluate_report(latest)
        status = replace(latest, torrents=completion.select_torrents(latest))
        seconds_left = float("inf") if options.timeout is None else started_at + options.timeout - time.monotonic()
        if result is None and seconds_left <= 0:
            result = build_timeout_result(status.torrents)
        if result:
            return replace(status, wait_result=result)
        show(status)
        stopping.event.wait(min(options.interval, seconds_left))


def _not_complete_reason(result: WaitResult, options: StatusSettings) -> str:
    more = f"; and {len(result.reasons) - _MAX_REASONS:,} more" if len(result.reasons) > _MAX_REASONS else ""
    prefix = f"not complete after {options.timeout:g} s: " if result.outcome is WaitOutcome.TIMEOUT else ""
    return prefix + "; ".join(result.reasons[:_MAX_REASONS]) + more


def _write_status_report(status: StatusReport, settings: Settings, options: StatusSettings) -> None:
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.status import write_status

        console.write_report(lambda stream: write_status(status, stream, options.page))
    else:
        from reconciler.report.text.status import render_status

        console.write_report_lines(render_status(status, options.page, measure_terminal(sys.stdout)))


def loop_status_command(settings: Settings, url: str, token_file: Path | None = None) -> int:
    """Show the status that a running loop reports about itself. Return 1 if something needs attention."""
    from reconciler.web.auth import TokenError, read_token
    from reconciler.web.client import InvalidLoopUrl, StatusRequestError, fetch_loop_status

    logs.configure(settings)
    try:
        token = read_token(token_file) if token_file else None
        with ProgressBars(settings):
            loop, answer = fetch_loop_status(url, token)
    except TokenError as error:
        raise CommandFailure(str(error), 4) from error
    except StatusRequestError as error:
        raise CommandFailure(str(error), 4 if isinstance(error, InvalidLoopUrl) else 1) from error
    if settings.output is OutputFormat.JSON:
        from reconciler.web.api import encode_json

        console.write_report_text([encode_json(json.loads(answer)).decode("ascii").rstrip("\n")])
    else:
        from reconciler.web.client_text import render_loop_status

        console.write_report_lines(render_loop_status(loop, measure_terminal(sys.stdout)))
    return int(loop.exit_code != 0)


def liveness_command(settings: Settings, url: str) -> int:
    """Check that a running loop is alive, for container health checks. Instances that are down do not matter."""
    from reconciler.report.json.common import FORMAT_VERSION
    from reconciler.web.client import InvalidLoopUrl, StatusRequestError, check_liveness

    logs.configure(settings)
    try:
        with ProgressBars(settings):
            check_liveness(url)
    except StatusRequestError as error:
        raise CommandFailure(str(error), 4 if isinstance(error, InvalidLoopUrl) else 1) from error
    as_json = settings.output is OutputFormat.JSON
    console.write_report_text([json.dumps({"format_version": FORMAT_VERSION, "live": True}) if as_json else "live"])
    return 0
