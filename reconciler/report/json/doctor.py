"""`reconcile doctor` as JSON, format version 1: keys may be added, never changed or removed."""

from __future__ import annotations

import json
from typing import TextIO

from reconciler.model.doctor import DoctorReport, Examination
from reconciler.report.json.common import FORMAT_VERSION, write_object

_encode = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode


def write_doctor(report: DoctorReport, stream: TextIO) -> None:
    """What was found of every instance."""
    head = {"format_version": FORMAT_VERSION, "exit_code": report.exit_code}
    write_object(stream, head, {"instances": map(_examination, report.instances)})


def _examination(found: Examination) -> str:
    checks = [
        {"check": one.check, "verdict": one.verdict, "text": one.text, "mend": one.mend} for one in found.findings
    ]
    head = {"name": found.name, "url": found.url, "state": found.state, "requests": found.requests}
    return _encode({**head, "checks": checks})
