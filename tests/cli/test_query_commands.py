"""The options of the commands that only read reach them."""

from __future__ import annotations

import pytest

from reconciler.cli.main import run_command_line
from reconciler.cli.settings import Settings
from tests.cli.conftest import RecordedCalls


def test_history_shows_20_runs_unless_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = RecordedCalls()
    monkeypatch.setattr("reconciler.cli.commands.history.history_command", calls)
    assert run_command_line(["history"]) == 0
    assert run_command_line(["history", "--limit", "5", "--torrent", "08ada5", "--instance", "home"]) == 0
    assert calls.arguments == [(Settings(), "", 20), (Settings(instances=("home",)), "08ada5", 5)]


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_command_determines_the_exit_code(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.cli.commands.doctor.doctor_command", RecordedCalls(code))
    assert run_command_line(["doctor"]) == code
