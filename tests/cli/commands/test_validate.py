"""`reconcile validate`, typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line


def test_validate_in_every_format(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (folder / "desired.yaml").read_text()
    (folder / "desired.yaml").write_text(text.replace("{env: HOME_PASSWORD}", '"plain"'))
    assert run_command_line(["validate"]) == 0
    output = capsys.readouterr()
    assert output.out == "desired.yaml: valid: 1 torrent on 1 instance\n"
    assert output.err.startswith("desired.yaml:4:")
    assert ": warning[W001]: " in output.err
    assert run_command_line(["validate", "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert run_command_line(["validate", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["torrents"] == 1
    assert run_command_line(["validate", "--output", "markdown"]) == 0
    assert "**1 warning**" in capsys.readouterr().out
    assert run_command_line(["validate", "--output", "github"]) == 0
    assert capsys.readouterr().out.startswith("::warning file=desired.yaml,line=4,")


def test_validate_needs_no_secret_and_downloads_no_torrent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOME_PASSWORD")
    with (folder / "desired.yaml").open("a") as stream:
        stream.write("  - torrent: http://127.0.0.1:9/a.torrent\n")
    assert run_command_line(["validate"]) == 0
    assert capsys.readouterr().out == (
        "desired.yaml: valid: 1 torrent on 1 instance, and 1 torrent by URL, which validate does not fetch\n"
    )


def test_validate_lists_every_problem_with_its_position(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "desired.yaml").write_text("version: 1\npolicy: sink\ninstances: {}\nlorem: ipsum\n")
    assert run_command_line(["validate"]) == 4
    output = capsys.readouterr()
    assert output.out == ""
    assert "desired.yaml:2:9: error[E036]: " in output.err
    assert 'desired.yaml:4:1: error[E030]: unknown key "lorem"' in output.err


@pytest.mark.parametrize("output", ["text", "json", "markdown", "github"])
def test_a_link_that_leads_out_of_the_folder_shows_nothing_of_its_target(
    folder: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "desired").mkdir()
    (folder / "elsewhere").write_text("s3cret: value\n")
    (folder / "desired" / "x.yaml").symlink_to("../elsewhere")
    assert run_command_line(["validate", "-f", "desired", "--output", output]) == 4
    shown = "".join(capsys.readouterr())
    assert "a link leads out of its folder here, and is not followed" in shown
    assert "s3cret" not in shown


def test_validate_counts_included_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "desired.yaml").open("a") as stream:
        stream.write("include: [more.yaml]\n")
    (folder / "more.yaml").write_text("version: 1\n")
    assert run_command_line(["validate"]) == 0
    assert capsys.readouterr().out == "desired.yaml with 1 included file: valid: 1 torrent on 1 instance\n"
