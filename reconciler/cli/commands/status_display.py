"""What `reconcile status` shows while it looks again and again: in place on a terminal, else one after the other."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self, TextIO

from reconciler.cli import console
from reconciler.cli.settings import LogFormat, OutputFormat, Settings, StatusSettings, should_use_colour
from reconciler.model.status import Pagination, StatusReport
from reconciler.report.text.lines import EMPTY_LINE, Line, Style, make_line, render_styled
from reconciler.report.text.problems import format_count
from reconciler.report.text.status import progress_text, render_status

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text


REPEAT_INTERVAL: Final = 60.0  # seconds between two lines that say the same, where lines cannot be replaced


class StatusDisplay(Protocol):
    """Shows one look after the other."""

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Show a look, made at that time (UTC); False where nobody is left to read it."""


def make_status_display(settings: Settings, options: StatusSettings) -> AbstractContextManager[StatusDisplay]:
    """How to show them, by what standard output is and which form was asked for."""
    if settings.output is OutputFormat.JSON:
        return nullcontext(_JsonLinesDisplay(options.page))
    return _RedrawnDisplay(options) if can_redraw(settings) else nullcontext(_TextBlocksDisplay(options.page))


def can_redraw(settings: Settings) -> bool:
    """Are looks shown one in place of the other?"""
    return settings.output is OutputFormat.TEXT and _can_replace_lines(sys.stdout)


class _JsonLinesDisplay:
    """JSON, an object a line, whether or not anything has changed."""

    def __init__(self, page: Pagination) -> None:
        self._page = page

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Write a line."""
        from reconciler.report.json.status import write_status_line

        return console.write_report(lambda stream: write_status_line(status, observed_at, stream, self._page))


class _TextBlocksDisplay:
    """Text, a block where something has changed, each under its time."""

    def __init__(self, page: Pagination) -> None:
        self._page = page
        self._last_lines: list[Line] | None = None

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Write a block, unless it would be the same once more."""
        lines = [*_render_problem_warning(status), *render_status(status, self._page)]
        if lines == self._last_lines:
            return True
        gap = [] if self._last_lines is None else [EMPTY_LINE]
        self._last_lines = lines
        return console.write_report_lines(
            [*gap, make_line((f"{observed_at.astimezone():%Y-%m-%d %H:%M:%S %Z}", Style.STRONG)), *lines]
        )


class _RedrawnDisplay:
    """Text on a terminal. What does not fit its height is counted, what does not fit its width is cut."""

    def __init__(self, options: StatusSettings) -> None:
        self._options = options
        self._console = _make_console(sys.stdout)
        self._live = _make_live(self._console)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def show(self, status: StatusReport, observed_at: datetime) -> bool:
        """Show it in place of the one before."""
        from rich.console import Group

        try:
            self._live.update(Group(*map(_crop_line, self._render_lines(status, observed_at))), refresh=True)
        except OSError:  # the terminal is gone
            return False
        return True

    def _render_lines(self, status: StatusReport, observed_at: datetime) -> Sequence[Line]:
        about = f"   {observed_at.astimezone():%H:%M:%S} · every {self._options.interval:g} s · Ctrl-C ends"
        head = [make_line(("reconcile status", Style.STRONG), (about, Style.DIM)), *_render_problem_warning(status)]
        page, (width, height) = self._options.page, self._console.size
        if page.limit is None:
            others = len(head) + sum(1 for _ in render_status(status, replace(page, limit=1))) - 1
            page = replace(page, limit=max(1, height - 1 - others))
        return [*[*head, *render_status(status, page, width)][: height - 1], EMPTY_LINE]  # where a terminal writes ^C


class WaitProgress:
    """How far waiting is, on standard error: a line that is replaced on a terminal, one now and then elsewhere."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        plain = settings.quiet or settings.log_format is LogFormat.JSON or not _can_replace_lines(sys.stderr)
        self._live = None if plain else _make_live(_make_console(sys.stderr), transient=True)
        self._last_shown: tuple[object, float] | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def show(self, status: StatusReport) -> None:
        """Say how far the torrents are that are waited for, and which instances are in trouble."""
        absent = [f"{row.name}: {row.status}" for row in status.instances if not row.status.is_ok]
        sentence = " · ".join(["waiting: " + progress_text(status.torrents), *absent])
        if self._live:
            self._live.update(_crop_line(make_line((sentence, Style.DIM))), refresh=True)
            return
        gist = [(row.infohash, row.phase, row.is_complete) for row in status.torrents], absent
        if (
            self._last_shown is None
            or self._last_shown[0] != gist
            or time.monotonic() >= self._last_shown[1] + REPEAT_INTERVAL
        ):
            self._last_shown = gist, time.monotonic()
            console.print_info(self._settings, sentence)


def _render_problem_warning(status: StatusReport) -> Sequence[Line]:
    if not status.problems:
        return ()
    wrong = f"{format_count(len(status.problems))} in the files now, first {status.problems[0]}"
    return (make_line((f"{wrong}; shown is what they were before", Style.WAIT)),)


def _can_replace_lines(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _make_console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, color_system="auto" if should_use_colour(stream) else None)


def _make_live(console: Console, *, transient: bool = False) -> Live:
    from rich.live import Live

    return Live(console=console, auto_refresh=False, transient=transient, vertical_overflow="crop")


def _crop_line(line_to_crop: Line) -> Text:
    text = render_styled(line_to_crop, sys.stdout)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
