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
from reconciler.cli.settings import LogFormat, Output, Settings, StatusSettings, colourful
from reconciler.model.run import Status
from reconciler.model.status import Page, StatusReport
from reconciler.report.text.lines import EMPTY, Line, Style, line, styled
from reconciler.report.text.problems import count
from reconciler.report.text.status import progress_sentence, status_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text


REMINDER: Final = 60.0  # seconds between two lines that say the same, where lines cannot be replaced


class Frames(Protocol):
    """Shows one look after the other."""

    def show(self, status: StatusReport, at: datetime) -> bool:
        """Show a look, made at that time (UTC); False where nobody is left to read it."""


def frames(settings: Settings, options: StatusSettings) -> AbstractContextManager[Frames]:
    """How to show them, by what standard output is and which form was asked for."""
    if settings.output is Output.JSON:
        return nullcontext(_Lines(options.page))
    return _InPlace(options) if in_place(settings) else nullcontext(_Blocks(options.page))


def in_place(settings: Settings) -> bool:
    """Are looks shown one in place of the other?"""
    return settings.output is Output.TEXT and _replaceable(sys.stdout)


class _Lines:
    """JSON, an object a line, whether or not anything has changed."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def show(self, status: StatusReport, at: datetime) -> bool:
        """Write a line."""
        from reconciler.report.json.status import write_status_line

        return console.publish(lambda stream: write_status_line(status, at, stream, self._page))


class _Blocks:
    """Text, a block where something has changed, each under its time."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._last: list[Line] | None = None

    def show(self, status: StatusReport, at: datetime) -> bool:
        """Write a block, unless it would be the same once more."""
        lines = [*_warning(status), *status_lines(status, self._page)]
        if lines == self._last:
            return True
        gap = [] if self._last is None else [EMPTY]
        self._last = lines
        return console.publish_lines([*gap, line((f"{at.astimezone():%Y-%m-%d %H:%M:%S %Z}", Style.STRONG)), *lines])


class _InPlace:
    """Text on a terminal. What does not fit its height is counted, what does not fit its width is cut."""

    def __init__(self, options: StatusSettings) -> None:
        self._options = options
        self._console = _console(sys.stdout)
        self._live = _live(self._console)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def show(self, status: StatusReport, at: datetime) -> bool:
        """Show it in place of the one before."""
        from rich.console import Group

        try:
            self._live.update(Group(*map(_cropped, self._lines(status, at))), refresh=True)
        except OSError:  # the terminal is gone
            return False
        return True

    def _lines(self, status: StatusReport, at: datetime) -> Sequence[Line]:
        about = f"   {at.astimezone():%H:%M:%S} · every {self._options.interval:g} s · Ctrl-C ends"
        head = [line(("reconcile status", Style.STRONG), (about, Style.DIM)), *_warning(status)]
        page, (width, height) = self._options.page, self._console.size
        if page.limit is None:
            others = len(head) + sum(1 for _ in status_lines(status, replace(page, limit=1))) - 1
            page = replace(page, limit=max(1, height - 1 - others))
        return [*[*head, *status_lines(status, page, width)][: height - 1], EMPTY]  # where a terminal writes ^C


class Ticker:
    """How far waiting is, on standard error: a line that is replaced on a terminal, one now and then elsewhere."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        plain = settings.quiet or settings.log_format is LogFormat.JSON or not _replaceable(sys.stderr)
        self._live = None if plain else _live(_console(sys.stderr), transient=True)
        self._last: tuple[object, float] | None = None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def show(self, status: StatusReport) -> None:
        """Say how far the torrents are that are waited for, and which instances are in trouble."""
        fine = (Status.OK, Status.SUSPENDED)
        absent = [f"{row.name}: {row.status}" for row in status.instances if row.status not in fine]
        sentence = " · ".join(["waiting: " + progress_sentence(status.torrents), *absent])
        if self._live:
            self._live.update(_cropped(line((sentence, Style.DIM))), refresh=True)
            return
        gist = [(row.infohash, row.phase, row.complete) for row in status.torrents], absent
        if self._last is None or self._last[0] != gist or time.monotonic() >= self._last[1] + REMINDER:
            self._last = gist, time.monotonic()
            console.inform(self._settings, sentence)


def _warning(status: StatusReport) -> Sequence[Line]:
    if not status.problems:
        return ()
    wrong = f"{count(len(status.problems))} in the files now, first {status.problems[0]}"
    return (line((f"{wrong}; shown is what they were before", Style.WAIT)),)


def _replaceable(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, color_system="auto" if colourful(stream) else None)


def _live(console: Console, *, transient: bool = False) -> Live:
    from rich.live import Live

    return Live(console=console, auto_refresh=False, transient=transient, vertical_overflow="crop")


def _cropped(one: Line) -> Text:
    text = styled(one, sys.stdout)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
