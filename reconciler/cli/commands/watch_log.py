"""The log of a watch: reports on standard output, at most one line per run on standard error."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Final

import structlog

from reconciler.cli import console
from reconciler.cli.commands.run import render_command_line, save_run_report
from reconciler.cli.settings import OutputFormat, RunSettings, Settings
from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState
from reconciler.model.plan import Outcome
from reconciler.model.position import Problem
from reconciler.model.run import Run
from reconciler.report.json.common import escape_runner_commands, iso_utc, problem_json
from reconciler.report.json.run import InstanceEncoder, write_run
from reconciler.report.summary import summary_text
from reconciler.report.text.run import render_run

HEARTBEAT_INTERVAL: Final = 3600.0  # seconds without a line
REMINDER_INTERVAL: Final = 600.0  # seconds between two lines about files that are still invalid


class WatchLog:
    """A listener that logs every run with changes. A state that stays the same, in sync or not, is logged once."""

    def __init__(self, settings: Settings, options: RunSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._options = options
        self._now = now
        self._encoder = InstanceEncoder()
        self._last_unfinished: object = None
        self._failure_counts: dict[str, int] = {}
        self._last_warnings: frozenset[Problem] = frozenset()
        self._unhealthy_reasons: dict[str, str] = {}  # by instance
        self._last_logged: float | None = None
        self._last_reminder = now()
        self._log = structlog.get_logger()

    def on_run_start(self, desired: DesiredState) -> None:
        """Take the warnings of the first files as logged: they were printed at the start."""
        if self._last_logged is None:
            self._last_warnings = frozenset(desired.warnings)

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Log the news of a run, and write its reports."""
        self._log_backoffs(finished_run)
        self._log_health(finished_run.run)
        self._log_invalid_reminder(finished_run)
        self._log_warnings(finished_run.run)
        run, unfinished = finished_run.run, _list_unfinished(finished_run.run)
        is_first = self._last_logged is None
        is_changed = any(result.outcome is Outcome.APPLIED for instance in run.instances for result in instance.results)
        is_news = is_first or is_changed or unfinished != self._last_unfinished
        self._last_unfinished = unfinished
        self._log_run(run, "watching: " if is_first else "", finished_run, is_news=is_news)
        if is_changed or (is_news and unfinished):
            self._write_run_report(run)
        if unsaved := save_run_report(run, self._options, self._encoder):
            self._log.error(str(unsaved))

    def _log_run(self, run: Run, prefix: str, finished_run: FinishedRun, *, is_news: bool) -> None:
        facts = {"trigger": str(finished_run.trigger), "seconds": round(finished_run.seconds, 3)}
        is_heartbeat = self._last_logged is not None and self._now() >= self._last_logged + HEARTBEAT_INTERVAL
        if not (is_news or is_heartbeat):
            self._log.debug(summary_text(run), **facts)
            return
        self._last_logged = self._now()
        text = f"{prefix if is_news else 'still watching: '}{summary_text(run)}"
        (self._log.warning if run.exit_code in (1, 3) else self._log.info)(text, **facts)

    def _log_backoffs(self, finished_run: FinishedRun) -> None:
        for name, backoff in (finished_run.backoffs or {}).items():
            if self._failure_counts.get(name) != backoff.failures:
                next_try = iso_utc(backoff.until)
                self._log.warning(backoff.reason, instance=name, failures=backoff.failures, next_try=next_try)
                self._failure_counts[name] = backoff.failures
        for instance in finished_run.run.instances:
            if instance.status.is_answered and self._failure_counts.pop(instance.name, 0):
                self._log.info("is back", instance=instance.name)

    def _log_health(self, run: Run) -> None:
        """Log each change of health once. `_log_backoffs` logs instances that do not answer."""
        for instance in run.instances:
            health = instance.health
            if health is None or not instance.status.is_answered:
                continue
            reason = "" if health.is_healthy else health.reason
            last_reason = self._unhealthy_reasons.pop(instance.name, "")
            if reason:
                self._unhealthy_reasons[instance.name] = reason
            if reason and reason != last_reason:
                self._log.warning(reason, instance=instance.name, since=iso_utc(health.since))
            elif last_reason and not reason:
                self._log.info("is healthy again", instance=instance.name)

    def _log_invalid_reminder(self, finished_run: FinishedRun) -> None:
        if not finished_run.problems:
            self._last_reminder = self._now()
        elif self._now() >= self._last_reminder + REMINDER_INTERVAL:
            self._last_reminder = self._now()
            self._log.error(
                "the desired state is still invalid; the last good one is in force",
                problems=len(finished_run.problems),
                first=str(finished_run.problems[0]),
            )

    def _log_warnings(self, run: Run) -> None:
        """Log each warning about the desired state once while it lasts."""
        for problem in run.warnings:
            if problem not in self._last_warnings:
                details = problem_json(problem)
                self._log.warning(details.pop("message"), **details)
        self._last_warnings = frozenset(run.warnings)

    def _write_run_report(self, run: Run) -> None:
        if self._settings.output is OutputFormat.JSON:
            console.write_report(lambda stream: stream.write(_render_json_line(run)))
        else:
            console.write_report_lines(render_run(run, render_command_line(self._settings, self._options)))


def _list_unfinished(run: Run) -> object:
    """Return everything that the run did not do, to compare it with the run before. Empty if all is done."""
    unfinished = []
    for instance in run.instances:
        results = tuple(result for result in instance.results if result.outcome is not Outcome.APPLIED)
        if results or instance.verdict.refused or instance.has_serious_fault:
            serious = tuple(fault for fault in instance.faults if fault.is_serious)
            unfinished.append((instance.name, instance.verdict, results, serious))
    return (*unfinished, *run.pending)


def _render_json_line(run: Run) -> str:
    """Return the JSON report as one line."""
    stream = io.StringIO()
    write_run(run, stream)
    return escape_runner_commands(json.dumps(json.loads(stream.getvalue()), separators=(",", ":"))) + "\n"
