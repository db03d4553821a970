"""`reconcile doctor` as text."""

from __future__ import annotations

from reconciler.model.doctor import CheckStatus, DoctorReport, Finding, InstanceDiagnosis
from reconciler.model.health import HealthState
from reconciler.queries import doctor_checks as d
from reconciler.report.text.doctor import render_doctor
from reconciler.report.text.lines import render_plain


def test_the_text_names_each_check_and_how_to_fix_it() -> None:
    diagnosis = InstanceDiagnosis(
        "box",
        "http://box",
        HealthState.VPN_DOWN,
        (d.make_ok("tls", "fine"), d.make_failure("probe ping x", "no answer", "Plug it in")),
    )
    assert [render_plain(line) for line in render_doctor(DoctorReport((diagnosis,)))] == [
        "box  VPN_DOWN  http://box",
        "  ok    tls           fine",
        "  FAIL  probe ping x  no answer",
        "                      → Plug it in",
        "",
        "1 check failed",
    ]
    assert DoctorReport((diagnosis,)).exit_code == 1
    assert DoctorReport(()).exit_code == 0
    assert render_plain(list(render_doctor(DoctorReport(())))[-1]) == "all checks passed"


def test_instances_are_separated_and_all_failures_are_counted() -> None:
    failure = d.make_failure("login", "refused", "Correct the password")
    diagnoses = [InstanceDiagnosis(name, f"http://{name}", HealthState.AUTH_FAILED, (failure,)) for name in "ab"]
    lines = [render_plain(line) for line in render_doctor(DoctorReport(tuple(diagnoses)))]
    assert lines[3:5] == ["", "b  AUTH_FAILED  http://b"]
    assert lines[-1] == "2 checks failed"


def test_a_note_has_a_hint_and_is_no_failure() -> None:
    note = Finding("version", CheckStatus.NOTE, "an old version", "Update it")
    lines = render_doctor(DoctorReport((InstanceDiagnosis("box", "http://box", HealthState.OK, (note,)),)))
    assert [render_plain(line) for line in lines][1:] == [
        "  note  version  an old version",
        "                 → Update it",
        "",
        "all checks passed",
    ]


def test_a_long_name_of_a_check_shifts_only_its_own_text() -> None:
    findings = (d.make_ok("tls", "fine"), d.make_ok("probe http " + "x" * 40, "fine"))
    lines = render_doctor(DoctorReport((InstanceDiagnosis("box", "http://box", HealthState.OK, findings),)))
    assert [render_plain(line).index("fine") for line in list(lines)[1:3]] == [13, 61]
