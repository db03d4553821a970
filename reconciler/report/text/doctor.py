"""`reconcile doctor` as people read it: instance by instance, a line for each check, and below it how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.model.doctor import DoctorReport, Examination, Finding, Verdict
from reconciler.model.health import State
from reconciler.report.text.lines import EMPTY, Line, Span, Style, columns, line, padded

_SIGNS: Final[dict[Verdict, Span]] = {
    Verdict.OK: ("  ok    ", Style.GOOD),
    Verdict.NOTE: ("  note  ", Style.WAIT),
    Verdict.FAIL: ("  FAIL  ", Style.ALARM),
}
_WIDEST: Final = 28  # columns of a check's name; a longer one pushes what is said of it to the right


def doctor_lines(report: DoctorReport) -> Iterator[Line]:
    """The whole report."""
    for index, found in enumerate(report.instances):
        if index:
            yield EMPTY
        yield from _instance(found)
    failures = sum(one.verdict is Verdict.FAIL for found in report.instances for one in found.findings)
    yield EMPTY
    if failures:
        yield line((f"{failures} {'check fails' if failures == 1 else 'checks fail'}", Style.BAD))
    else:
        yield line(("nothing to mend", Style.GOOD))


def _instance(found: Examination) -> Iterator[Line]:
    style = Style.GOOD if found.state is State.OK else Style.ALARM
    yield line((found.name, Style.STRONG), "  ", (str(found.state), style), (f"  {found.url}", Style.DIM))
    width = min(_WIDEST, max((columns(one.check) for one in found.findings), default=0))
    for one in found.findings:
        yield from _finding(one, width)


def _finding(one: Finding, width: int) -> Iterator[Line]:
    style = Style.BAD if one.verdict is Verdict.FAIL else Style.PLAIN
    yield line(_SIGNS[one.verdict], (padded(one.check, width), Style.DIM), "  ", (one.text, style))
    if one.mend:
        yield line(" " * (len("  FAIL  ") + width + 2), (f"→ {one.mend}", Style.DIM))
