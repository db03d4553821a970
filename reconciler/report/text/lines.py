"""Lines of styled text: made once, written with colours on a terminal and plainly everywhere else."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TextIO

from reconciler.report.sanitize import escape_workflow_command, sanitize_text

if TYPE_CHECKING:
    from rich.text import Text


_ASCII_REPLACEMENTS = str.maketrans({"→": "->", "…": "...", "·": "-", "─": "-", "’": "'"})


class Style(StrEnum):
    """What a piece of text is, as the colours that say so."""

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
    """A line of spans; a bare text is plain."""
    return tuple((part, Style.PLAIN) if isinstance(part, str) else part for part in parts)


def measure_width(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def pad_text(text: str, width: int) -> str:
    """The text, cleaned, with spaces up to `width` columns."""
    shown = sanitize_text(text)
    return shown + " " * (width - measure_width(shown))


def render_plain(line: Line) -> str:
    """A line without colours, safe to write, no space at its end."""
    return escape_workflow_command(sanitize_text("".join(text for text, _ in line)).rstrip())


def write_lines(lines: Iterable[Line], stream: TextIO, *, colour: bool) -> None:
    """Write lines, in colours if so asked. Nothing is ever wrapped or cut: a terminal wraps by itself."""
    if colour:
        _write_coloured_lines(lines, stream)
        return
    text = "".join(render_plain(one) + "\n" for one in lines)
    stream.write(_make_encodable(text, stream))


def _write_coloured_lines(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console  # only here: a pipe does not wait for it

    # The caller has decided that there are colours: rich must not look at TERM, NO_COLOR or FORCE_COLOR again.
    console = Console(file=stream, highlight=False, force_terminal=True, color_system="standard", no_color=False)
    for line in lines:
        console.print(render_styled(line, stream), soft_wrap=True)


def render_styled(line: Line, stream: TextIO) -> Text:
    """A line as rich shows it on that stream."""
    from rich.text import Text

    text = Text.assemble(*((_make_encodable(sanitize_text(part), stream), str(style)) for part, style in line))
    text.rstrip()
    return text


def _make_encodable(text: str, stream: TextIO) -> str:
    """The text with our own signs spelt in ASCII where the stream has no other; names are the stream's matter."""
    try:
        "→…·─’".encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII_REPLACEMENTS)
    return text


_MAX_COLUMN_WIDTH: Final = 48  # columns; what is longer stands out of its column, and nothing is cut


def render_table(
    titles: Sequence[str], rows: Sequence[Sequence[Span]], numeric_columns: Collection[str]
) -> Iterator[Line]:
    """Columns as wide as their widest cell, within reason; those named in `numbers` to the right."""
    cells = [[(sanitize_text(text), style) for text, style in row] for row in rows]
    found = [max([len(title), *(measure_width(row[index][0]) for row in cells)]) for index, title in enumerate(titles)]
    widths = [min(width, _MAX_COLUMN_WIDTH) for width in found]
    for row in [[(title, Style.DIM) for title in titles], *cells]:
        spans: list[Span] = []
        for title, width, (text, style) in zip(titles, widths, row, strict=True):
            pad = " " * (width - measure_width(text))
            spans += (
                [(pad, Style.PLAIN), (text, style)] if title in numeric_columns else [(text, style), (pad, Style.PLAIN)]
            )
            spans.append(("  ", Style.PLAIN))
        yield tuple(spans)
