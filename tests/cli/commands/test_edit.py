"""Rules that `reconcile add` and `reconcile rm` share."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from tests.support.desired_yaml import BUNNY, SINTEL, STEEL
from tests.support.edited_file import FILE

TWO = "version: 1\npolicy: upsert\ninstances: {one: {url: 'http://h1'}, two: {url: 'http://h2'}}\n"


def test_an_invalid_file_is_not_changed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + "bogus: 1\n")
    assert run_command_line(["add", STEEL]) == 4
    assert run_command_line(["rm", "Sintel"]) == 4
    assert "desired.yaml:9:1: error[E030]: unknown key" in capsys.readouterr().err
    assert file.read_text() == FILE + "bogus: 1\n"


def test_dry_run_applies_from_the_environment_and_before_the_command(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILE_DRY_RUN", "1")
    assert run_command_line(["add", STEEL]) == 0
    assert run_command_line(["rm", "Sintel"]) == 0
    assert run_command_line(["--dry-run", "rm", "Sintel"]) == 0
    assert file.read_text() == FILE


def test_add_and_rm_choose_the_file_and_the_instance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base_file, defaults_file, empty_file = (tmp_path / name for name in ("base.yaml", "one.yaml", "two.yaml"))
    base_file.write_text(TWO)
    defaults_file.write_text(f"version: 1\ndefaults: {{instance: one, category: c}}\ntorrents:\n- magnet: {SINTEL}\n")
    files = ["-f", str(tmp_path)]
    assert run_command_line(["add", STEEL, *files]) == 0, "only one has torrents"
    assert defaults_file.read_text().endswith(f"- magnet: {SINTEL}\n- magnet: {STEEL}\n")
    assert "with these defaults of the file: instance, category" in capsys.readouterr().out

    empty_file.write_text("version: 1\ntorrents: []\n")
    assert run_command_line(["add", BUNNY, *files]) == 4
    assert "Choose one with --to FILE" in capsys.readouterr().err
    assert run_command_line(["add", BUNNY, *files, "--to", str(empty_file)]) == 4
    assert "there are several instances: one, two. Choose one" in capsys.readouterr().err
    assert run_command_line(["add", BUNNY, *files, "--to", str(empty_file), "--instance", "two"]) == 0
    assert empty_file.read_text() == f"version: 1\ntorrents:\n  - magnet: {BUNNY}\n    instance: two\n"
    assert run_command_line(["add", SINTEL, *files, "--to", str(empty_file), "--instance", "two"]) == 0, (
        "elsewhere it is another matter"
    )
    capsys.readouterr()

    assert run_command_line(["rm", "08ada5", *files]) == 1
    output = capsys.readouterr().err
    assert '"08ada5" matches 2 entries' in output
    assert f"{defaults_file}:4:3" in output and "on two" in output
    assert run_command_line(["rm", "08ada5", "209c82", *files, "--instance", "one"]) == 0
    assert defaults_file.read_text() == "version: 1\ndefaults: {instance: one, category: c}\ntorrents: []\n"


def test_a_file_that_cannot_be_written_is_reported_and_unchanged(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run_command_line(["add", STEEL]) == 1
    assert "could not be written and is unchanged: No space left" in capsys.readouterr().err
    assert [path.name for path in file.parent.iterdir()] == ["desired.yaml"]
    assert file.read_text() == FILE
