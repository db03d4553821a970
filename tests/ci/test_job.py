"""The files and the process of a step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.ci.job import open_job
from tests.support.action import make_pull_request
from tests.support.ci_jobs import make_environ
from tests.support.command_line import write_desired


def test_the_inputs_and_their_defaults(tmp_path: Path) -> None:
    environ = make_environ(tmp_path, make_pull_request())
    job = open_job(environ)
    assert (job.file, job.secrets_for, job.live) == ("desired.yaml", "", "")
    assert job.folder.parent == tmp_path / "temp" and job.folder.stat().st_mode & 0o777 == 0o700
    inputs = {"INPUT_FILE": " torrents/ ", "INPUT_SECRETS_FOR": "lock.yaml", "INPUT_LIVE": "live.json"}
    job = open_job(environ | inputs)
    assert (job.file, job.secrets_for, job.live) == ("torrents", "lock.yaml", "live.json")
    assert open_job(environ | {"INPUT_FILE": str(tmp_path / "work" / "x.yaml")}).file == "x.yaml"


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("", True), ("False", False), ("no", False)])
def test_a_switch_is_on_unless_it_is_off(tmp_path: Path, text: str, expected: bool) -> None:
    job = open_job(make_environ(tmp_path, make_pull_request()) | {"INPUT_COMMENT": text})
    assert job.is_on("INPUT_COMMENT") is expected


def test_a_job_applies_on_the_default_branch_alone_and_never_with_a_snapshot(tmp_path: Path) -> None:
    pull_request = open_job(make_environ(tmp_path, make_pull_request()))
    assert not pull_request.applies
    push = open_job(make_environ(tmp_path, {"repository": {"default_branch": "main"}}, "push"))
    assert push.applies
    assert not replace(push, live="live.json").applies
    assert not replace(push, environ={**push.environ, "INPUT_APPLY": "false"}).applies


def test_a_report_goes_to_the_summary_and_to_the_page_of_its_step(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = open_job(make_environ(tmp_path, make_pull_request()))
    write_desired(job.workspace)
    (job.workspace / "reconciler").mkdir()
    (job.workspace / "reconciler" / "__init__.py").write_text("raise SystemExit('a file of the pull request ran')")
    assert job.run_reconcile("validate", "validate", "-f", "desired.yaml") == 0
    assert job.read_page("validate").startswith("### reconcile: `desired.yaml: valid: 1 torrent on 1 instance`")
    summary = Path(job.environ["GITHUB_STEP_SUMMARY"]).read_text()
    assert summary == job.read_page("validate").rstrip() + "\n\n"
    assert job.read_page("other") == ""
    assert "desired.yaml: valid" in capfd.readouterr().out


def test_a_note_quotes_its_reason_as_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = open_job(make_environ(tmp_path, make_pull_request()))
    job.add_note("No comment", "::error::x @team <img>\n##[x")
    assert capsys.readouterr().out == "No comment: ::error::x @team <img>\\x0a##\\x5bx\n"
    summary = Path(job.environ["GITHUB_STEP_SUMMARY"]).read_text()
    assert summary == "No comment: `::error::x @team <img>\\x0a##\\x5bx`\n\n"


def test_outputs_and_a_summary_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = open_job(make_environ(tmp_path, make_pull_request()) | {"GITHUB_STEP_SUMMARY": "/dev/null"})
    job.set_output("exit-code", "2")
    job.write_page("plan", "no plan")
    assert (tmp_path / "output").read_text() == "exit-code=2\n"
    assert "::warning title=reconcile::the job summary was not written: /dev/null" in capsys.readouterr().out
