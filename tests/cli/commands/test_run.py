"""Outputs, formats and exit codes of a run."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run_command_line
from reconciler.engine.selection import UnknownInstance
from reconciler.model.position import Position, Problem
from reconciler.model.run import Run, RunMode
from tests.cli.conftest import FakeRun
from tests.support.example_runs import converged, planned, refused

BROKEN = "version: 1\npolicy: sink\ninstances: {home: {url: 'http://127.0.0.1:9'}}\ntorrents: []\nlorem: ipsum\n"


def answering(result: Run) -> Any:
    """Return a function that answers with this run."""
    return lambda *_: result


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_run_determines_the_exit_code(code: int, fake_run: FakeRun) -> None:
    fake_run.answer = answering(Run(converged().mode, "sha256:", code))
    assert run_command_line([]) == code


@pytest.mark.usefixtures("folder")
def test_each_format_goes_only_to_standard_output(fake_run: FakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    fake_run.answer = answering(replace(planned(), warnings=()))
    begins = {"text": "attic    UNREACHABLE", "json": '{"format_version"', "markdown": "### rec", "github": "::group::"}
    for form, beginning in begins.items():
        assert run_command_line(["--dry-run", "--output", form]) == 1
        output = capsys.readouterr()
        assert output.out.startswith(beginning)
        assert output.err == ""


@pytest.mark.usefixtures("folder")
def test_warnings_of_the_plan_go_to_standard_error_of_a_text_report(
    fake_run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Problem(Position("desired.yaml", 1, 1), "W005", "the rule matches no file")
    fake_run.answer = answering(replace(converged(), mode=RunMode.DRY_RUN, warnings=(found,)))
    run_command_line(["--dry-run"])
    expected = "desired.yaml:1:1: warning[W005]: the rule matches no file\n    1 | version: 1\n      | ^^^^^^^\n"
    assert expected in capsys.readouterr().err
    run_command_line(["--dry-run", "--output", "json"])
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("folder")
def test_a_refusal_shows_the_command_that_approves_the_plan(
    fake_run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_run.answer = answering(replace(refused(), mode=RunMode.DRY_RUN))
    arguments = ["-f", "desired.yaml", "--dry-run", "--output", "text", "--instance", "home", "--take-over"]
    assert run_command_line(arguments) == 3
    expected = "reconcile -f desired.yaml --instance home --take-over --accept-plan sha256:0123"
    assert any(line.startswith(expected) for line in capsys.readouterr().out.splitlines())


def test_the_report_file_is_the_json_report(
    folder: Path, fake_run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_run.answer = answering(planned())
    assert run_command_line(["--report", "report.json"]) == 1
    assert json.loads((folder / "report.json").read_text())["summary"]["add"] == 1
    assert run_command_line(["--report", "report.json", "--output", "json"]) == 1
    assert capsys.readouterr().out.endswith((folder / "report.json").read_text())
    assert sorted(file.name for file in folder.iterdir()) == ["desired.yaml", "report.json"]


def test_a_report_file_replaces_the_target_of_a_link(folder: Path, fake_run: FakeRun) -> None:
    (folder / "real").mkdir()
    (folder / "real" / "report.json").write_text("old")
    (folder / "link.json").symlink_to("real/report.json")
    assert run_command_line(["--report", "link.json"]) == 0
    assert (folder / "link.json").is_symlink()
    assert (folder / "real" / "report.json").read_text().startswith("{")
    assert len(fake_run.calls) == 1


@pytest.mark.usefixtures("folder", "fake_run")
def test_a_report_may_go_into_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    document: list[str] = []
    reader = threading.Thread(target=lambda: document.append(pipe.read_text()), daemon=True)
    reader.start()
    assert run_command_line(["--report", str(pipe)]) == 0
    reader.join(10)
    assert json.loads(document[0])["exit_code"] == 0
    assert pipe.is_fifo()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("code", "expected"), [(0, 1), (1, 1), (2, 1), (3, 3)])
def test_a_failed_report_file_does_not_cost_the_report(
    code: int, expected: int, fake_run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_run.answer = answering(Run(converged().mode, "sha256:", code))
    assert run_command_line(["--report", "/dev/full", "--output", "json"]) == expected
    output = capsys.readouterr()
    assert json.loads(output.out)["exit_code"] == code
    assert output.err == "error: the report could not be written to /dev/full: No space left on device\n"


@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["validate"], ["status"]])
def test_an_invalid_desired_state_as_text(
    arguments: list[str], folder: Path, fake_run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "desired.yaml").write_text(BROKEN)
    assert run_command_line(arguments) == 4
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert lines[0].startswith('desired.yaml:2:9: error[E036]: "policy" must be')
    assert lines[1:3] == ["    2 | policy: sink", "      |         ^^^^"]
    assert lines[3].startswith('desired.yaml:5:1: error[E030]: unknown key "lorem"')
    assert lines[4:6] == ["    5 | lorem: ***", "      | ^^^^^"]
    assert lines[6] == "error: the desired state is invalid: 2 problems; nothing was changed"
    assert lines[7] == "reconcile explain-error E036 explains the code"
    assert fake_run.calls == []


@pytest.mark.usefixtures("fake_run")
def test_an_invalid_desired_state_in_the_other_formats(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "desired.yaml").write_text(BROKEN)
    assert run_command_line(["--output", "json", "--report", "report.json"]) == 4
    out = capsys.readouterr().out
    document = json.loads(out)
    assert document["exit_code"] == 4
    assert [(problem["file"], problem["line"], problem["column"]) for problem in document["problems"]] == [
        ("desired.yaml", 2, 9),
        ("desired.yaml", 5, 1),
    ]
    assert (folder / "report.json").read_text() == out
    assert run_command_line(["--output", "markdown"]) == 4
    assert "- `desired.yaml:2:9` `" in capsys.readouterr().out
    assert run_command_line(["--output", "github"]) == 4
    assert "::error file=desired.yaml,line=2,col=9,title=invalid desired state (E036)::" in capsys.readouterr().out


@pytest.mark.usefixtures("fake_run")
def test_annotations_have_paths_from_the_top_of_the_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "desired.yaml").write_text(BROKEN)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder.parent))
    assert run_command_line(["--output", "github"]) == 4
    assert f"file={folder.name}/desired.yaml,line=2" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_an_unknown_instance(fake_run: FakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    def unknown(*_: object) -> Run:
        raise UnknownInstance('no instance "x" in the desired state, which has: home')

    fake_run.answer = unknown
    assert run_command_line(["--instance", "x", "--output", "json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"].startswith('no instance "x"')


@pytest.mark.usefixtures("folder")
def test_an_internal_error_has_a_traceback_only_with_verbose(
    fake_run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_run.answer = lambda *_: 1 // 0  # type: ignore[assignment]
    assert run_command_line([]) == 1
    calm = capsys.readouterr().err
    assert calm.startswith("error: internal error: ZeroDivisionError: ")
    assert "Traceback" not in calm
    assert run_command_line(["-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.usefixtures("folder", "fake_run")
def test_logs_go_to_standard_error_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["-v", "--log-format", "json"]) == 0
    output = capsys.readouterr()
    events = [json.loads(line) for line in output.err.splitlines()]
    assert [event["event"] for event in events] == ["desired state loaded", "run ended"]
    assert {"level", "timestamp"} <= set(events[0])
    assert "secret-of-home" not in output.err + output.out
