"""`reconcile explain`, typed, on an instance in memory."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from reconciler.engine.context import RunContext
from reconciler.journal import JOURNAL_FILE_NAME
from reconciler.model.errors import AuthenticationError
from reconciler.model.plan import Verb
from reconciler.model.snapshot import AddOptions
from reconciler.testing import MemoryInstance
from tests.support.desired_yaml import BUNNY
from tests.support.example_runs import make_infohash
from tests.support.journal_runs import JournalRecorder, make_action_result, make_read_instance

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(autouse=True)
def instance(monkeypatch: pytest.MonkeyPatch) -> MemoryInstance:
    """An instance with the torrent Bunny, in place of `home`."""
    instance = MemoryInstance()
    instance.add_magnets([BUNNY + "&dn=Bunny"], AddOptions(stopped=False, auto_tmm=False))
    monkeypatch.setattr(
        "reconciler.engine.context.RunContext", partial(RunContext, connect=lambda _instance, _stop: instance)
    )
    return instance


def test_explain_shows_the_plan_for_a_declared_torrent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain", "Sintel"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Sintel   08ada5a7a6183aae1e09d831df6748d566095a10\n")
    assert "desired.yaml:6:5" in text
    assert "add: not on the instance" in text


def test_explain_finds_a_torrent_that_is_only_live(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain", "dd8255", "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 0
    assert document["name"] == "Bunny"


def test_a_name_without_a_torrent_shows_similar_torrents(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain", "Sintl"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines()[-1] == "  08ada5a7a6  Sintel   desired.yaml:6:5"


def test_an_unreadable_instance_is_exit_code_1_and_the_declaration_is_shown(
    instance: MemoryInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    instance.fail_next(9, AuthenticationError("home: the password is wrong"))
    assert run_command_line(["explain", "Sintel"]) == 1
    assert "the password is wrong" in capsys.readouterr().out


def test_an_unknown_instance_is_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain", "Sintel", "--instance", "attic"]) == 4
    assert 'no instance "attic"' in capsys.readouterr().err


@pytest.fixture
def recorder(tmp_path: Path) -> JournalRecorder:
    """A journal with the addition of the torrent t1."""
    recorder = JournalRecorder(tmp_path / "journal")
    recorder.record(make_read_instance(make_action_result(Verb.ADD, 1)))
    return recorder


def test_explain_shows_only_recent_runs_of_the_torrent(
    recorder: JournalRecorder, instance: MemoryInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    instance.add_magnets([f"magnet:?xt=urn:btih:{make_infohash(1)}"], AddOptions(stopped=False, auto_tmm=False))
    assert run_command_line(["explain", make_infohash(1), "--state-dir", str(recorder.folder)]) == 0
    assert "\nrecent runs\n" in capsys.readouterr().out
    assert run_command_line(["explain", "Sintel", "--state-dir", str(recorder.folder)]) == 0
    assert "recent runs" not in capsys.readouterr().out


def test_a_damaged_journal_is_only_a_warning(recorder: JournalRecorder, capsys: pytest.CaptureFixture[str]) -> None:
    (recorder.folder / JOURNAL_FILE_NAME).write_bytes(b"not a database" * 100)
    assert run_command_line(["explain", "Sintel", "--state-dir", str(recorder.folder)]) == 0
    output = capsys.readouterr()
    assert output.out.startswith("Sintel ")
    assert output.err.startswith("warning: ")
