"""Lines of styled text, written with colours on a terminal and as plain text elsewhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TextIO

from reconciler.report.sanitize import escape_workflow_command, sanitize_text

if TYPE_CHECKING:
    from rich.text import Text


_ASCII_REPLACEMENTS: Final = str.maketrans({"→": "->", "…": "...", "·": "-", "─": "-", "’": "'"})


class Style(Enum):
    """The meaning of a piece of text; `_COLOURS` has its colour.

    The last ones matter where a line is wider than the terminal (see `layout`): a `NAME` may be cut, because the full
    name can be had elsewhere; a line with text to `COPY`, or `VERBATIM`, is never broken; a `RULE` is cut. `HANG`
    and `BREAK` have no text: the rest of a broken line begins below a `HANG`, and each `BREAK` of such a line becomes
    a line break.
    """

    PLAIN = auto()
    STRONG = auto()
    DIM = auto()
    GOOD = auto()
    ADD = auto()
    ADOPT = auto()
    CHANGE = auto()
    DELETE = auto()
    BAD = auto()
    ALARM = auto()
    WAIT = auto()
    NAME = auto()
    COPY = auto()
    RULE = auto()
    HANG = auto()
    BREAK = auto()

    __hash__ = object.__hash__  # that of `Enum` is a function of Python, called for each span of thousands of lines


# Readable on a light and on a dark background: no bright colours (bold makes some of them bright), and sentences in
# colours that are dark enough for both.
_COLOURS: Final = MappingProxyType(
    {
        Style.STRONG: "bold",
        Style.DIM: "dim",
        Style.GOOD: "green",
        Style.ADD: "green",
        Style.ADOPT: "cyan",
        Style.CHANGE: "yellow",
        Style.DELETE: "bold red",
        Style.BAD: "red",
        Style.ALARM: "bold white on red",
        Style.WAIT: "magenta",
        Style.COPY: "bold",
        Style.RULE: "red",
    }
)

Span = tuple[str, Style]
Line = tuple[Span, ...]

EMPTY_LINE: Line = ()
HANG: Final[Span] = ("", Style.HANG)
BREAK: Final[Span] = ("", Style.BREAK)
VERBATIM: Final[Span] = ("", Style.COPY)


def make_line(*parts: str | Span) -> Line:
    """Return a line of spans; a string is plain."""
    return tuple((piece, Style.PLAIN) if isinstance(piece, str) else piece for piece in parts)


def measure_width(text: str) -> int:
    """Return the width in terminal columns: wide characters take two, combining characters none."""
    if text.isascii():
        return len(text)
    return sum(map(_measure_character, text))


@lru_cache(4096)
def _measure_character(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf") or "\u1161" <= char <= "\u11ff":  # vowels within a Hangul block
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad_text(text: str, width: int) -> str:
    """Return the sanitized text with spaces up to `width` columns."""
    shown = sanitize_text(text)
    return shown + " " * (width - measure_width(shown))


def render_plain(line: Line) -> str:
    """Return a line without colours and trailing spaces, safe to write."""
    return escape_workflow_command(sanitize_text("".join(text for text, _ in line)).rstrip())


def write_lines(lines: Iterable[Line], stream: TextIO, *, colour: bool) -> None:
    """Write lines as they are, optionally in colours; `layout` fits them to a terminal."""
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

    text = Text.assemble(
        *((_make_encodable(sanitize_text(piece), stream), _COLOURS.get(style, "")) for piece, style in line)
    )
    text.rstrip()
    return text


def _make_encodable(text: str, stream: TextIO) -> str:
    """Return the text with our own symbols in ASCII if the stream cannot encode them. Names are left to the stream."""
    try:
        "→…·─’".encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII_REPLACEMENTS)
    return text
