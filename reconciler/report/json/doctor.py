"""`reconcile doctor` as JSON, format version 1: keys may be added, never changed or removed."""

from __future__ import annotations

from typing import TextIO

from reconciler.model.doctor import DoctorReport, InstanceDiagnosis
from reconciler.report.json.common import FORMAT_VERSION, encode_json, write_object


def write_doctor(report: DoctorReport, stream: TextIO) -> None:
    """Write the findings of every instance."""
    head = {"format_version": FORMAT_VERSION, "exit_code": report.exit_code}
    write_object(stream, head, {"instances": map(_encode_diagnosis, report.instances)})


def _encode_diagnosis(diagnosis: InstanceDiagnosis) -> str:
    checks = [
        {"check": finding.check, "verdict": finding.status, "text": finding.text, "hint": finding.hint}
        for finding in diagnosis.findings
    ]
    return encode_json(
        {
            "name": diagnosis.name,
            "url": diagnosis.url,
            "state": diagnosis.health_state,
            "requests": diagnosis.requests,
            "checks": checks,
        }
    )
