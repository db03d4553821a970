"""`reconcile init`, typed, on an instance in memory."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest

from reconciler.cli.commands.init import InitSettings, render_first_file
from reconciler.cli.main import run_command_line
from reconciler.desired import load
from reconciler.desired.json_schema import build_json_schema
from reconciler.engine.context import RunContext
from reconciler.model.errors import AuthenticationError, BannedError, UnreachableError
from reconciler.model.snapshot import AddOptions
from reconciler.testing import MemoryInstance
from tests.support.desired_yaml import BUNNY
from tests.support.streams import type_lines

FLAGS = ["--url", "http://nas:8080", "--username", "me", "--password-env", "HOME_PASSWORD"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with a state folder beside it."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return folder


@pytest.fixture(autouse=True)
def instance(monkeypatch: pytest.MonkeyPatch) -> MemoryInstance:
    """An instance with the torrent Bunny, in place of every other."""
    instance = MemoryInstance()
    instance.add_magnets([BUNNY + "&dn=Bunny"], AddOptions(stopped=False, auto_tmm=False))
    monkeypatch.setattr(
        "reconciler.engine.context.RunContext", partial(RunContext, connect=lambda _instance, _stop: instance)
    )
    return instance


def test_init_writes_a_desired_state_that_includes_the_library(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["init", *FLAGS, "--yes"]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[1:] == [
        "desired.yaml: written",
        "desired-state.schema.json: written, for editors",
        "torrents.yaml: 1 torrent",
        "desired.yaml: includes torrents.yaml now",
        "next: reconcile --dry-run",
        "then: reconcile, to do it; with --watch, to keep it so",
    ]
    assert output.out.startswith("home: connected to http://nas:8080: qBittorrent v5.")
    desired = load([Path("desired.yaml")], os.environ)
    assert desired.yaml_files == ("desired.yaml", "torrents.yaml")
    first_line = (folder / "desired.yaml").read_text().partition("\n")[0]
    schema_file = first_line.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((folder / schema_file).read_text()) == build_json_schema()
    assert (desired.owner, str(desired.policy), len(desired.torrents)) == ("home", "upsert", 1)
    assert "secret-of-home" not in "".join(file.read_text() for file in folder.iterdir()) + output.out + output.err


def test_init_asks_for_what_is_missing_and_never_stores_the_password(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOME_PASSWORD")
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: (stream.write(prompt), "hunter2")[1])
    type_lines(monkeypatch, "nas:8080", "http://nas:8080", "", "hunter2", "$QBT-PASS", "${QBT_PASS}", "y")
    assert run_command_line(["init"]) == 0
    output = capsys.readouterr()
    assert "a url must begin with http://" in output.err
    assert "never the password itself" in output.err, "the place of the password was answered with a password"
    assert "QBT_PASS is not set here." in output.err
    assert "note: QBT_PASS is not set here. Set it: read -rs QBT_PASS; export QBT_PASS" in output.out
    assert "hunter2" not in "".join(file.read_text() for file in folder.iterdir()) + output.out + output.err
    assert "QBT_PASS" not in os.environ
    desired = load([Path("desired.yaml")], {"QBT_PASS": "x"})
    instance = desired.instances["home"]
    assert (instance.url, instance.username, len(desired.torrents)) == ("http://nas:8080", "admin", 1)


def test_init_without_an_import_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_lines(monkeypatch, "n")
    assert run_command_line(["init", *FLAGS, "-o", "my state.yaml"]) == 0
    output = capsys.readouterr()
    assert output.err == "Declare the 1 torrent that it has in torrents.yaml? [Y/n]: "
    assert output.out.splitlines()[1:] == [
        "my state.yaml: written",
        "desired-state.schema.json: written, for editors",
        "next: reconcile add -f 'my state.yaml' MAGNET, to declare a torrent",
        "then: reconcile -f 'my state.yaml' --dry-run, to see what a run would do",
        "then: reconcile -f 'my state.yaml', to do it; with --watch, to keep it so",
    ]
    assert not Path("torrents.yaml").exists()
    assert run_command_line(["add", "-f", "my state.yaml", BUNNY]) == 0
    assert run_command_line(["validate", "-f", "my state.yaml"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give --url, --username, --password-env or --password-file, --import or --no-import; or --yes for"),
        (["--url", "http://nas"], "Give --username, --password-env or --password-file, --import or --no-import; or"),
        ([*FLAGS], "Give --import or --no-import; or --yes for the defaults"),
        ([*FLAGS, "--yes", "--url", "nas"], "--url: a url must begin with http:// or https://. Write it like"),
        ([*FLAGS, "--yes", "--username", "a\tb"], "--username: a user name must be text without control"),
        ([*FLAGS, "--yes", "--name", "my nas"], "--name: a name may contain only letters, digits and . _ -"),
        ([*FLAGS, "--yes", "--owner", "a/b"], "--owner: a name may contain only letters"),
        ([*FLAGS, "--yes", "--owner", "lease"], "these answers make no valid desired state; nothing was written"),
        ([*FLAGS, "--yes", "--password-file", "x"], "--password-env cannot be combined with --password-file"),
        (["--yes", "--password-file", "none"], "--password-file: there is no such file"),
        (["--yes", "--password-env", "s3cret-word"], "--password-env: the name of a variable may contain only"),
        (["--yes", "--password-env", "UNSET_PASSWORD"], "the variable UNSET_PASSWORD with the password is not set"),
        ([*FLAGS, "--yes", "-o", "nowhere/desired.yaml"], "--out: there is no folder nowhere"),
        ([*FLAGS, "--import", "--offline"], "--import cannot be combined with --offline"),
    ],
)
def test_an_answer_that_is_missing_or_wrong_writes_nothing(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["init", *arguments]) == 4
    shown = capsys.readouterr().err
    assert message in shown
    assert "s3cret" not in shown
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["desired.yaml", "torrents.yaml"])
def test_no_file_is_overwritten(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / name).symlink_to("nowhere")
    assert run_command_line(["init", *FLAGS, "--import"]) == 4
    assert f"{name} exists and is not overwritten" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_file_of_torrents_that_exists_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "torrents.yaml").write_text("mine")
    assert run_command_line(["init", *FLAGS, "--yes"]) == 0
    assert "torrents.yaml exists already, so the torrents are not imported into it" in capsys.readouterr().err
    assert (folder / "torrents.yaml").read_text() == "mine"


@pytest.mark.parametrize("error", [AuthenticationError("home: refused"), BannedError("home: banned")])
def test_refused_credentials_are_sent_once_and_nothing_is_written(
    error: Exception,
    instance: MemoryInstance,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls = []

    def refuse() -> None:
        calls.append(1)
        raise error

    monkeypatch.setattr(instance, "open", refuse)
    type_lines(monkeypatch, "y", "y")
    assert run_command_line(["init", *FLAGS]) == 1
    assert f"nothing was written, after one attempt: {error}" in capsys.readouterr().err
    assert len(calls) == 1
    assert not list(folder.iterdir())


def test_a_file_for_an_instance_that_does_not_answer_is_written_only_on_request(
    instance: MemoryInstance, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise UnreachableError("home: nothing listens there")

    monkeypatch.setattr(instance, "open", fail)
    assert run_command_line(["init", *FLAGS, "--yes"]) == 1
    assert "--offline writes the file without a connection. home: nothing listens there" in capsys.readouterr().err
    type_lines(monkeypatch, "n")
    assert run_command_line(["init", *FLAGS]) == 1
    assert not list(folder.iterdir())
    type_lines(monkeypatch, "y")
    assert run_command_line(["init", *FLAGS]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["desired-state.schema.json", "desired.yaml"]
    (folder / "desired.yaml").unlink()
    assert run_command_line(["init", *FLAGS, "--offline"]) == 0
    assert run_command_line(["validate"]) == 0


def test_torrents_that_have_the_tag_already_are_named(
    instance: MemoryInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = ("reconcile:home",)
    instance.add_magnets([BUNNY.replace("dd", "ee")], AddOptions(stopped=False, auto_tmm=False, tags=tags))
    assert run_command_line(["init", *FLAGS, "--no-import"]) == 0
    assert "note: 1 torrent with the tag reconcile:home will be managed by this" in capsys.readouterr().err


def test_the_path_of_a_password_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "work" / "sub").mkdir()
    (tmp_path / "work" / "pass word").write_text("x")
    options = InitSettings(
        Path("sub/desired.yaml"), "my.nas", None, "http://[::1]:8080/a'b", 'o"x', password_file=Path("pass word")
    )
    options.out_file.write_text(render_first_file(options))
    desired = load([options.out_file], {})
    instance = desired.instances["my.nas"]
    assert (instance.url, instance.username, desired.owner) == ("http://[::1]:8080/a'b", 'o"x', "my.nas")
    assert options.default_variable == "MY_NAS_PASSWORD"


def test_an_answer_that_is_missing_at_the_end_leaves_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_lines(monkeypatch)
    assert run_command_line(["init", *FLAGS]) == 4
    assert "standard input has ended; nothing was written" in capsys.readouterr().err
    assert not list(folder.iterdir())
