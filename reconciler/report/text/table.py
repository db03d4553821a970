"""Tables, whose columns go or get narrower where they do not fit a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.sanitize import sanitize_text
from reconciler.report.text.layout import shorten_text
from reconciler.report.text.lines import HANG, Line, Span, Style, make_line, measure_width

_MAX_COLUMN_WIDTH: Final = 48  # terminal columns; longer cells are not cut, but shift the rest of their row
_GAP: Final = "  "
_NAME_WIDTH: Final = 24  # columns that names keep while other columns can go
_MIN_NAME_WIDTH: Final = 12  # before the last of them goes
_NO_VALUES: Final = ("", "-")


@dataclass(frozen=True, slots=True)
class TableFit:
    """The way in which a table gets narrower. Columns without any value go first, then in this order:

    `below`: columns of sentences, which move to lines of their own below the row; `names`: a column of names that may
    be cut in the middle; `expendable`: columns that go, the least important first.
    """

    below: Sequence[str] = ()
    names: str = ""
    expendable: Sequence[str] = ()


def render_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[Span]],
    numeric_columns: Collection[str],
    width: int | None = None,
    fit: TableFit | None = None,
) -> Iterator[Line]:
    """Return a header and rows, in columns as wide as their widest cell. `numeric_columns` are right-aligned.

    `width`: the columns of the terminal; None: the table is as wide as it must be.
    """
    cells = [[(sanitize_text(text), style) for _, (text, style) in zip(titles, row, strict=True)] for row in rows]
    table = _Table(titles, cells, numeric_columns)
    if width is not None:
        table.fit(width, fit or TableFit())
    yield from table.render()


class _Table:
    """The columns that are shown, and their widths."""

    def __init__(self, titles: Sequence[str], rows: Sequence[Sequence[Span]], numeric_columns: Collection[str]) -> None:
        self._titles = titles
        self._rows = rows
        self._numeric_columns = numeric_columns
        full_widths = [
            max([len(title), *(measure_width(row[index][0]) for row in rows)]) for index, title in enumerate(titles)
        ]
        self._full_widths = full_widths
        self._widths = dict(enumerate(min(_MAX_COLUMN_WIDTH, full_width) for full_width in full_widths))
        self._below: list[int] = []
        self._cut_column = -1

    @property
    def _total_width(self) -> int:
        return sum(self._widths.values()) + len(_GAP) * (len(self._widths) - 1)

    def fit(self, width: int, fit: TableFit) -> None:
        """Make the table as narrow as that, if it can be."""
        self._widths = dict(enumerate(self._full_widths))
        if self._total_width <= width:
            return
        for index in [index for index in self._widths if self._is_empty(index)]:
            del self._widths[index]
        below, expendable = list(fit.below), list(fit.expendable)
        while (excess := self._total_width - width) > 0:
            if below:
                self._move_below(below.pop(0))
            elif self._shrink_names(fit.names, excess, _NAME_WIDTH if len(expendable) > 1 else _MIN_NAME_WIDTH):
                return
            elif expendable:
                self._drop(expendable.pop(0))
            else:
                self._shrink_names(fit.names, excess, 0)
                return  # the rest is broken between words

    def _is_empty(self, index: int) -> bool:
        return bool(self._rows) and all(row[index][0] in _NO_VALUES for row in self._rows)

    def _move_below(self, title: str) -> None:
        index = self._titles.index(title)
        if self._widths.pop(index, None) is not None:
            self._below = sorted([*self._below, index])

    def _drop(self, title: str) -> None:
        self._widths.pop(self._titles.index(title), None)

    def _shrink_names(self, title: str, excess: int, min_width: int) -> bool:
        """Make the column of names narrower, if it stays as wide as that."""
        index = self._titles.index(title) if title else -1
        if self._widths.get(index, 0) - excess < min_width:
            return False
        if index >= 0:
            self._widths[index] = max(self._widths[index] - excess, _MIN_NAME_WIDTH)
            self._cut_column = index
        return True

    def render(self) -> Iterator[Line]:
        """Yield the lines."""
        if any(self._titles[index] for index in self._widths):
            yield self._render_row([(title, Style.DIM) for title in self._titles])
        for row in self._rows:
            yield self._render_row(row)
            yield from self._render_below(row)

    def _render_row(self, row: Sequence[Span]) -> Line:
        cells = (self._render_cell(index, row[index], width) for index, width in self._widths.items())
        return tuple(span for cell in cells for span in (*cell, (_GAP, Style.PLAIN)))

    def _render_cell(self, index: int, cell: Span, width: int) -> tuple[Span, Span]:
        text, style = cell
        if index == self._cut_column:
            text = shorten_text(text, width)
        pad = (" " * (width - measure_width(text)), Style.PLAIN)
        return (pad, (text, style)) if self._titles[index] in self._numeric_columns else ((text, style), pad)

    def _render_below(self, row: Sequence[Span]) -> Iterator[Line]:
        title_width = max((len(self._titles[index]) for index in self._below), default=0)
        for index in self._below:
            if row[index][0]:
                yield make_line("    ", (self._titles[index].ljust(title_width), Style.DIM), _GAP, HANG, row[index])
