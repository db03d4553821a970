"""What is wrong or doubtful in a desired state, one line each, as compilers write it and editors read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Final

from reconciler.model.position import Position, Problem
from reconciler.report.sanitize import sanitize_text
from reconciler.report.text.lines import Line, Style, make_line, measure_width

SourceLineReader = Callable[[Position], str | None]
_MAX_SOURCE_WIDTH: Final = 120  # columns of a source line that are shown


def render_problems(
    problems: Iterable[Problem], level: str, read_source_line: SourceLineReader | None = None
) -> Iterator[Line]:
    """`file:line:col: error: …` for each; below it the line itself with a caret, where `source_line` has it.

    A line that another server is the trouble with is not shown: there is nothing to mend in it, and it may hold a key.
    """
    style = Style.DELETE if level == "error" else Style.CHANGE
    for problem in problems:
        mend = f". {problem.hint}" if problem.hint else ""
        yield make_line(
            (f"{problem.position}: ", Style.STRONG), (f"{level}: ", style), problem.message, (mend, Style.DIM)
        )
        if read_source_line and not problem.remote and (text := read_source_line(problem.position)) is not None:
            yield from _render_caret(text, problem.position, style)


def format_count(number: int, noun: str = "problem") -> str:
    """`1 problem`, `12 problems`."""
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


_CONTEXT_LINES: Final = 3
_DIFF_STYLES: Final = {"+": Style.ADD, "-": Style.DELETE, "@": Style.ADOPT}


def render_diff(name: str, before: str, after: str) -> Iterator[Line]:
    """The lines of a unified diff; line breaks of any kind are left out."""
    for text in compute_diff(name, before, after):
        style = Style.STRONG if text.startswith(("---", "+++")) else _DIFF_STYLES.get(text[:1], Style.PLAIN)
        yield make_line((text, style))


def compute_diff(name: str, before: str, after: str) -> Iterator[str]:
    """The same as bare text."""
    old, new = before.splitlines(), after.splitlines()
    same = _count_common_lines(old, new)
    skipped = max(same - _CONTEXT_LINES, 0)  # a file of many thousand lines is compared from where it differs
    texts = unified_diff(old[skipped:], new[skipped:], name, name, n=_CONTEXT_LINES, lineterm="")
    for text in texts:
        yield _shift_hunk_header(text, skipped) if text.startswith("@@") else text


def _count_common_lines(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines are the same from the beginning on."""
    return next(
        (n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new))
    )


def _shift_hunk_header(header: str, offset: int) -> str:
    """`@@ -1,4 +1,6 @@` as many lines further on."""
    _, old, new, _ = header.split()
    ranges = []
    for sign, text in (("-", old[1:]), ("+", new[1:])):
        start, comma, length = text.partition(",")
        ranges.append(f"{sign}{int(start) + offset}{comma}{length}")
    return f"@@ {' '.join(ranges)} @@"
