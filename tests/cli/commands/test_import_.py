"""`reconcile import`, typed, on instances in memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from reconciler.engine.context import RunContext
from reconciler.model.errors import AuthenticationError
from reconciler.model.snapshot import AddOptions
from reconciler.testing import MemoryInstance
from tests.support.desired_yaml import BUNNY, SINTEL


def test_import_without_a_file_prints_a_starter_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["import"]) == 4
    output = capsys.readouterr().err
    lines = [line.removeprefix("  ") for line in output.splitlines()[2:]]
    assert "write these lines to desired.yaml" in output
    (tmp_path / "desired.yaml").write_text("\n".join(lines) + "\n")
    assert run_command_line(["validate"]) == 0
    assert run_command_line(["import", "--output", "json"]) == 4


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> MemoryInstance:
    """An instance with the torrent Bunny, in place of `home`."""
    instance = MemoryInstance()
    instance.add_magnets([BUNNY + "&dn=Bunny&tr=http%3A%2F%2Ft%2Fpasskey"], AddOptions(stopped=False, auto_tmm=False))
    monkeypatch.setattr(
        "reconciler.engine.context.RunContext", partial(RunContext, connect=lambda _instance, _stop: instance)
    )
    return instance


@pytest.mark.usefixtures("instance")
def test_import_writes_a_new_file_and_shows_the_next_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["import", "-o", "new file.yaml"]) == 0
    output = capsys.readouterr()
    assert output.out == (
        "new file.yaml: 1 torrent\n"
        "next: reconcile -f desired.yaml -f 'new file.yaml' --dry-run\n"
        "or:   add include: [new file.yaml] to desired.yaml, and then: reconcile --dry-run\n"
    )
    assert output.err == "note: tracker URLs may contain a passkey; only you can read the file\n"
    written = folder / "new file.yaml"
    assert BUNNY in written.read_text()
    assert SINTEL not in written.read_text()
    assert written.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("folder", "instance")
def test_import_without_out_prints_only_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["import", "--quiet"]) == 0
    output = capsys.readouterr()
    assert "version: 1\n" in output.out
    assert BUNNY in output.out
    assert output.err == ""


@pytest.mark.usefixtures("folder", "instance")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "desired.yaml"], "--out: desired.yaml exists and is not overwritten. Name another file"),
        (["-o", "nowhere/new.yaml"], "--out: there is no folder nowhere"),
        (["--torrents", "nowhere/files"], "--torrents: there is no folder nowhere"),
        (["--torrents", "desired.yaml"], "--torrents: desired.yaml is not a folder"),
        (["--instance", "attic"], 'no instance "attic"'),
        (["--category", "films"], 'no torrent has the category "films"'),
    ],
)
def test_import_rejects_targets_and_filters_that_it_cannot_use(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "desired.yaml").read_text()
    assert run_command_line(["import", *arguments]) == 4
    assert message in capsys.readouterr().err
    assert (folder / "desired.yaml").read_text() == text
    assert [path.name for path in folder.iterdir()] == ["desired.yaml"]


def test_an_instance_that_cannot_be_read_writes_nothing(
    folder: Path, instance: MemoryInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    instance.fail_next(9, AuthenticationError("home: the password is wrong"))
    assert run_command_line(["import", "-o", "new.yaml"]) == 1
    assert capsys.readouterr().err == (
        "error: home: the password is wrong; nothing was written. Limit the import with --instance\n"
    )
    assert not (folder / "new.yaml").exists()


@pytest.mark.usefixtures("instance")
def test_import_includes_the_new_file_and_keeps_the_rest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "# mine\n" + (folder / "desired.yaml").read_text()
    (folder / "desired.yaml").write_text(text)
    assert run_command_line(["import", "-o", "new.yaml", "--include", "--quiet"]) == 0
    assert capsys.readouterr().out == (
        "new.yaml: 1 torrent\ndesired.yaml: includes new.yaml now\nnext: reconcile --dry-run\n"
    )
    assert (folder / "desired.yaml").read_text() == text.replace("version: 1\n", "version: 1\ninclude: [new.yaml]\n")
    assert run_command_line(["validate"]) == 0
    assert capsys.readouterr().out == "desired.yaml with 1 included file: valid: 2 torrents on 1 instance\n"


@pytest.mark.usefixtures("instance")
def test_import_writes_no_include_for_a_file_that_is_read_already(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sets").mkdir()
    (folder / "sets" / "old.yaml").write_text("version: 1\n")
    with (folder / "desired.yaml").open("a") as stream:
        stream.write("include: [sets/*.yaml]\n")
    text = (folder / "desired.yaml").read_text()
    assert run_command_line(["import", "-o", "sets/new.yaml", "--include", "--quiet"]) == 0
    assert capsys.readouterr().out == "sets/new.yaml: 1 torrent\nnext: reconcile --dry-run\n"
    assert (folder / "desired.yaml").read_text() == text


@pytest.mark.usefixtures("folder", "instance")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--include"], "--include requires --out FILE"),
        (["--include", "-o", "../new.yaml"], "../new.yaml is outside of the folder of desired.yaml"),
    ],
)
def test_import_refuses_an_include_that_could_not_be_read(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["import", *arguments]) == 4
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("instance")
def test_import_writes_a_file_that_is_included_already(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "desired.yaml").open("a") as stream:
        stream.write("include: [new.yaml]\n")
    assert run_command_line(["import", "-o", "other.yaml", "--quiet"]) == 4, "the file that it includes is not there"
    assert "there is no file new.yaml" in capsys.readouterr().err
    assert run_command_line(["import", "-o", "new.yaml", "--quiet"]) == 0
    assert capsys.readouterr().out == "new.yaml: 1 torrent\nnext: reconcile --dry-run\n"
    assert run_command_line(["validate"]) == 0
