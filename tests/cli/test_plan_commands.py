"""The options of the commands for plans reach them, before and after the name."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.commands.snapshot import SnapshotSettings
from reconciler.cli.main import run_command_line
from reconciler.cli.settings import RunSettings, Settings
from reconciler.model.shard import Shard
from tests.cli.conftest import RecordedCalls

HASH = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dry-run", "--strict", "--accept-plan", HASH, "--take-over", "--shard", "1/3", "apply", "plan.json"],
        ["apply", "plan.json", "--dry-run", "--strict", "--accept-plan", HASH, "--take-over", "--shard", "1/3"],
    ],
)
def test_apply_accepts_the_options_of_a_run_before_and_after_its_name(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = RecordedCalls()
    monkeypatch.setattr("reconciler.cli.commands.apply.apply_command", calls)
    assert run_command_line(arguments) == 0
    expected = RunSettings(dry_run=True, strict=True, accept_plan=HASH, take_over=True, shard=Shard(1, 3))
    assert calls.arguments == [(Settings(), expected, Path("plan.json"))]


def test_a_snapshot_keeps_names_and_goes_to_standard_output_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = RecordedCalls()
    monkeypatch.setattr("reconciler.cli.commands.snapshot.snapshot_command", calls)
    assert run_command_line(["snapshot"]) == 0
    assert run_command_line(["snapshot", "-o", "live.json", "--hash-names"]) == 0
    assert calls.arguments == [
        (Settings(), SnapshotSettings(None, False)),
        (Settings(), SnapshotSettings(Path("live.json"), True)),
    ]
