"""The main command without `--watch`: load, run once, report."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from reconciler.cli import console, logs
from reconciler.cli.loading import load_desired
from reconciler.cli.progress import PendingPrinter, ProgressBars, RivalPrinter
from reconciler.cli.run_context import make_run_context, open_journal, open_kept_sessions
from reconciler.cli.settings import CommandFailure, OutputFormat, RunSettings, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.position import Problem
from reconciler.model.run import Run
from reconciler.model.suspension import suspend_instances

if TYPE_CHECKING:
    from reconciler.engine.context import RunContext
    from reconciler.engine.selection import RunOptions
    from reconciler.journal import Journal
    from reconciler.report.json.run import InstanceEncoder
    from reconciler.saved.plan_file import SavedPlan


_KEPT_UNTIL_EXIT: Final[list[DesiredState | Run]] = []  # the process ends sooner than thousands of objects are freed


def run_command(settings: Settings, options: RunSettings, expected: SavedPlan | None = None) -> int:
    """Run once and report. Return the exit code. `expected`: the saved plan whose hash is expected."""
    _check_options(options)
    logs.configure(settings)
    started_at = time.time()
    for option, path in (("--report", options.report), ("--out", options.out)):
        if path:
            console.check_output_path(path, option)
    with StopSignals() as stopping:
        try:
            with ProgressBars(settings) as bars:
                if options.live:
                    from reconciler.cli.commands.offline_run import plan_offline

                    desired, run = plan_offline(options.live, settings, make_run_options(settings, options), stopping)
                else:
                    desired, run = _load_and_run(settings, options, stopping, bars)
        except CommandFailure as failure:
            _save_failure_report(options, failure)
            raise
        if stopping.exit_code:
            run = replace(run, exit_code=stopping.exit_code)
    _KEPT_UNTIL_EXIT.extend((desired, run))
    if expected:
        run = _add_difference(run, expected)
    _print_warnings([warning for warning in run.warnings if warning not in desired.warnings], settings, started_at)
    _log_run(run, settings)
    unsaved = save_run_report(run, options)
    _write_run_report(run, settings, options)
    unsaved = _save_plan(run, settings, options, is_stopped=bool(stopping.exit_code)) or unsaved
    if unsaved:  # last, and on standard error only: the report is on standard output
        console.print_failure(settings, unsaved)
        return run.exit_code if run.exit_code not in (0, 2) else unsaved.exit_code
    return run.exit_code


def _check_options(options: RunSettings) -> None:
    if options.live and options.wait:
        raise CommandFailure("--live cannot be combined with --wait: a snapshot does not change", 4)
    if options.expect_plan and options.wait:
        raise CommandFailure(
            "--expect-plan cannot be combined with --wait, which makes another plan for each torrent that is placed", 4
        )


def _print_warnings(warnings: Sequence[Problem], settings: Settings, started_at: float) -> None:
    """Print what the plan has found to be wrong with the desired state, each with its line."""
    if warnings:
        from reconciler.desired.excerpts import add_excerpts_from_files

        console.print_problems(settings, add_excerpts_from_files(warnings, started_at))


def _add_difference(run: Run, expected: SavedPlan) -> Run:
    """Return the run with what differs from the saved plan, if it is not that one."""
    from reconciler.plan.difference import compare_plans, summarize_actions

    if run.expectation is None or run.plan_hash == run.expectation.plan_hash:
        return run
    difference = compare_plans(expected.actions, summarize_actions(run))
    return replace(run, expectation=replace(run.expectation, difference=difference))


def _save_plan(run: Run, settings: Settings, options: RunSettings, *, is_stopped: bool) -> CommandFailure | None:
    """Save the plan, and say how to apply it. Return the failure, if any."""
    if options.out is None:
        return None
    if is_stopped:
        return CommandFailure(f"the run was stopped, so no plan was saved to {options.out}", 1)
    from reconciler.retry import utc_now
    from reconciler.saved.plan_file import write_plan

    try:
        console.save_output(options.out, lambda stream: write_plan(run, utc_now(), stream), "plan")
    except CommandFailure as failure:
        return failure
    if unread := [instance.name for instance in run.instances if instance.version is None]:
        console.print_warning(
            settings, f"the saved plan is not whole: {', '.join(unread)} could not be read, so it cannot be applied"
        )
    else:
        command = f"{render_command_line(settings, options)} apply {shlex.quote(str(options.out))}"
        console.print_info(settings, f"the plan was saved. To apply it and no other: {command}")
    return None


def render_command_line(settings: Settings, options: RunSettings) -> str:
    """Return the command that repeats this run, to be completed with an approval."""
    words = ["reconcile"]
    for file in settings.files:
        words += ["-f", str(file)]
    for name in settings.instances:
        words += ["--instance", name]
    words += ["--secrets-for", str(settings.secrets_for)] if settings.secrets_for else []
    for folder in settings.export_folders:
        words += ["--allow-export", str(folder)]
    words += ["--shard", str(options.shard)] if options.shard else []
    return shlex.join([*words, "--take-over"] if options.take_over else words)


def make_run_options(settings: Settings, options: RunSettings) -> RunOptions:
    """Return the options of the command line that a run, or every run of a watch, needs."""
    from reconciler.engine.selection import RunOptions

    return RunOptions(
        dry_run=options.dry_run,
        instances=settings.instances,
        accept_plan=options.accept_plan,
        expect_plan=options.expect_plan,
        take_over=options.take_over,
        detailed_exitcode=options.detailed_exitcode,
        strict=options.strict,
        shard=options.shard,
    )


def _load_and_run(
    settings: Settings, options: RunSettings, stopping: StopSignals, bars: ProgressBars
) -> tuple[DesiredState, Run]:
    """Load the desired state, and read the instances meanwhile; then run."""
    from reconciler.engine.early_sessions import EarlySessions
    from reconciler.qbittorrent import LoginMemory, Session

    journal = open_journal(settings)
    logins = LoginMemory(journal, is_requested=options.retry_login)

    def connect(instance: Instance, stop: threading.Event) -> Session:
        return Session(instance, stop=stop, logins=logins, kept_sessions=kept_sessions)

    with (
        open_kept_sessions(settings, is_requested=options.retry_login) as kept_sessions,
        EarlySessions(connect, make_run_options(settings, options), stopping.event) as sessions,
    ):
        desired = load_desired(settings, stop_signals=stopping, read_only=options.dry_run, begin_reading=sessions.begin)
        context = replace(make_run_context(desired, journal, logins, stopping), connect=sessions.connect, progress=bars)
        return desired, _execute_run(desired, settings, options, context, journal, bars)


def _execute_run(
    desired: DesiredState,
    settings: Settings,
    options: RunSettings,
    context: RunContext,
    journal: Journal | None,
    bars: ProgressBars,
) -> Run:
    from reconciler.engine.events import COMMAND_TRIGGER, FinishedRun
    from reconciler.engine.lease_wait import run_when_free
    from reconciler.engine.selection import UnknownInstance
    from reconciler.engine.wait import run_until_placed
    from reconciler.retry import utc_now

    run_options = make_run_options(settings, options)
    started_at, clock = utc_now(), time.monotonic()
    if journal and (suspensions := journal.read_suspensions(desired.owner)):
        desired = suspend_instances(desired, suspensions, started_at)
    run_once = partial(run_when_free, report_rivals=RivalPrinter(settings, bars))
    try:
        if options.wait:
            report_pending = PendingPrinter(settings, bars)
            run = run_until_placed(desired, run_options, context, options.wait, report_pending, run_once)
        else:
            run = run_once(desired, run_options, context)
    except UnknownInstance as error:
        raise CommandFailure(str(error), 4) from error
    if journal:
        finished_run = FinishedRun(run, COMMAND_TRIGGER, started_at, time.monotonic() - clock)
        journal.record_run(desired, finished_run, context.placement_memory)
    return run


def save_run_report(run: Run, options: RunSettings, encoder: InstanceEncoder | None = None) -> CommandFailure | None:
    """Write the report file, with the encoder of the runs before if there is one.

    Return the failure, if any: it must not cost the report on standard output.
    """
    from reconciler.report.json.run import write_run

    try:
        if options.report:
            console.save_output(options.report, lambda stream: write_run(run, stream, encoder))
    except CommandFailure as failure:
        return failure
    return None


def _write_run_report(run: Run, settings: Settings, options: RunSettings) -> None:
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.run import write_run

        console.write_report(lambda stream: write_run(run, stream))
    elif settings.output is OutputFormat.MARKDOWN:
        from reconciler.report.markdown import render_run_markdown

        console.write_report_text([render_run_markdown(run).rstrip("\n")])
    elif settings.output is OutputFormat.GITHUB:
        from reconciler.report.github import render_run_annotations
        from reconciler.report.markdown import render_run_markdown

        command = render_command_line(settings, options)
        annotations = render_run_annotations(run, command, console.make_repository_relative)
        console.write_github_report(annotations, render_run_markdown(run))
    else:
        from reconciler.report.text.run import render_run

        console.write_report_lines(render_run(run, render_command_line(settings, options)))


def _save_failure_report(options: RunSettings, failure: CommandFailure) -> None:
    """Replace the report file of an earlier run, which does not describe this one."""
    from reconciler.report.json.common import write_failure

    if options.report:
        console.save_output(
            options.report,
            lambda stream: write_failure(failure.exit_code, str(failure), failure.problems, stream),
        )


def _log_run(run: Run, settings: Settings) -> None:
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
