"""Progress of a run on a terminal, if it takes longer than a moment."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reconciler.cli import console
from reconciler.cli.settings import LogFormat, Settings
from reconciler.model.groups import PendingTorrent
from reconciler.model.lease import Holder, LeaseHold
from reconciler.report.text.lines import Style, make_line

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


SHOW_AFTER = 1.0  # seconds


class ProgressBars:
    """Progress bars on standard error, which appear after `SHOW_AFTER` and vanish at the end."""

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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._closed = True
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
        """Show what the command waits for. Return False if there is no terminal to show it on."""
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
        if "" in self._tasks:  # the instances are read once the first one is being changed
            bars.remove_task(self._tasks.pop(""))
        if instance not in self._tasks:
            self._tasks[instance] = bars.add_task(instance, total=total)
        bars.update(self._tasks[instance], completed=done, total=total)


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
