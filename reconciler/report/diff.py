"""The change of a file, as `diff -u` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import Final

from reconciler.report.lines import Line, Style, line

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
