"""`reconcile snapshot`, on instances that are made up."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.run import Status
from tests.support.planner_inputs import make_snapshot

LIVE = LiveInstance("home", "http://home", make_snapshot([{"hash": "x", "name": "Sintel"}]))
DOWN = LiveInstance("home", "http://home", status=Status.UNREACHABLE, error="home: no connection.")


@pytest.fixture
def read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[LiveInstance]:
    """Return the list of the instances that are read."""
    instances = [LIVE]

    def take(*_: object) -> LiveState:
        return LiveState(datetime(2026, 11, 29, tzinfo=UTC), "home", tuple(instances))

    monkeypatch.setattr("reconciler.queries.snapshot.take_snapshot", take)
    return instances


def test_it_is_printed_or_written(read: list[LiveInstance], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["snapshot"]) == 0
    printed = capsys.readouterr().out
    assert run_command_line(["snapshot", "-o", "live.json"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "home: 1 torrent\n")
    assert (folder / "live.json").read_text() == printed and "Sintel" in printed
    assert run_command_line(["snapshot", "--hash-names"]) == 0
    assert "Sintel" not in capsys.readouterr().out


def test_an_instance_that_could_not_be_read_is_in_the_file(
    read: list[LiveInstance], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read[:] = [DOWN]
    assert run_command_line(["snapshot", "-o", "live.json"]) == 1
    assert capsys.readouterr().err == "warning: home: no connection. The snapshot says that home could not be read\n"
    (home,) = json.loads((folder / "live.json").read_text())["instances"]
    assert home["error"] == "home: no connection." and "torrents" not in home


def test_a_stopped_command_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> LiveState:
        os.kill(os.getpid(), signal.SIGTERM)
        return LiveState(datetime(2026, 11, 29, tzinfo=UTC), "home", (DOWN,))

    monkeypatch.setattr("reconciler.queries.snapshot.take_snapshot", stop)
    (folder / "live.json").write_text("as before")
    assert run_command_line(["snapshot", "-o", "live.json"]) == 143
    assert "nothing was written" in capsys.readouterr().err
    assert (folder / "live.json").read_text() == "as before"


def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_read(folder: Path) -> None:
    assert run_command_line(["snapshot", "-o", "gone/live.json"]) == 4
