"""`reconcile doctor` as people read it: instance by instance, a line for each check, and below it how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.model.doctor import CheckStatus, DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.health import HealthState
from reconciler.report.text.lines import EMPTY_LINE, Line, Span, Style, make_line, measure_width, pad_text

_VERDICT_LABELS: Final[dict[CheckStatus, Span]] = {
    CheckStatus.OK: ("  ok    ", Style.GOOD),
    CheckStatus.NOTE: ("  note  ", Style.WAIT),
    CheckStatus.FAIL: ("  FAIL  ", Style.ALARM),
}
_MAX_NAME_WIDTH: Final = 28  # columns of a check's name; a longer one pushes what is said of it to the right


def render_doctor(report: DoctorReport) -> Iterator[Line]:
    """The whole report."""
    for index, found in enumerate(report.instances):
        if index:
            yield EMPTY_LINE
        yield from _render_examination(found)
    failures = sum(one.status is CheckStatus.FAIL for found in report.instances for one in found.findings)
    yield EMPTY_LINE
    if failures:
        yield make_line((f"{failures} {'check fails' if failures == 1 else 'checks fail'}", Style.BAD))
    else:
        yield make_line(("nothing to mend", Style.GOOD))


def _render_examination(examination: InstanceDiagnosis) -> Iterator[Line]:
    style = Style.GOOD if examination.health_state is HealthState.OK else Style.ALARM
    yield make_line(
        (examination.name, Style.STRONG),
        "  ",
        (str(examination.health_state), style),
        (f"  {examination.url}", Style.DIM),
    )
    width = min(_MAX_NAME_WIDTH, max((measure_width(one.check) for one in examination.findings), default=0))
    for one in examination.findings:
        yield from _render_finding(one, width)


def _render_finding(finding: Finding, width: int) -> Iterator[Line]:
    style = Style.BAD if finding.status is CheckStatus.FAIL else Style.PLAIN
    yield make_line(
        _VERDICT_LABELS[finding.status], (pad_text(finding.check, width), Style.DIM), "  ", (finding.text, style)
    )
    if finding.hint:
        yield make_line(" " * (len("  FAIL  ") + width + 2), (f"→ {finding.hint}", Style.DIM))
