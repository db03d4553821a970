"""The result of `reconcile doctor`, line by line."""

from __future__ import annotations

from enum import StrEnum

from reconciler.model.health import HealthState
from reconciler.model.lazy_dataclass import dataclass


class CheckStatus(StrEnum):
    """The result of a check. `note`: worth knowing, but nothing to fix for the declared state."""

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `hint` says what to do, and is never empty if the check failed."""

    check: str
    status: CheckStatus
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class InstanceDiagnosis:
    """The findings of one instance. `health_state` is its health from a single observation."""

    name: str
    url: str
    health_state: HealthState
    findings: tuple[Finding, ...]
    requests: int = 0


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """The diagnoses of all instances, by name."""

    instances: tuple[InstanceDiagnosis, ...]

    @property
    def exit_code(self) -> int:
        """1 if a check failed, else 0."""
        findings = (finding for instance in self.instances for finding in instance.findings)
        return int(any(finding.status is CheckStatus.FAIL for finding in findings))
