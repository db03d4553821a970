"""How far a run is, on a terminal, when it takes longer than a moment."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reconciler.cli import console
from reconciler.cli.settings import LogFormat, Settings
from reconciler.model.groups import PendingTorrent
from reconciler.report.text.lines import Style, make_line

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


SHOW_AFTER = 1.0  # seconds without a word


class ProgressBars:
    """A progress of `control` as bars on standard error; they appear after `SHOW_AFTER` and vanish at the end."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._lock = threading.Lock()
        self._timer = threading.Timer(SHOW_AFTER, self._show_bars)
        self._timer.daemon = True
        self._counts: dict[str, tuple[int, int]] = {}  # done and total, by instance
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._closed = False

    def __enter__(self) -> Self:
        if self._enabled:
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._bars:
                self._bars.stop()

    def start_instance(self, instance: str, total: int) -> None:
        """`total` actions are about to be executed."""
        self._update_counts(instance, 0, total)

    def advance_instance(self, instance: str, count: int) -> None:
        """`count` more of them have been dealt with."""
        done, total = self._counts.get(instance, (0, 0))
        self._update_counts(instance, min(done + count, total), total)

    def finish_instance(self, instance: str) -> None:
        """Nothing more comes for this instance."""
        _, total = self._counts.get(instance, (0, 0))
        self._update_counts(instance, total, total)

    def show_waiting(self, text: str) -> bool:
        """Show what is waited for. False where there is no terminal to show it on."""
        with self._lock:
            if self._bars:
                for task in self._tasks.values():
                    self._bars.remove_task(task)
                self._tasks = {"": self._bars.add_task(text, total=None)}
        return self._enabled

    def _update_counts(self, instance: str, done: int, total: int) -> None:
        with self._lock:
            self._counts[instance] = done, total
            if self._bars:
                self._draw_bar(self._bars, instance)

    def _show_bars(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        with self._lock:
            if self._closed:
                return
            self._bars = Progress(*columns, TimeElapsedColumn(), console=Console(file=sys.stderr), transient=True)
            self._tasks[""] = self._bars.add_task("reading the instances", total=None)
            for instance in self._counts:
                self._draw_bar(self._bars, instance)
            self._bars.start()

    def _draw_bar(self, bars: RichProgress, instance: str) -> None:
        done, total = self._counts[instance]
        if "" in self._tasks:  # reading is over once the first instance is being changed
            bars.remove_task(self._tasks.pop(""))
        if instance not in self._tasks:
            self._tasks[instance] = bars.add_task(instance, total=total)
        bars.update(self._tasks[instance], completed=done, total=total)


class PendingPrinter:
    """Says what is waited for: all the time on a terminal, else a line whenever that changes."""

    def __init__(self, settings: Settings, bars: ProgressBars) -> None:
        self._settings = settings
        self._bars = bars
        self._last_pending: tuple[PendingTorrent, ...] = ()

    def __call__(self, pending: Sequence[PendingTorrent], seconds_left: float) -> None:
        """This is pending, and waited for so many seconds more."""
        number, first = len(pending), pending[0]
        what = f"{first.name}" if number == 1 else f"{number:,} torrents"
        text = f"waiting up to {seconds_left:.0f} s for {what}: {first.group}: {first.reason}"
        told = self._bars.show_waiting(text) or self._settings.quiet or tuple(pending) == self._last_pending
        self._last_pending = tuple(pending)
        if told:
            return
        if self._settings.log_format is LogFormat.JSON:
            import structlog

            structlog.get_logger().info("waiting", pending=number, seconds=round(seconds_left), reason=first.reason)
        else:
            console.print_stderr(make_line((text, Style.WAIT)))
