"""Small plots over time: their geometry for SVG, and the same in a sentence and a table.

Positions are percentages, so that a plot takes any width and its text stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

_TICKS: Final = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 400 * 86_400)  # seconds
_MAX_LABELS: Final = 4  # of an axis
_MIN_HEIGHT: Final = 3.0  # percent, so that one among thousands is seen
_BAR_SHARE: Final = 0.92  # of the width of a bucket
_MAX_LINEAR: Final = 20  # the highest value of a linear axis
FULL_HEIGHT: Final = 88.0  # percent that the highest value takes; its label is above it


class Span(StrEnum):
    """The length of time that a plot shows."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_BUCKETS: Final = {
    Span.DAY: (timedelta(minutes=15), 96),
    Span.WEEK: (timedelta(hours=2), 84),
    Span.MONTH: (timedelta(hours=8), 90),
    Span.YEAR: (timedelta(days=4), 92),
}


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a plot shows: `count` buckets of the same width, of which the last contains `now`."""

    begin: datetime
    width: timedelta
    count: int
    now: datetime

    @classmethod
    def ending_at(cls, now: datetime, span: Span) -> Window:
        """Return the window of that length. Its buckets begin at the same times whenever it is drawn."""
        width, count = _BUCKETS[span]
        seconds = width.total_seconds()
        end = (math.floor(now.timestamp() / seconds) + 1) * seconds
        return cls(datetime.fromtimestamp(end - count * seconds, UTC), width, count, now)

    def find_bucket(self, time: datetime) -> int:
        """Return the number of the bucket of a time; it may be outside."""
        return (time - self.begin) // self.width

    def get_begin(self, bucket: int) -> datetime:
        """Return the beginning of a bucket."""
        return self.begin + bucket * self.width

    def scale(self, time: datetime) -> float:
        """Return the place of a time in percent, within the plot."""
        return _round(min(1.0, max(0.0, (time - self.begin) / (self.count * self.width))) * 100)

    def scale_bucket(self, bucket: int) -> float:
        """Return the place of the beginning of a bucket in percent."""
        return _round(100 * bucket / self.count)


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle in percent, from the top left. `look` is its class in the style sheet."""

    x: float
    y: float
    width: float
    height: float
    look: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A dot in percent, with its class and what it means."""

    x: float
    y: float
    look: str
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot. `summary` says in a sentence what it shows, and `rows` are the same as a table.

    `gridlines`: heights in percent with their labels. `hints`: what is in each bucket, by its place in percent.
    """

    key: str
    title: str
    summary: str
    window: Window
    columns: tuple[str, ...]
    rows: tuple[tuple[datetime, tuple[str, ...]], ...] = ()
    gridlines: tuple[tuple[float, str], ...] = ()
    rectangles: tuple[Rectangle, ...] = ()
    dots: tuple[Dot, ...] = ()
    hints: tuple[tuple[float, str], ...] = ()
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def hint_width(self) -> float:
        """The width of a bucket in percent."""
        return _round(100 / self.window.count)


def duration_text(seconds: float) -> str:
    """Return a length of time with at most two units: `0.4 s`, `5 min 10 s`, `2 d 3 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 and not float(seconds).is_integer() else f"{seconds:.0f} s"
    whole = round(seconds)
    for large, small, unit, part in ((86_400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        if whole >= large:
            rest = whole % large // small
            return f"{whole // large:,} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


class CountScale:
    """The axis of a number: linear up to a score, beyond that logarithmic, so that a large one hides no small one."""

    def __init__(self, most: int) -> None:
        self._is_linear = most <= _MAX_LINEAR
        self._top = max(2, most + most % 2) if self._is_linear else 10 ** math.ceil(math.log10(most))

    def measure(self, value: int) -> float:
        """Return the height of a bar in percent."""
        share = value / self._top if self._is_linear else math.log1p(value) / math.log1p(self._top)
        return max(_MIN_HEIGHT, FULL_HEIGHT * share)

    def make_gridlines(self) -> tuple[tuple[float, str], ...]:
        """Return the heights in percent from the top, with their labels."""
        if self._is_linear:
            values = [self._top, self._top // 2]
        else:
            powers = [10**power for power in range(round(math.log10(self._top)), -1, -1)]
            values = powers[:: math.ceil(len(powers) / _MAX_LABELS)]
        return tuple((_round(100 - self.measure(value)), f"{value:,}") for value in values)


class DurationScale:
    """The logarithmic axis of lengths of time in seconds, from the tick below the least to the one above the most."""

    def __init__(self, lengths: Sequence[float]) -> None:
        self._low = max((tick for tick in _TICKS[:-1] if tick <= min(lengths, default=1)), default=_TICKS[0])
        most = max(lengths, default=60)
        self._high = next((tick for tick in _TICKS if tick >= most and tick > self._low), _TICKS[-1])

    def measure(self, seconds: float) -> float:
        """Return the place in percent from the top."""
        inside = min(self._high, max(self._low, seconds))
        return _round(100 - FULL_HEIGHT * math.log(inside / self._low) / math.log(self._high / self._low))

    def make_gridlines(self) -> tuple[tuple[float, str], ...]:
        """Return the heights in percent from the top, with their labels."""
        ticks = [tick for tick in _TICKS if self._low <= tick <= self._high][::-1]
        return tuple(
            (self.measure(tick), duration_text(tick)) for tick in ticks[:: math.ceil(len(ticks) / _MAX_LABELS)]
        )


def draw_bar(bucket: int, window: Window, height: float, look: str) -> Rectangle:
    """Return a bar in a bucket, of a height in percent."""
    width = _round(_BAR_SHARE * 100 / window.count)
    return Rectangle(window.scale_bucket(bucket), _round(100 - height), width, _round(height), look)


def _round(number: float) -> float:
    return round(number, 2)
