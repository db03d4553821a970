"""`reconcile history`, typed, and the access of other commands to the journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.commands.history import read_past_runs
from reconciler.cli.main import run_command_line
from reconciler.cli.settings import Settings
from reconciler.journal import JOURNAL_FILE_NAME
from reconciler.model.plan import Verb
from tests.support.example_runs import make_infohash
from tests.support.journal_runs import JournalRecorder, make_action_result, make_read_instance, make_unread_instance


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """The folder of a journal with three runs: additions on `home` and `box`, and a failure of `home`."""
    recorder = JournalRecorder(tmp_path / "journal")
    recorder.record(make_read_instance(make_action_result(Verb.ADD, 1)))
    recorder.record(make_read_instance(make_action_result(Verb.ADD, 2), name="box"))
    recorder.record(make_unread_instance(), exit_code=1)
    assert recorder.warnings == []
    return recorder.folder


def test_history_shows_the_newest_runs_first(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["history", "--state-dir", str(recorded), "--limit", "2", "--output", "json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["exit_code"] for run in runs] == [1, 0]
    assert [[action["name"] for action in run["actions"]] for run in runs] == [[], ["t2"]]


def test_history_selects_a_torrent_and_an_instance(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--state-dir", str(recorded), "--output", "json"]
    assert run_command_line(["history", *options, "--torrent", make_infohash(1)]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [action["name"] for action in run["actions"]] == ["t1"]
    assert run_command_line(["history", *options, "--instance", "box"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [action["name"] for action in run["actions"]] == ["t2"]


def test_an_empty_history_names_the_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["history", "--state-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"No matching runs in the journal: {tmp_path}/")


def test_a_damaged_journal_is_exit_code_1(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = recorded / JOURNAL_FILE_NAME
    journal.write_bytes(b"not a database" * 100)
    assert run_command_line(["history", "--state-dir", str(recorded)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert str(journal) in output.err


def test_without_a_home_directory_only_history_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME")
    assert read_past_runs(Settings(), "", 5) == []
    assert run_command_line(["history"]) == 4
    assert "Name its folder with --state-dir" in capsys.readouterr().err
