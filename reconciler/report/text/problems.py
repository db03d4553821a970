"""Problems of a desired state as compiler messages, which editors can read; their pages; and diffs of YAML files."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Final

from reconciler.model.position import Excerpt, Problem
from reconciler.report.sanitize import sanitize_text
from reconciler.report.text.lines import EMPTY_LINE, VERBATIM, Line, Style, make_line

_WIDTH: Final = 80  # columns of an excerpt and of a page
_MIN_ROOM: Final = 12  # columns of a line on a very narrow terminal
_TAB: Final = "→   "  # a tab is shown, and is as wide as in most editors
_CONTEXT_LINES: Final = 3
_DIFF_STYLES: Final = {"+": Style.ADD, "-": Style.DELETE, "@": Style.ADOPT}


def render_problems(problems: Iterable[Problem], level: str, width: int | None = None) -> Iterator[Line]:
    """Return `file:line:column: error[E012]: …` for each problem, and below it its line with the place underlined.

    `width`: the columns of the terminal, which cuts the line around the place; None, and on a wider one: 80.
    """
    style = Style.DELETE if level == "error" else Style.CHANGE
    for problem in problems:
        hint = f". {problem.hint}" if problem.hint else ""
        yield make_line(
            (f"{problem.position}: ", Style.STRONG),
            (f"{level}[{problem.code}]: ", style),
            problem.message,
            (hint, Style.DIM),
        )
        if problem.excerpt:
            yield from _render_excerpt(
                problem.excerpt, f"{problem.position.line:>5}", style, min(width or _WIDTH, _WIDTH)
            )


def render_problem_page(code: str, title: str, markdown: str) -> Iterator[Line]:
    """Return the page of a code: paragraphs, and code blocks that are indented."""
    yield make_line((f"{code}: {title}", Style.STRONG))
    yield EMPTY_LINE
    is_code = False
    for block in markdown.split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("```") or is_code:
            is_code = not lines[-1].startswith("```")
            yield from (make_line(VERBATIM, f"    {text}") for text in lines if not text.startswith("```"))
        else:
            yield from (make_line(text) for text in textwrap.wrap(" ".join(lines), _WIDTH))
        yield EMPTY_LINE


def render_problem_list(titles_by_code: Iterable[tuple[str, str]]) -> Iterator[Line]:
    """Return a line for each code."""
    for code, title in titles_by_code:
        yield make_line((code, Style.STRONG), f"  {title}")


def format_count(number: int, noun: str = "problem") -> str:
    """Return a number with its noun: `1 problem`, `12 problems`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _render_excerpt(excerpt: Excerpt, number: str, style: Style, width: int) -> Iterator[Line]:
    """Return the line of a problem, and below it a line that underlines the place."""
    room = max(width - len(number) - len(" | "), _MIN_ROOM)
    marked = _cut_end(_show_text(excerpt.marked), room // 2)
    after = _cut_end(
        _show_text(excerpt.after), max(room - measure_cells(_show_text(excerpt.before) + marked), room // 4)
    )
    before = _cut_start(_show_text(excerpt.before), room - measure_cells(marked + after))
    yield make_line(VERBATIM, (f"{number} | ", Style.DIM), before, marked, after)
    underline = "^" * max(measure_cells(marked), 1)
    yield make_line(VERBATIM, (" " * len(number) + " | ", Style.DIM), " " * measure_cells(before), (underline, style))


def _show_text(text: str) -> str:
    return sanitize_text(text.replace("\t", _TAB))


def measure_cells(text: str) -> int:
    """Return the width in terminal columns, of characters that several code points form too."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _cut_end(text: str, width: int) -> str:
    """Return the beginning of a text, at most `width` columns, with an ellipsis if some of it is missing."""
    if measure_cells(text) <= width:
        return text
    while measure_cells(text) >= width:
        text = text[:-1]
    return text + "…"


def _cut_start(text: str, width: int) -> str:
    """Return the end of a text, at most `width` columns, with an ellipsis if some of it is missing."""
    if measure_cells(text) <= width:
        return text
    while text and (measure_cells(text) >= width or unicodedata.combining(text[0]) or text[0] in "\u200d\ufe0f"):
        text = text[1:]
    return "…" + text


def render_diff(name: str, before: str, after: str) -> Iterator[Line]:
    """Return the lines of a unified diff, without their line breaks."""
    for text in compute_diff(name, before, after):
        style = Style.STRONG if text.startswith(("---", "+++")) else _DIFF_STYLES.get(text[:1], Style.PLAIN)
        yield make_line(VERBATIM, (text, style))


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
