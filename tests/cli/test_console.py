"""Output: reports to standard output and to files, messages to standard error."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import TextIO

import pytest

from reconciler.cli import console
from reconciler.cli.settings import CommandFailure, LogFormat, OutputFormat, Settings
from reconciler.model.position import Position, Problem
from tests.support.streams import replace_streams

PROBLEM = Problem(Position("desired.yaml", 2, 1), "E030", "unknown key", "Remove it")


def test_a_closed_pipe_is_no_error_and_a_full_disk_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def close_pipe(_stream: TextIO) -> None:
        raise BrokenPipeError

    def fill_disk(_stream: TextIO) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with (tmp_path / "out").open("w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        assert console.write_report(lambda output: output.write("whole")) is True
        assert (tmp_path / "out").read_text() == "whole"
        assert console.write_report(close_pipe) is False
        with pytest.raises(CommandFailure, match="to standard output: No space left on device") as failure:
            console.write_report(fill_disk)
    assert failure.value.exit_code == 1


def test_a_report_path_is_a_file_in_an_existing_folder(tmp_path: Path) -> None:
    console.check_output_path(tmp_path / "report.json", "--report")
    for path, message in ((tmp_path / "a" / "b", "there is no folder"), (tmp_path, "is a folder. Name a file")):
        with pytest.raises(CommandFailure, match=message) as failure:
            console.check_output_path(path, "--report")
        assert failure.value.exit_code == 4


def test_a_report_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    console.save_output(file, lambda stream: stream.write("old"))

    def fail(stream: TextIO) -> None:
        stream.write("new")
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(CommandFailure, match=r"report\.json: Input/output error"):
        console.save_output(file, fail)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failure_is_reported_in_the_requested_format(capsys: pytest.CaptureFixture[str]) -> None:
    failure = CommandFailure("invalid", 4, [PROBLEM], ["reconcile demo"])
    console.report_failure(Settings(), failure)
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("desired.yaml:2:1: error[E030]: unknown key")
    assert output.err.endswith("error: invalid\nreconcile explain-error E030 explains the code\n\n  reconcile demo\n")

    console.report_failure(Settings(output=OutputFormat.JSON), failure)
    document = json.loads(capsys.readouterr().out)
    assert (document["exit_code"], document["error"], document["more"]) == (4, "invalid", ["reconcile demo"])

    console.report_failure(Settings(output=OutputFormat.GITHUB), failure)
    output = capsys.readouterr()
    assert "::error file=desired.yaml,line=2,col=1," in output.out
    assert output.err == "", "a GitHub job shows both streams in one log"


def test_a_json_log_has_an_event_for_each_problem(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_failure(Settings(log_format=LogFormat.JSON), CommandFailure("invalid", 4, [PROBLEM]))
    problem, end = map(json.loads, capsys.readouterr().err.splitlines())
    assert (problem["event"], problem["level"], problem["line"]) == ("unknown key", "error", 2)
    assert (end["event"], end["exit_code"]) == ("invalid", 4)


def test_a_terminal_shows_the_first_50_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with replace_streams(monkeypatch, "stderr") as terminal:
        console.print_failure(Settings(), CommandFailure("invalid", 4, [PROBLEM] * 51))
        text = terminal.getvalue()
    assert text.count("error[E030]: unknown key") == 50
    assert "… and 1 more; --output json shows all" in text


def test_warnings_are_omitted_if_quiet_or_in_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_problems(Settings(output=OutputFormat.JSON), [PROBLEM])
    console.print_problems(Settings(quiet=True), [PROBLEM])
    console.print_warning(Settings(quiet=True), "careful")
    console.print_info(Settings(quiet=True), "done")
    assert capsys.readouterr().err == ""
    console.print_problems(Settings(), [PROBLEM])
    console.print_warning(Settings(), "careful")
    assert capsys.readouterr().err.splitlines()[0].startswith("desired.yaml:2:1: warning[E030]: unknown key")


def test_a_path_is_relative_to_the_repository_only_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert console.make_repository_relative("desired.yaml") == "desired.yaml"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert console.make_repository_relative("desired.yaml") == "sub/desired.yaml"
    assert console.make_repository_relative("/etc/desired.yaml") == "/etc/desired.yaml"
    assert console.make_repository_relative("../x/./y.yaml") == "x/y.yaml"
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "link"))
    assert console.make_repository_relative("desired.yaml") == "sub/desired.yaml"
