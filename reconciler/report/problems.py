"""What is wrong or doubtful in a desired state, one line each, as compilers write it and editors read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from reconciler.model.position import Position, Problem
from reconciler.report.lines import Line, Style, columns, line
from reconciler.report.safe import clean

SourceLine = Callable[[Position], str | None]
_WIDEST: Final = 120  # columns of a source line that are shown


def problem_lines(problems: Iterable[Problem], level: str, source_line: SourceLine | None = None) -> Iterator[Line]:
    """`file:line:col: error: …` for each; below it the line itself with a caret, where `source_line` has it.

    A line that another server is the trouble with is not shown: there is nothing to mend in it, and it may hold a key.
    """
    style = Style.DELETE if level == "error" else Style.CHANGE
    for problem in problems:
        mend = f". {problem.mend}" if problem.mend else ""
        yield line((f"{problem.at}: ", Style.STRONG), (f"{level}: ", style), problem.message, (mend, Style.DIM))
        if source_line and not problem.remote and (text := source_line(problem.at)) is not None:
            yield from _caret(text, problem.at, style)


def count(problems: int, what: str = "problem") -> str:
    """`1 problem`, `12 problems`."""
    return f"{problems:,} {what}" + ("" if problems == 1 else "s")


def _caret(text: str, at: Position, style: Style) -> Iterator[Line]:
    before, shown = clean(text[: at.column - 1]), clean(text.rstrip())
    if columns(before) >= _WIDEST:
        return
    yield line((f"  {at.line:>5} | ", Style.DIM), shown if len(shown) <= _WIDEST else shown[: _WIDEST - 1] + "…")
    yield line((" " * 8 + "| ", Style.DIM), " " * columns(before), ("^", style))
