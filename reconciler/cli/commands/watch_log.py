"""What a watch says: little, and once. Reports on standard output, one line a run on standard error."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Final

import structlog

from reconciler.cli import console
from reconciler.cli.commands.run import command_line, save
from reconciler.cli.settings import Output, RunSettings, Settings
from reconciler.engine.events import Finished
from reconciler.model.desired import Desired
from reconciler.model.plan import Outcome
from reconciler.model.run import ANSWERED, Run
from reconciler.report.json.run import write_run
from reconciler.report.summary import sentence
from reconciler.report.text.run import run_lines

HEARTBEAT: Final = 3600.0  # seconds without a word
REMINDER: Final = 600.0  # seconds between two words about files that are still invalid


class Teller:
    """An observer. A run that changed something is told; what stays as it is, in sync or not, is told once."""

    def __init__(self, settings: Settings, options: RunSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._options = options
        self._now = now
        self._told: object = None
        self._failures: dict[str, int] = {}
        self._ill: dict[str, str] = {}  # why, by instance
        self._last_word: float | None = None
        self._last_reminder = now()
        self._log = structlog.get_logger()

    def began(self, desired: Desired) -> None:
        """Nothing to say before there is something to tell."""

    def finished(self, finished: Finished) -> None:
        """Say what has to be said about a run."""
        self._say_waiting(finished)
        self._say_health(finished.run)
        self._remind(finished)
        run, gist = finished.run, _gist(finished.run)
        first = self._last_word is None
        changed = any(result.outcome is Outcome.APPLIED for part in run.instances for result in part.results)
        news = first or changed or gist != self._told
        self._told = gist
        self._say(run, "watching: " if first else "", finished, news=news)
        if changed or (news and gist):
            self._publish(run)
        if unsaved := save(run, self._options):
            self._log.error(str(unsaved))

    def _say(self, run: Run, prefix: str, finished: Finished, *, news: bool) -> None:
        facts = {"trigger": str(finished.trigger), "seconds": round(finished.seconds, 3)}
        heartbeat = self._last_word is not None and self._now() >= self._last_word + HEARTBEAT
        if not (news or heartbeat):
            self._log.debug(sentence(run), **facts)
            return
        self._last_word = self._now()
        text = f"{prefix if news else 'still watching: '}{sentence(run)}"
        (self._log.warning if run.exit_code in (1, 3) else self._log.info)(text, **facts)

    def _say_waiting(self, finished: Finished) -> None:
        for name, one in (finished.waiting or {}).items():
            if self._failures.get(name) != one.failures:
                until = one.until.isoformat(timespec="seconds")
                self._log.warning(one.reason, instance=name, failures=one.failures, next_try=until)
                self._failures[name] = one.failures
        for part in finished.run.instances:
            if part.status in ANSWERED and self._failures.pop(part.name, 0):
                self._log.info("is back", instance=part.name)

    def _say_health(self, run: Run) -> None:
        """Once for as long as it stays the same; an instance that does not answer is spoken of elsewhere."""
        for part in run.instances:
            if part.health is None or part.status not in ANSWERED:
                continue
            why = "" if part.health.healthy else part.health.why
            before = self._ill.pop(part.name, "")
            if why:
                self._ill[part.name] = why
            if why and why != before:
                self._log.warning(why, instance=part.name, since=part.health.since.isoformat(timespec="seconds"))
            elif before and not why:
                self._log.info("is healthy again", instance=part.name)

    def _remind(self, finished: Finished) -> None:
        if not finished.problems:
            self._last_reminder = self._now()
        elif self._now() >= self._last_reminder + REMINDER:
            self._last_reminder = self._now()
            self._log.error(
                "the desired state is still invalid; the last good one is in force",
                problems=len(finished.problems),
                first=str(finished.problems[0]),
            )

    def _publish(self, run: Run) -> None:
        if self._settings.output is Output.JSON:
            console.publish(lambda stream: stream.write(_one_line(run)))
        else:
            console.publish_lines(run_lines(run, command_line(self._settings, self._options)))


def _gist(run: Run) -> object:
    """What is left undone: told once for as long as it stays the same. Instances in trouble are spoken of elsewhere."""
    undone = (
        (part.name, part.verdict, tuple(result for result in part.results if result.outcome is not Outcome.APPLIED))
        for part in run.instances
    )
    return (*(one for one in undone if one[2] or one[1].refused), *run.pending)


def _one_line(run: Run) -> str:
    """The JSON report on a line of its own."""
    stream = io.StringIO()
    write_run(run, stream)
    return json.dumps(json.loads(stream.getvalue()), separators=(",", ":")) + "\n"
