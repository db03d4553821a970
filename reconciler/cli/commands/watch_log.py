"""What a watch says: little, and once. Reports on standard output, one line a run on standard error."""

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
from reconciler.model.run import Run
from reconciler.report.json.run import write_run
from reconciler.report.summary import summary_text
from reconciler.report.text.run import render_run

HEARTBEAT_INTERVAL: Final = 3600.0  # seconds without a word
REMINDER_INTERVAL: Final = 600.0  # seconds between two words about files that are still invalid


class WatchLog:
    """An observer. A run that changed something is told; what stays as it is, in sync or not, is told once."""

    def __init__(self, settings: Settings, options: RunSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._options = options
        self._now = now
        self._last_unfinished: object = None
        self._failure_counts: dict[str, int] = {}
        self._unhealthy_reasons: dict[str, str] = {}  # why, by instance
        self._last_logged: float | None = None
        self._last_reminder = now()
        self._log = structlog.get_logger()

    def on_run_start(self, desired: DesiredState) -> None:
        """Nothing to say before there is something to tell."""

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Say what has to be said about a run."""
        self._log_backoffs(finished_run)
        self._log_health(finished_run.run)
        self._log_invalid_reminder(finished_run)
        run, gist = finished_run.run, _list_unfinished(finished_run.run)
        first = self._last_logged is None
        changed = any(result.outcome is Outcome.APPLIED for part in run.instances for result in part.results)
        news = first or changed or gist != self._last_unfinished
        self._last_unfinished = gist
        self._log_run(run, "watching: " if first else "", finished_run, is_news=news)
        if changed or (news and gist):
            self._write_run_report(run)
        if unsaved := save_run_report(run, self._options):
            self._log.error(str(unsaved))

    def _log_run(self, run: Run, prefix: str, finished_run: FinishedRun, *, is_news: bool) -> None:
        facts = {"trigger": str(finished_run.trigger), "seconds": round(finished_run.seconds, 3)}
        heartbeat = self._last_logged is not None and self._now() >= self._last_logged + HEARTBEAT_INTERVAL
        if not (is_news or heartbeat):
            self._log.debug(summary_text(run), **facts)
            return
        self._last_logged = self._now()
        text = f"{prefix if is_news else 'still watching: '}{summary_text(run)}"
        (self._log.warning if run.exit_code in (1, 3) else self._log.info)(text, **facts)

    def _log_backoffs(self, finished_run: FinishedRun) -> None:
        for name, one in (finished_run.backoffs or {}).items():
            if self._failure_counts.get(name) != one.failures:
                until = one.until.isoformat(timespec="seconds")
                self._log.warning(one.reason, instance=name, failures=one.failures, next_try=until)
                self._failure_counts[name] = one.failures
        for part in finished_run.run.instances:
            if part.status.is_answered and self._failure_counts.pop(part.name, 0):
                self._log.info("is back", instance=part.name)

    def _log_health(self, run: Run) -> None:
        """Once for as long as it stays the same; an instance that does not answer is spoken of elsewhere."""
        for part in run.instances:
            if part.health is None or not part.status.is_answered:
                continue
            why = "" if part.health.is_healthy else part.health.reason
            before = self._unhealthy_reasons.pop(part.name, "")
            if why:
                self._unhealthy_reasons[part.name] = why
            if why and why != before:
                self._log.warning(why, instance=part.name, since=part.health.since.isoformat(timespec="seconds"))
            elif before and not why:
                self._log.info("is healthy again", instance=part.name)

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

    def _write_run_report(self, run: Run) -> None:
        if self._settings.output is OutputFormat.JSON:
            console.write_report(lambda stream: stream.write(_render_json_line(run)))
        else:
            console.write_report_lines(render_run(run, render_command_line(self._settings, self._options)))


def _list_unfinished(run: Run) -> object:
    """What is left undone: told once for as long as it stays the same. Instances in trouble are spoken of elsewhere."""
    undone = (
        (part.name, part.verdict, tuple(result for result in part.results if result.outcome is not Outcome.APPLIED))
        for part in run.instances
    )
    return (*(one for one in undone if one[2] or one[1].refused), *run.pending)


def _render_json_line(run: Run) -> str:
    """The JSON report on a line of its own."""
    stream = io.StringIO()
    write_run(run, stream)
    return json.dumps(json.loads(stream.getvalue()), separators=(",", ":")) + "\n"
