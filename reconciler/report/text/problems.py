"""Problems of a desired state as compiler messages, which editors can read; and diffs of YAML files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Final

from reconciler.model.position import Position, Problem
from reconciler.report.sanitize import sanitize_text
from reconciler.report.text.lines import Line, Style, make_line, measure_width

SourceLineReader = Callable[[Position], str | None]
_MAX_SOURCE_WIDTH: Final = 120  # columns
_CONTEXT_LINES: Final = 3
_DIFF_STYLES: Final = {"+": Style.ADD, "-": Style.DELETE, "@": Style.ADOPT}


def render_problems(
    problems: Iterable[Problem], level: str, read_source_line: SourceLineReader | None = None
) -> Iterator[Line]:
    """Return `file:line:column: error: …` for each problem, and below it the source line with a caret.

    A problem with a whole file shows no source line: it may be any file, behind a link.
    """
    style = Style.DELETE if level == "error" else Style.CHANGE
    for problem in problems:
        hint = f". {problem.hint}" if problem.hint else ""
        yield make_line(
            (f"{problem.position}: ", Style.STRONG), (f"{level}: ", style), problem.message, (hint, Style.DIM)
        )
        if read_source_line and not problem.of_file and (text := read_source_line(problem.position)) is not None:
            yield from _render_caret(text, problem.position, style)


def format_count(number: int, noun: str = "problem") -> str:
    """Return a number with its noun: `1 problem`, `12 problems`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _render_caret(text: str, position: Position, style: Style) -> Iterator[Line]:
    before, shown = sanitize_text(text[: position.column - 1]), sanitize_text(text.rstrip())
    if measure_width(before) >= _MAX_SOURCE_WIDTH:
        return
    yield make_line(
        (f"  {position.line:>5} | ", Style.DIM),
        shown if len(shown) <= _MAX_SOURCE_WIDTH else shown[: _MAX_SOURCE_WIDTH - 1] + "…",
    )
    yield make_line((" " * 8 + "| ", Style.DIM), " " * measure_width(before), ("^", style))


def render_diff(name: str, before: str, after: str) -> Iterator[Line]:
    """Return the lines of a unified diff, without their line breaks."""
    for text in compute_diff(name, before, after):
        style = Style.STRONG if text.startswith(("---", "+++")) else _DIFF_STYLES.get(text[:1], Style.PLAIN)
        yield make_line((text, style))


def compute_diff(name: str, before: str, after: str) -> Iterator[str]:
    """Return the lines of a unified diff as plain text."""
    old, new = before.splitlines(), after.splitlines()
    skipped = max(_count_common_lines(old, new) - _CONTEXT_LINES, 0)  # a long file is compared from its first change
    texts = unified_diff(old[skipped:], new[skipped:], name, name, n=_CONTEXT_LINES, lineterm="")
    for text in texts:
        yield _shift_hunk_header(text, skipped) if text.startswith("@@") else text


def _count_common_lines(old: Sequence[str], new: Sequence[str]) -> int:
    """Return the number of equal lines at the beginning."""
    return next(
        (n for n, (before, after) in enumerate(zip(old, new, strict=False)) if before != after), min(len(old), len(new))
    )


def _shift_hunk_header(header: str, offset: int) -> str:
    """Return a hunk header such as `@@ -1,4 +1,6 @@` with its line numbers raised by `offset`."""
    _, old, new, _ = header.split()
    ranges = []
    for sign, text in (("-", old[1:]), ("+", new[1:])):
        start, comma, length = text.partition(",")
        ranges.append(f"{sign}{int(start) + offset}{comma}{length}")
    return f"@@ {' '.join(ranges)} @@"
