"""`reconcile doctor`, typed, with examinations that are made up."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.main import run_command_line
from reconciler.model.doctor import CheckStatus, DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.errors import StopRequested
from reconciler.model.health import HealthState

PASSED = Finding("login", CheckStatus.OK, "logged in as admin")
FAILED = Finding("free space", CheckStatus.FAIL, "1 GiB is free", "Delete something")


def make_report(*findings: Finding) -> DoctorReport:
    """Return a report about `home`."""
    return DoctorReport((InstanceDiagnosis("home", "http://home", HealthState.OK, findings),))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("findings", "code", "end"), [([PASSED], 0, "all checks passed"), ([PASSED, FAILED], 1, "1 check failed")]
)
def test_a_failed_check_is_exit_code_1(
    findings: list[Finding], code: int, end: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reconciler.queries.doctor.examine_instances", lambda *_: make_report(*findings))
    assert run_command_line(["doctor"]) == code
    text = capsys.readouterr().out
    assert text.splitlines()[-1] == end
    assert ("Delete something" in text) is (code == 1)
    assert run_command_line(["doctor", "--output", "json"]) == code
    assert json.loads(capsys.readouterr().out)["exit_code"] == code


@pytest.mark.usefixtures("folder")
def test_an_unknown_instance_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["doctor", "--instance", "attic"]) == 4
    output = capsys.readouterr()
    assert output.out == ""
    assert 'no instance "attic"' in output.err


@pytest.mark.usefixtures("folder")
def test_an_interrupted_examination_shows_no_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> DoctorReport:
        raise StopRequested

    monkeypatch.setattr("reconciler.queries.doctor.examine_instances", stop)
    assert run_command_line(["doctor"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "error: stopped before all checks were done\n"
