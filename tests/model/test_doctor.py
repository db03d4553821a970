"""The exit code of a report of doctor."""

from __future__ import annotations

import pytest

from reconciler.model.doctor import CheckStatus, DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.health import HealthState


def diagnose(name: str, *statuses: CheckStatus, state: HealthState = HealthState.OK) -> InstanceDiagnosis:
    findings = tuple(Finding("clock", status, "text", "hint") for status in statuses)
    return InstanceDiagnosis(name, f"http://{name}", state, findings)


@pytest.mark.parametrize(
    ("diagnoses", "exit_code"),
    [
        ((), 0),
        ((diagnose("a", CheckStatus.OK, CheckStatus.NOTE),), 0),
        ((diagnose("a", CheckStatus.OK), diagnose("b", CheckStatus.OK, CheckStatus.FAIL)), 1),
        ((diagnose("a", CheckStatus.OK, state=HealthState.VPN_DOWN),), 0),
    ],
)
def test_one_failed_check_of_any_instance_fails_the_report(
    diagnoses: tuple[InstanceDiagnosis, ...], exit_code: int
) -> None:
    assert DoctorReport(diagnoses).exit_code == exit_code
