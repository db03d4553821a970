"""The main command: load, run once, report."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from reconciler.cli import console, logs
from reconciler.cli.commands.history import journal_of, roster_of
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import Bars, Waiting
from reconciler.cli.settings import Failure, Output, RunSettings, Settings
from reconciler.cli.signals import Stopping
from reconciler.model.desired import Desired
from reconciler.model.run import Run


def run_command(settings: Settings, options: RunSettings) -> int:
    """One run from the options to the exit code."""
    logs.configure(settings)
    if options.report:
        console.check_report_path(options.report)
    with Stopping() as stopping:
        try:
            run = _run(load_desired(settings, stopping=stopping), settings, options, stopping)
        except Failure as failure:
            _save_failure(options, failure)
            raise
        if stopping.exit_code:
            run = replace(run, exit_code=stopping.exit_code)
    _log(run, settings)
    unsaved = save(run, options)
    _publish(run, settings, options)
    if unsaved:  # said last and on standard error only: the report stands on standard output
        console.say(settings, unsaved)
        return run.exit_code if run.exit_code not in (0, 2) else unsaved.exit_code
    return run.exit_code


def command_line(settings: Settings, options: RunSettings) -> str:
    """How a person would start this run, for it to be repeated with an approval."""
    words = ["reconcile"]
    for file in settings.files:
        words += ["-f", str(file)]
    for name in settings.instances:
        words += ["--instance", name]
    words += ["--shard", str(options.shard)] if options.shard else []
    return shlex.join([*words, "--take-over"] if options.take_over else words)


def _run(desired: Desired, settings: Settings, options: RunSettings, stopping: Stopping) -> Run:
    from reconciler.engine import Options, UnknownInstance, run_once, run_until_placed
    from reconciler.engine.events import COMMAND, Finished
    from reconciler.plan import make_plan

    chosen = Options(
        dry_run=options.dry_run,
        instances=settings.instances,
        accept_plan=options.accept_plan,
        take_over=options.take_over,
        detailed_exitcode=options.detailed_exitcode,
        shard=options.shard,
    )
    began, clock = datetime.now(UTC), time.monotonic()
    journal = journal_of(settings, lambda message: console.caution(settings, message))
    planner = partial(make_plan, remembered=journal.remembered(desired)) if journal else make_plan
    roster = roster_of(desired, journal)
    with Bars(enabled=sys.stderr.isatty() and not settings.quiet) as bars:
        patiently = partial(run_until_placed, wait=options.wait, tell=Waiting(settings, bars))
        work = patiently if options.wait else run_once
        try:
            run = work(desired, chosen, bars, stopping.event, planner=planner, roster=roster)
        except UnknownInstance as error:
            raise Failure(str(error), 4) from error
    if journal:
        journal.record(desired, Finished(run, COMMAND, began, time.monotonic() - clock), roster)
    return run


def save(run: Run, options: RunSettings) -> Failure | None:
    """Write the report file; a failure of it must not cost the report on standard output."""
    from reconciler.report.json.run import write_run

    try:
        if options.report:
            console.save_report(options.report, lambda stream: write_run(run, stream))
    except Failure as failure:
        return failure
    return None


def _publish(run: Run, settings: Settings, options: RunSettings) -> None:
    if settings.output is Output.JSON:
        from reconciler.report.json.run import write_run

        console.publish(lambda stream: write_run(run, stream))
    elif settings.output is Output.MARKDOWN:
        from reconciler.report.markdown import run_markdown

        console.publish_text([run_markdown(run).rstrip("\n")])
    elif settings.output is Output.GITHUB:
        from reconciler.report.github import run_commands

        console.publish_text(run_commands(run, command_line(settings, options), console.in_repository))
    else:
        from reconciler.report.text.run import run_lines

        console.publish_lines(run_lines(run, command_line(settings, options)))


def _save_failure(options: RunSettings, failure: Failure) -> None:
    """A report file from an earlier run must not speak for this one."""
    from reconciler.report.json.common import write_failure

    if options.report:
        console.save_report(
            options.report,
            lambda stream: write_failure(failure.exit_code, str(failure), failure.problems, stream),
        )


def _log(run: Run, settings: Settings) -> None:
    for instance in run.instances:
        logs.debug(
            settings,
            "instance",
            instance=instance.name,
            status=str(instance.status),
            version=instance.version,
            web_api=instance.web_api,
            requests=instance.requests,
            actions=len(instance.results),
        )
    logs.debug(settings, "run ended", mode=str(run.mode), exit_code=run.exit_code, plan_hash=run.plan_hash)
