"""Tables of styled cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from reconciler.report.lines import Line, Span, Style, columns
from reconciler.report.safe import clean

_WIDEST: Final = 48  # columns; what is longer stands out of its column, and nothing is cut


def table(head: Sequence[str], rows: Sequence[Sequence[Span]], numbers: Collection[str]) -> Iterator[Line]:
    """Columns as wide as their widest cell, within reason; those named in `numbers` to the right."""
    cells = [[(clean(text), style) for text, style in row] for row in rows]
    found = [max([len(title), *(columns(row[index][0]) for row in cells)]) for index, title in enumerate(head)]
    widths = [min(width, _WIDEST) for width in found]
    for row in [[(title, Style.DIM) for title in head], *cells]:
        spans: list[Span] = []
        for title, width, (text, style) in zip(head, widths, row, strict=True):
            pad = " " * (width - columns(text))
            spans += [(pad, Style.PLAIN), (text, style)] if title in numbers else [(text, style), (pad, Style.PLAIN)]
            spans.append(("  ", Style.PLAIN))
        yield tuple(spans)
