"""Repeated status reports of `reconcile status`: redrawn on a terminal, one after the other elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from reconciler.cli import console
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import OutputFormat, Settings, StatusSettings, can_replace_lines
from reconciler.model.status import Pagination, StatusReport
from reconciler.report.text.layout import fit_lines
from reconciler.report.text.lines import EMPTY_LINE, Line, Style, make_line, render_styled
from reconciler.report.text.problems import format_count
from reconciler.report.text.status import progress_text, render_status

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text


REPEAT_INTERVAL: Final = 60.0  # seconds between two equal lines, if lines cannot be replaced


class StatusDisplay(Protocol):
    """Shows one status report after the other."""

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Show a status observed at that time (UTC). Return False if the reader has gone away."""


def make_status_display(settings: Settings, options: StatusSettings) -> AbstractContextManager[StatusDisplay]:
    """Return the display for the output format and the kind of standard output."""
    if settings.output is OutputFormat.JSON:
        return nullcontext(_JsonLinesDisplay(options.page))
    return _RedrawnDisplay(options) if can_redraw(settings) else nullcontext(_TextBlocksDisplay(options.page))


def can_redraw(settings: Settings) -> bool:
    """True if each status replaces the last status on the terminal."""
    return settings.output is OutputFormat.TEXT and can_replace_lines(sys.stdout)


class _JsonLinesDisplay:
    """JSON, one object per line, whether or not anything has changed."""

    def __init__(self, page: Pagination) -> None:
        self._page = page

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Write one line."""
        from reconciler.report.json.status import write_status_line

        return console.write_report(lambda stream: write_status_line(status, observed_at, stream, self._page))


class _TextBlocksDisplay:
    """Text, one block with its time for each change."""

    def __init__(self, page: Pagination) -> None:
        self._page = page
        self._last_lines: list[Line] | None = None

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Write a block, unless it equals the last one."""
        lines = [*_render_problem_warning(status), *render_status(status, self._page)]
        if lines == self._last_lines:
            return True
        gap = [] if self._last_lines is None else [EMPTY_LINE]
        self._last_lines = lines
        return console.write_report_lines(
            [*gap, make_line((f"{observed_at.astimezone():%Y-%m-%d %H:%M:%S %Z}", Style.STRONG)), *lines]
        )


class _RedrawnDisplay:
    """Text on a terminal, as wide as it is, with the torrents below its height only counted."""

    def __init__(self, options: StatusSettings) -> None:
        self._options = options
        self._console = console.make_rich_console(sys.stdout)
        self._live = _make_live(self._console)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Replace the status that is shown."""
        from rich.console import Group

        try:
            self._live.update(Group(*map(_crop_line, self._render_lines(status, observed_at))), refresh=True)
        except OSError:  # the terminal is gone
            return False
        return True

    def _render_lines(self, status: StatusReport, observed_at: datetime) -> Sequence[Line]:
        facts = f"   {observed_at.astimezone():%H:%M:%S} · every {self._options.interval:g} s · Ctrl-C to quit"
        head = [make_line(("reconcile status", Style.STRONG), (facts, Style.DIM)), *_render_problem_warning(status)]
        page, (width, height) = self._options.page, self._console.size
        limit = page.limit or height
        while True:
            status_lines = render_status(status, replace(page, limit=limit), width)
            lines = list(fit_lines([*head, *status_lines], width))
            excess = len(lines) - (height - 1)
            if excess <= 0 or limit <= 1 or page.limit is not None:
                return [*lines[: height - 1], EMPTY_LINE]  # the terminal writes ^C there
            limit -= max(1, excess // 2)  # a torrent takes one line or two


class WaitProgress:
    """Progress of `--wait` on standard error: one line, replaced on a terminal, repeated at changes elsewhere."""

    def __init__(self, settings: Settings, bars: ProgressBars) -> None:
        self._settings = settings
        self._bars = bars
        self._last_shown: tuple[object, float] | None = None

    def show(self, status: StatusReport) -> None:
        """Show the progress of the selected torrents, and the instances with problems."""
        problems = [f"{row.name}: {row.status}" for row in status.instances if not row.status.is_ok]
        text = " · ".join(["waiting: " + progress_text(status.torrents), *problems])
        if self._bars.show_waiting(text):
            return
        summary = [(row.infohash, row.phase, row.is_complete) for row in status.torrents], problems
        if (
            self._last_shown is None
            or self._last_shown[0] != summary
            or time.monotonic() >= self._last_shown[1] + REPEAT_INTERVAL
        ):
            self._last_shown = summary, time.monotonic()
            console.print_info(self._settings, text)


def _render_problem_warning(status: StatusReport) -> Sequence[Line]:
    if not status.problems:
        return ()
    text = f"the changed files have {format_count(len(status.problems))}, the first: {status.problems[0]}"
    return (make_line((f"{text}; the last valid state is shown", Style.WAIT)),)


def _make_live(console: Console) -> Live:
    from rich.live import Live

    return Live(console=console, auto_refresh=False, vertical_overflow="crop")


def _crop_line(line: Line) -> Text:
    text = render_styled(line, sys.stdout)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
