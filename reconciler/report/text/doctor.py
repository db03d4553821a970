"""`reconcile doctor` as text: a line for each check of each instance, and a hint below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.model.doctor import CheckStatus, DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.health import HealthState
from reconciler.report.text.lines import EMPTY_LINE, HANG, Line, Span, Style, make_line, measure_width, pad_text

_VERDICT_LABELS: Final[dict[CheckStatus, Span]] = {
    CheckStatus.OK: ("  ok    ", Style.GOOD),
    CheckStatus.NOTE: ("  note  ", Style.WAIT),
    CheckStatus.FAIL: ("  FAIL  ", Style.ALARM),
}
_MAX_NAME_WIDTH: Final = 28  # columns of a check's name; a longer name shifts its text to the right


def render_doctor(report: DoctorReport) -> Iterator[Line]:
    """Return the whole report."""
    for diagnosis in report.instances:
        if diagnosis is not report.instances[0]:
            yield EMPTY_LINE
        yield from _render_diagnosis(diagnosis)
    findings = [finding for diagnosis in report.instances for finding in diagnosis.findings]
    failures = sum(finding.status is CheckStatus.FAIL for finding in findings)
    yield EMPTY_LINE
    if failures:
        yield make_line((f"{failures} {'check' if failures == 1 else 'checks'} failed", Style.BAD))
    else:
        yield make_line(("all checks passed", Style.GOOD))


def _render_diagnosis(diagnosis: InstanceDiagnosis) -> Iterator[Line]:
    style = Style.GOOD if diagnosis.health_state is HealthState.OK else Style.ALARM
    yield make_line(
        (diagnosis.name, Style.STRONG), "  ", (str(diagnosis.health_state), style), (f"  {diagnosis.url}", Style.DIM)
    )
    widths = (measure_width(finding.check) for finding in diagnosis.findings)
    width = max((width for width in widths if width <= _MAX_NAME_WIDTH), default=0)
    for finding in diagnosis.findings:
        yield from _render_finding(finding, width)


def _render_finding(finding: Finding, width: int) -> Iterator[Line]:
    style = Style.BAD if finding.status is CheckStatus.FAIL else Style.PLAIN
    yield make_line(
        _VERDICT_LABELS[finding.status], (pad_text(finding.check, width), Style.DIM), "  ", HANG, (finding.text, style)
    )
    if finding.hint:
        yield make_line(" " * (len("  FAIL  ") + width + 2), (f"→ {finding.hint}", Style.DIM))
