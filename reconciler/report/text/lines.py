"""Lines of styled text, written with colours on a terminal and as plain text elsewhere; and tables of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TextIO

from reconciler.report.sanitize import escape_workflow_command, sanitize_text

if TYPE_CHECKING:
    from rich.text import Text


_MAX_COLUMN_WIDTH: Final = 48  # terminal columns; longer cells are not cut, but shift the rest of their row
_ASCII_REPLACEMENTS: Final = str.maketrans({"→": "->", "…": "...", "·": "-", "─": "-", "’": "'"})


class Style(StrEnum):
    """The meaning of a piece of text, with its colour."""

    PLAIN = ""
    STRONG = "bold"
    DIM = "dim"
    GOOD = "green"
    ADD = "green bold"
    ADOPT = "cyan bold"
    CHANGE = "yellow bold"
    DELETE = "red bold"
    BAD = "red"
    ALARM = "bold white on red"
    WAIT = "yellow"


Span = tuple[str, Style]
Line = tuple[Span, ...]

EMPTY_LINE: Line = ()


def make_line(*parts: str | Span) -> Line:
    """Return a line of spans; a string is plain."""
    return tuple((piece, Style.PLAIN) if isinstance(piece, str) else piece for piece in parts)


def measure_width(text: str) -> int:
    """Return the width in terminal columns: wide characters take two, combining characters none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def pad_text(text: str, width: int) -> str:
    """Return the sanitized text with spaces up to `width` columns."""
    shown = sanitize_text(text)
    return shown + " " * (width - measure_width(shown))


def render_plain(line: Line) -> str:
    """Return a line without colours and trailing spaces, safe to write."""
    return escape_workflow_command(sanitize_text("".join(text for text, _ in line)).rstrip())


def write_lines(lines: Iterable[Line], stream: TextIO, *, colour: bool) -> None:
    """Write lines, optionally in colours. No line is wrapped or cut: the terminal does that."""
    if colour:
        _write_coloured_lines(lines, stream)
        return
    text = "".join(render_plain(line) + "\n" for line in lines)
    stream.write(_make_encodable(text, stream))


def _write_coloured_lines(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console  # only here: a pipe need not wait for the import

    # The caller has decided that there are colours: rich must not look at TERM, NO_COLOR or FORCE_COLOR again.
    console = Console(file=stream, highlight=False, force_terminal=True, color_system="standard", no_color=False)
    for line in lines:
        console.print(render_styled(line, stream), soft_wrap=True)


def render_styled(line: Line, stream: TextIO) -> Text:
    """Return a line for rich to show on the stream."""
    from rich.text import Text

    text = Text.assemble(*((_make_encodable(sanitize_text(piece), stream), str(style)) for piece, style in line))
    text.rstrip()
    return text


def _make_encodable(text: str, stream: TextIO) -> str:
    """Return the text with our own symbols in ASCII if the stream cannot encode them. Names are left to the stream."""
    try:
        "→…·─’".encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII_REPLACEMENTS)
    return text


def render_table(
    titles: Sequence[str], rows: Sequence[Sequence[Span]], numeric_columns: Collection[str]
) -> Iterator[Line]:
    """Return a header and rows, in columns as wide as their widest cell. `numeric_columns` are right-aligned."""
    cells = [[(sanitize_text(text), style) for text, style in row] for row in rows]
    widths = [
        min(_MAX_COLUMN_WIDTH, max([len(title), *(measure_width(row[index][0]) for row in cells)]))
        for index, title in enumerate(titles)
    ]
    for row in [[(title, Style.DIM) for title in titles], *cells]:
        spans: list[Span] = []
        for title, width, (text, style) in zip(titles, widths, row, strict=True):
            pad = " " * (width - measure_width(text))
            spans += (
                [(pad, Style.PLAIN), (text, style)] if title in numeric_columns else [(text, style), (pad, Style.PLAIN)]
            )
            spans.append(("  ", Style.PLAIN))
        yield tuple(spans)
