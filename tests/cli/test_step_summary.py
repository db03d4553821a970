"""The job summary of a GitHub step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from reconciler.cli.step_summary import MAX_BYTES, VARIABLE, append_step_summary
from tests.cli.conftest import FakeRun
from tests.support.example_runs import planned


def test_it_is_appended_only_where_the_variable_is_set(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    assert append_step_summary("nowhere", {}) == append_step_summary("nowhere", {VARIABLE: ""}) == ""
    assert append_step_summary("### één\n", {VARIABLE: str(file)}) == ""
    assert append_step_summary("### two", {VARIABLE: str(file)}) == ""
    assert file.read_text(encoding="utf-8") == "### één\n\n### two\n\n"


def test_a_step_may_write_one_mebibyte_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_bytes(b"x" * (MAX_BYTES - 5))
    assert append_step_summary("abc", {VARIABLE: str(file)}) == ""
    assert append_step_summary("", {VARIABLE: str(file)}).endswith("would be larger than 1 MiB")
    assert file.stat().st_size == MAX_BYTES


def test_it_says_why_it_cannot_be_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in {
        str(tmp_path): "could not be written to {}: Is a directory",
        str(tmp_path / "no" / "where"): "could not be written to {}: No such file or directory",
        str(tmp_path / "pipe"): "could not be written to {}: No such device or address",
        "/dev/null": "was not written: {} is not a regular file",
    }.items():
        assert append_step_summary("x", {VARIABLE: path}) == f"the job summary {reason.format(path)}"


@pytest.mark.usefixtures("folder")
def test_the_format_github_writes_it_and_no_other_format_does(
    tmp_path: Path, fake_run: FakeRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "summary.md"
    monkeypatch.setenv(VARIABLE, str(file))
    fake_run.answer = lambda *_: planned()
    for form in ("text", "json", "markdown"):
        run_command_line(["--dry-run", "--output", form])
    assert not file.exists()
    capsys.readouterr()
    assert run_command_line(["--dry-run", "--output", "markdown"]) == 1
    report = capsys.readouterr().out
    assert run_command_line(["--dry-run", "--output", "github"]) == 1
    assert file.read_text() == report + "\n"
    assert "::group::reconcile: " in capsys.readouterr().out
    assert run_command_line(["validate", "--output", "github"]) == 0
    assert run_command_line(["validate", "-f", "missing.yaml", "--output", "github"]) == 4
    titles = [line for line in file.read_text().splitlines() if line.startswith("### ")]
    assert titles[1:] == [
        "### reconcile: `desired.yaml: valid: 1 torrent on 1 instance`",
        "### reconcile: `the desired state is invalid: 1 problem; nothing was changed`",
    ]


@pytest.mark.usefixtures("folder", "fake_run")
def test_a_summary_that_cannot_be_written_fails_nothing_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert run_command_line(["--dry-run", "--output", "github"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"::warning title=reconcile::the job summary could not be written to {tmp_path}: Is a directory"
    )
