"""What `reconcile doctor` finds, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.health import HealthState


class CheckStatus(StrEnum):
    """How a check ended. `note`: worth knowing, nothing to mend for what is declared."""

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `hint` says what to do, and is never empty where it failed."""

    check: str
    status: CheckStatus
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class InstanceDiagnosis:
    """All that was found of one instance. `health_state` is that of its health, by a single look."""

    name: str
    url: str
    health_state: HealthState
    findings: tuple[Finding, ...]
    requests: int = 0


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All instances, by name. Exit code 1 where a check failed."""

    instances: tuple[InstanceDiagnosis, ...]

    @property
    def exit_code(self) -> int:
        """What it tells a script."""
        return int(any(one.status is CheckStatus.FAIL for instance in self.instances for one in instance.findings))
