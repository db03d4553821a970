"""Progress of a command that takes longer than a moment: on a terminal a display that vanishes, elsewhere lines.

See docs/decisions/0120-what-a-command-waits-for-is-one-list.md.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from reconciler.cli import console
from reconciler.cli.settings import LogFormat, Settings, can_replace_lines
from reconciler.model.groups import PendingTorrent
from reconciler.model.lease import Holder, LeaseHold
from reconciler.report.sanitize import sanitize_text
from reconciler.report.text.lines import Style, make_line
from reconciler.waits import Wait, list_waits

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


SHOW_AFTER: Final = 1.0  # seconds
REPEAT_AFTER: Final = 30.0  # seconds between two lines about one wait
_CHECK_INTERVAL: Final = 0.2  # seconds
_MAX_SUBJECTS: Final = 5  # in one text


class ProgressBars:
    """The waits and the progress of a command on standard error: a display on a terminal, lines elsewhere.

    It appears after `SHOW_AFTER`, and on a terminal it vanishes at the end. With `--quiet` it shows nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_live = can_replace_lines(sys.stderr) and settings.log_format is LogFormat.TEXT
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch_waits, name="progress", daemon=True)
        self._counts: dict[str, tuple[int, int]] = {}  # done and total, by instance
        self._lines = WaitLines()
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}  # by instance; "" for what is waited for
        self._pause_text = ""

    def __enter__(self) -> Self:
        if not self._settings.quiet:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        if not self._settings.quiet:
            self._thread.join()
        if self._bars:
            self._bars.stop()

    def start_instance(self, instance: str, total: int) -> None:
        """Show an instance with `total` actions to execute."""
        self._update_counts(instance, 0, total)

    def advance_instance(self, instance: str, count: int) -> None:
        """Count `count` more of its actions as done."""
        done, total = self._counts.get(instance, (0, 0))
        self._update_counts(instance, min(done + count, total), total)

    def finish_instance(self, instance: str) -> None:
        """Fill the bar of an instance."""
        _, total = self._counts.get(instance, (0, 0))
        self._update_counts(instance, total, total)

    def show_waiting(self, text: str) -> bool:
        """Show why the command pauses. Return False if there is no terminal to show it on."""
        with self._lock:
            self._pause_text = text
        return self._is_live and not self._settings.quiet

    def _update_counts(self, instance: str, done: int, total: int) -> None:
        with self._lock:
            self._counts[instance] = done, total

    def _watch_waits(self) -> None:
        """Show the waits of the process until the command ends."""
        started_at = time.monotonic()
        while not self._end.wait(_CHECK_INTERVAL):
            now = time.monotonic()
            with self._lock:
                if not self._is_live:
                    for text in self._lines.select_due_texts(list_waits(), self._counts, now):
                        self._print_wait(text)
                elif now - started_at >= SHOW_AFTER:
                    self._draw(now)

    def _print_wait(self, text: str) -> None:
        if self._settings.log_format is LogFormat.JSON:
            import structlog

            structlog.get_logger().info("waiting", activity=text)
        else:
            console.print_stderr(make_line((f"waiting: {text}", Style.DIM)))

    def _draw(self, now: float) -> None:
        waits = [wait for wait in list_waits() if is_long(wait, now) and wait.subject not in self._counts]
        text = "; ".join(describe_waits(waits, {})) or self._pause_text
        if self._bars is None and (text or self._counts):
            self._bars = _make_bars()
            self._bars.start()
        if self._bars:
            self._draw_text(self._bars, sanitize_text(text))
            for instance in self._counts:
                self._draw_bar(self._bars, instance)

    def _draw_text(self, bars: RichProgress, text: str) -> None:
        if "" not in self._tasks:
            self._tasks[""] = bars.add_task(text, total=None)
        bars.update(self._tasks[""], description=text, visible=bool(text))

    def _draw_bar(self, bars: RichProgress, instance: str) -> None:
        done, total = self._counts[instance]
        if instance not in self._tasks:
            self._tasks[instance] = bars.add_task(instance, total=total)
        bars.update(self._tasks[instance], completed=done, total=total)


