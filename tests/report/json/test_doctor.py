"""`reconcile doctor` as JSON."""

from __future__ import annotations

import io
import json
from typing import Any

from reconciler.model.doctor import CheckStatus, DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.health import HealthState
from reconciler.report.json.doctor import write_doctor


def as_json(*diagnoses: InstanceDiagnosis) -> Any:
    """The whole report, parsed."""
    stream = io.StringIO()
    write_doctor(DoctorReport(diagnoses), stream)
    return json.loads(stream.getvalue())


def test_each_instance_has_its_checks_in_order() -> None:
    findings = (
        Finding("tls", CheckStatus.OK, "fine"),
        Finding("probe ping x", CheckStatus.FAIL, "no answer", "Plug it in"),
    )
    diagnosis = InstanceDiagnosis("box", "http://box", HealthState.VPN_DOWN, findings, requests=7)
    assert as_json(diagnosis) == {
        "format_version": 1,
        "exit_code": 1,
        "instances": [
            {
                "name": "box",
                "url": "http://box",
                "state": "VPN_DOWN",
                "requests": 7,
                "checks": [
                    {"check": "tls", "verdict": "ok", "text": "fine", "hint": ""},
                    {"check": "probe ping x", "verdict": "fail", "text": "no answer", "hint": "Plug it in"},
                ],
            }
        ],
    }


def test_a_note_is_no_failure() -> None:
    note = Finding("version", CheckStatus.NOTE, "there is a newer version", "Update it")
    document = as_json(InstanceDiagnosis("box", "http://box", HealthState.OK, (note,)))
    assert document["exit_code"] == 0
    assert document["instances"][0]["checks"][0]["verdict"] == "note"


def test_no_instances_are_an_empty_list() -> None:
    assert as_json() == {"format_version": 1, "exit_code": 0, "instances": []}
