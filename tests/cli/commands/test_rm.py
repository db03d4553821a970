"""`reconcile rm`, typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from tests.support.desired_yaml import STEEL
from tests.support.edited_file import FILE


def test_rm_removes_entries_and_reports_the_effect(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["rm", "Sintl"]) == 1
    output = capsys.readouterr().err
    assert 'no entry is called "Sintl"' in output
    assert "desired.yaml:7:5  08ada5a7a6  Sintel" in output
    run_command_line(["add", STEEL])
    capsys.readouterr()

    assert run_command_line(["rm", "sintel", "08ada5a7"]) == 0
    output = capsys.readouterr().out
    assert "passkey" not in output
    assert "removed  08ada5a7a6  Sintel   desired.yaml:7:5 · home · policy sync: the next run deletes" in output
    assert file.read_text() == FILE[: FILE.index("  - magnet")] + f"  - magnet: {STEEL}\n"

    assert run_command_line(["rm", STEEL + "&tr=http%3A%2F%2Fpasskey"]) == 0
    assert "the guard refuses all deletions" in capsys.readouterr().out
    assert file.read_text() == FILE[: FILE.index("torrents:")] + "torrents: []\n"


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        ("policy: sync", "policy: upsert", "policy upsert: the torrent itself stays"),
        ("policy: sync", "policy: sync\nquarantine: 7d", "stops the torrent if we own it, and deletes it after 7d"),
        ("tags:   [a]", "state: absent", "the next run no longer deletes the torrent"),
    ],
)
def test_rm_explains_what_the_next_run_does(
    old: str, new: str, effect: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(FILE.replace(old, new) + f"  - magnet: {STEEL}\n")
    assert run_command_line(["rm", "Sintel", "--dry-run", "--output", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["written"] is False
    assert effect in report["torrents"][0]["note"]


def test_rm_rejects_an_unknown_instance(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["rm", "Sintel", "--instance", "attic"]) == 4
    assert capsys.readouterr().err == 'error: there is no instance "attic". Known: home\n'
    assert file.read_text() == FILE