class WaitLines:
    """Selects the waits to print a line about: each once it is long, and again every `REPEAT_AFTER` seconds."""

    def __init__(self) -> None:
        self._last_times: dict[tuple[str, str], float] = {}

    def select_due_texts(
        self, waits: Iterable[Wait], counts: Mapping[str, tuple[int, int]], now: float
    ) -> Sequence[str]:
        """Return a text for the waits that are due at this time of the monotonic clock.

        `counts`: the actions of an instance that are done, and all of them.
        """
        due = []
        for wait in waits:
            last_time = self._last_times.get((wait.verb, wait.subject))
            if is_long(wait, now) and (last_time is None or now - last_time >= REPEAT_AFTER):
                self._last_times[wait.verb, wait.subject] = now
                due.append(wait)
        return describe_waits(due, counts)


def is_long(wait: Wait, now: float) -> bool:
    """True if people should know what they wait for."""
    return now - wait.started_at >= SHOW_AFTER


def describe_waits(waits: Iterable[Wait], counts: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return a text for each verb, with its subjects: `reading attic, home`; those with trouble or counts alone.

    Two threads can wait for one subject: a run waits for an instance while it is read ahead.
    """
    texts, subjects = [], dict[str, dict[str, None]]()
    for wait in waits:
        done, total = counts.get(wait.subject, (0, 0))
        if wait.trouble:
            trouble = wait.trouble.removeprefix(f"{wait.subject}: ")
            texts.append(f"{wait.verb} {wait.subject}, trying again: {trouble}")
        elif total:
            texts.append(f"{wait.verb} {wait.subject}, {done:,} of {total:,} actions done")
        else:
            subjects.setdefault(wait.verb, {})[wait.subject] = None
    return [*(f"{verb} {_join_subjects(list(names))}" for verb, names in subjects.items()), *texts]


def _join_subjects(subjects: Sequence[str]) -> str:
    more = len(subjects) - _MAX_SUBJECTS
    return ", ".join(subjects[:_MAX_SUBJECTS]) + (f" and {more:,} more" if more > 0 else "")


def _make_bars() -> RichProgress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(20, style="dim", complete_style="green", finished_style="green", pulse_style="green"),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console.make_rich_console(sys.stderr),
        transient=True,
        redirect_stdout=False,  # a report may follow, which must not become part of the display
    )


class PendingPrinter:
    """Prints the pending torrents of a waiting run: live on a terminal, otherwise a line at each change."""

    def __init__(self, settings: Settings, bars: ProgressBars) -> None:
        self._settings = settings
        self._bars = bars
        self._last_pending: tuple[PendingTorrent, ...] = ()

    def __call__(self, pending: Sequence[PendingTorrent], seconds_left: float) -> None:
        """Print the pending torrents and the remaining time in seconds."""
        count, first = len(pending), pending[0]
        subject = first.name if count == 1 else f"{count:,} torrents"
        text = f"waiting up to {seconds_left:.0f} s for {subject}: {first.group}: {first.reason}"
        is_shown = self._bars.show_waiting(text) or self._settings.quiet or tuple(pending) == self._last_pending
        self._last_pending = tuple(pending)
        if is_shown:
            return
        if self._settings.log_format is LogFormat.JSON:
            import structlog

            structlog.get_logger().info("waiting", pending=count, seconds=round(seconds_left), reason=first.reason)
        else:
            console.print_stderr(make_line((text, Style.WAIT)))


class RivalPrinter:
    """Prints the other runs that a run waits for: live on a terminal, otherwise a line for each of them."""

    def __init__(self, settings: Settings, bars: ProgressBars) -> None:
        self._settings = settings
        self._bars = bars
        self._printed: set[tuple[str, Holder]] = set()

    def __call__(self, rivals: Mapping[str, LeaseHold], seconds_left: float) -> None:
        """Print the other run on each instance, and the remaining time in seconds."""
        for instance, hold in rivals.items():
            text = f"waiting up to {seconds_left:.0f} s for another run on {instance}: {hold}"
            is_shown = self._bars.show_waiting(text) or self._settings.quiet or (instance, hold.holder) in self._printed
            self._printed.add((instance, hold.holder))
            if is_shown:
                continue
            if self._settings.log_format is LogFormat.JSON:
                import structlog

                structlog.get_logger().info(
                    "waiting for another run", instance=instance, holder=str(hold), seconds=round(seconds_left)
                )
            else:
                console.print_stderr(make_line((text, Style.WAIT)))
