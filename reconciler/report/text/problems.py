"""What is wrong or doubtful in a desired state, one line each, as compilers write it and editors read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Final

from reconciler.model.position import Position, Problem
from reconciler.report.sanitize import clean
from reconciler.report.text.lines import Line, Style, columns, line

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


_CONTEXT: Final = 3
_STYLES: Final = {"+": Style.ADD, "-": Style.DELETE, "@": Style.ADOPT}


def diff_lines(name: str, before: str, after: str) -> Iterator[Line]:
    """The lines of a unified diff; line breaks of any kind are left out."""
    for text in difference(name, before, after):
        style = Style.STRONG if text.startswith(("---", "+++")) else _STYLES.get(text[:1], Style.PLAIN)
        yield line((text, style))


def difference(name: str, before: str, after: str) -> Iterator[str]:
    """The same as bare text."""
    old, new = before.splitlines(), after.splitlines()
    same = _alike(old, new)
    skipped = max(same - _CONTEXT, 0)  # a file of many thousand lines is compared from where it differs
    texts = unified_diff(old[skipped:], new[skipped:], name, name, n=_CONTEXT, lineterm="")
    for text in texts:
        yield _moved(text, skipped) if text.startswith("@@") else text


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines are the same from the beginning on."""
    return next(
        (n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new))
    )


def _moved(head: str, by: int) -> str:
    """`@@ -1,4 +1,6 @@` as many lines further on."""
    _, old, new, _ = head.split()
    ranges = []
    for sign, text in (("-", old[1:]), ("+", new[1:])):
        start, comma, length = text.partition(",")
        ranges.append(f"{sign}{int(start) + by}{comma}{length}")
    return f"@@ {' '.join(ranges)} @@"
