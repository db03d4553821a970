"""The options of the commands on files reach them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.commands.add import AddSettings
from reconciler.cli.commands.rm import RemoveSettings
from reconciler.cli.main import run_command_line
from reconciler.cli.settings import Settings
from tests.cli.conftest import RecordedCalls


def test_add_sets_only_the_keys_of_given_options(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = RecordedCalls()
    monkeypatch.setattr("reconciler.cli.commands.add.add_command", calls)
    assert run_command_line(["add", "a.torrent"]) == 0
    assert run_command_line(["add", "a.torrent", "--to", "b.yaml", "--tag", "x", "--tag", "y", "--paused"]) == 0
    assert calls.arguments == [
        (Settings(), AddSettings(("a.torrent",), None, {}, False)),
        (Settings(), AddSettings(("a.torrent",), Path("b.yaml"), {"tags": ["x", "y"], "paused": True}, False)),
    ]


@pytest.mark.parametrize("arguments", [["--dry-run", "rm", "x"], ["rm", "x", "--dry-run"]])
def test_a_dry_run_of_rm_is_requested_before_or_after_its_name(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = RecordedCalls()
    monkeypatch.setattr("reconciler.cli.commands.rm.remove_command", calls)
    assert run_command_line(arguments) == 0
    assert calls.arguments == [(Settings(), RemoveSettings(("x",), None, True))]
