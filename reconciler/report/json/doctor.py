"""`reconcile doctor` as JSON, format version 1: keys may be added, never changed or removed."""

from __future__ import annotations

import json
from typing import TextIO

from reconciler.model.doctor import DoctorReport, InstanceDiagnosis
from reconciler.report.json.common import FORMAT_VERSION, write_object

_encode_json = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode


def write_doctor(report: DoctorReport, stream: TextIO) -> None:
    """What was found of every instance."""
    head = {"format_version": FORMAT_VERSION, "exit_code": report.exit_code}
    write_object(stream, head, {"instances": map(_encode_examination, report.instances)})


def _encode_examination(examination: InstanceDiagnosis) -> str:
    checks = [
        {"check": one.check, "verdict": one.status, "text": one.text, "hint": one.hint} for one in examination.findings
    ]
    head = {
        "name": examination.name,
        "url": examination.url,
        "state": examination.health_state,
        "requests": examination.requests,
    }
    return _encode_json({**head, "checks": checks})
