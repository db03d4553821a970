"""Options, the environment, and what is refused before anything is done."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer

from reconciler.cli.app import app
from reconciler.cli.main import run_command_line
from reconciler.cli.settings import RunSettings
from reconciler.engine import RunOptions
from reconciler.model.shard import Shard
from tests.cli.conftest import FakeRun
from tests.support.command_line import write_desired

HASH = "sha256:" + "ab" * 32
DOCS = Path(__file__).parents[2] / "docs" / "cli.md"

BAD_USAGE = [
    (["--bogus"], "No such option: --bogus"),
    (["bogus"], "No such command 'bogus'"),
    (["--output", "xml"], "'xml' is not one of"),
    (["-f"], "requires an argument"),
    (["--detailed-exitcode"], "--detailed-exitcode requires --dry-run"),
    (["--accept-plan", "abc"], "sha256: and 64 hex digits"),
    (["--report", "nowhere/report.json"], "there is no folder nowhere"),
    (["--report", "."], "is a folder"),
    (["--dry-run", "validate"], "validate does not accept --dry-run"),
    (["--instance", "home", "validate"], "validate does not accept --instance"),
    (["status", "--output", "github"], "status does not support --output github"),
    (["validate", "--bogus"], "No such option: --bogus"),
    (["-f", "missing.yaml"], "the desired state is invalid"),
    (["--watch", "-f", "missing.yaml"], "the desired state is invalid"),
    (["--watch", "--interval", "60"], "--interval: a duration must be a whole number with a unit"),
    (["--watch", "--interval", "0s"], "--interval: a duration must be more than 0s"),
    (["--interval", "60s"], "--interval requires --watch"),
    (["--watch", "--dry-run", "--detailed-exitcode"], "--detailed-exitcode cannot be combined with --watch"),
    (["--watch", "--instance", "nowhere"], 'no instance "nowhere"'),
    (["--watch", "--report", "nowhere/report.json"], "there is no folder nowhere"),
    (["--watch", "validate"], "validate does not accept --watch"),
    (["--notify", "https://hooks.example/x"], "--notify requires --watch"),
    (["--notify-file", "urls"], "--notify-file requires --watch"),
    (["--watch", "--notify", "hooks.example/hidden"], "--notify: an address is a URL, such as"),
    (["--watch", "--notify", "https://:1/hidden"], "--notify: https://… is no usable URL"),
    (["--watch", "--notify-file", "urls"], "--notify-file: urls: No such file or directory"),
    (["--watch", "--notify-file", "desired.yaml"], "--notify-file: an address is a URL"),
    (["--shard", "first"], "--shard: a shard is INDEX/COUNT, such as 0/3"),
    (["--shard", "-1/3"], "--shard: a shard is INDEX/COUNT"),
    (["--shard", "3/3"], "of 3 the last is 2/3"),
    (["--shard", "0/0"], "COUNT is 1 to 1000"),
    (["--shard", "0/1001"], "COUNT is 1 to 1000"),
    (["--watch", "--shard", "2/2"], "of 2 the last is 1/2"),
    (["--shard", "0/2", "validate"], "validate does not accept --shard"),
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("arguments", "message"), BAD_USAGE)
def test_bad_usage_is_4_and_contacts_nothing(
    arguments: list[str], message: str, fake_run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments) == 4
    said = capsys.readouterr()
    assert message in said.err + said.out
    assert fake_run.calls == []


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("arguments", "message"), [case for case in BAD_USAGE if "--output" not in case[0]])
def test_bad_usage_keeps_to_json(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--output", "json", *arguments]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 4
    assert message in found["error"]


@pytest.mark.usefixtures("folder")
def test_options_reach_the_run(fake_run: FakeRun) -> None:
    arguments = ["--dry-run", "--detailed-exitcode", "--instance", "home", "--accept-plan", HASH, "--take-over"]
    assert run_command_line([*arguments, "--shard", "1/3"]) == 0
    assert fake_run.options == RunOptions(True, ("home",), HASH, True, True, Shard(1, 3))


@pytest.mark.usefixtures("folder")
def test_every_option_reads_the_environment(fake_run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DRY_RUN": "1",
        "DETAILED_EXITCODE": "true",
        "INSTANCE": "home, seedbox attic",
        "ACCEPT_PLAN": HASH,
        "TAKE_OVER": "yes",
        "QUIET": "1",
        "LOG_FORMAT": "text",
        "OUTPUT": "json",
        "REPORT": "report.json",
        "FILE": "desired.yaml",
        "SHARD": "0/2",
    }.items():
        monkeypatch.setenv(f"RECONCILE_{name}", value)
    assert run_command_line([]) == 0
    assert fake_run.options == RunOptions(True, ("home", "seedbox", "attic"), HASH, True, True, Shard(0, 2))
    assert Path("report.json").is_file()


def test_the_environment_may_name_several_files(
    folder: Path, fake_run: FakeRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "torrents.yaml").write_text(
        "version: 1\ntorrents:\n  - magnet: magnet:?xt=urn:btih:dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c\n"
    )
    monkeypatch.setenv("RECONCILE_FILE", f"desired.yaml{os.pathsep}more")
    assert run_command_line(["validate"]) == 0
    assert capsys.readouterr().out == "desired.yaml, more: valid: 2 torrents on 1 instance\n"
    assert fake_run.calls == []


@pytest.mark.parametrize("arguments", [["-f", "a.yaml", "validate"], ["validate", "-f", "a.yaml"]])
def test_options_stand_before_or_after_the_command(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_desired(folder, name="a.yaml")
    assert run_command_line(arguments) == 0
    assert capsys.readouterr().out.startswith("a.yaml: valid")


def test_what_follows_the_command_wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_desired(folder, name="a.yaml")
    monkeypatch.setenv("RECONCILE_FILE", "missing.yaml")
    assert (
        run_command_line(["-f", "missing.yaml", "--output", "json", "validate", "-f", "a.yaml", "--output", "text"])
        == 0
    )
    assert capsys.readouterr().out.startswith("a.yaml: valid")


@pytest.mark.usefixtures("folder")
def test_the_environment_may_hold_options_for_other_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_DRY_RUN", "1")
    monkeypatch.setenv("RECONCILE_VERSION", "2")
    assert run_command_line(["validate"]) == 0


@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["validate"], ["status"]])
def test_no_file_at_all(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(arguments) == 4
    said = capsys.readouterr().err
    assert "there is no desired.yaml here" in said
    assert "reconcile demo" in said


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("form", ["markdown", "github"])
def test_a_watch_has_two_forms(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--watch", "--output", form]) == 4
    assert f"--watch does not support --output {form}" in "".join(capsys.readouterr())


@pytest.mark.usefixtures("folder")
def test_the_environment_starts_a_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RunSettings] = []

    def watch(_settings: object, options: RunSettings) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr("reconciler.cli.commands.watch.watch_command", watch)
    for name, value in {"WATCH": "1", "INTERVAL": "5m", "DRY_RUN": "1"}.items():
        monkeypatch.setenv(f"RECONCILE_{name}", value)
    assert run_command_line([]) == 0
    assert seen == [RunSettings(dry_run=True, interval=300.0)]


def options_of(command: Any) -> set[str]:
    """The long options of a command and its sub-commands."""
    found = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return found.union(*(options_of(one) for one in getattr(command, "commands", {}).values()))


def test_the_documentation_names_every_option_and_its_variable() -> None:
    command: Any = typer.main.get_command(app)
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in sorted(options_of(command)) if f"`{name}" not in text and f" {name}" not in text] == []
    variables = [parameter.envvar for parameter in command.params if parameter.envvar]
    assert [name for name in variables if f"`{name}`" not in text] == []
    assert [name for name in command.commands if f"reconcile {name}" not in text] == []


@pytest.mark.parametrize("command", [[], ["validate"], ["status"], ["doctor"], ["demo"]])
def test_help_has_an_example_and_is_narrow(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([*command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"reconcile {' '.join(command)}".strip() in text
    assert max(len(one) for one in text.splitlines()) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--version"]) == 0
    assert capsys.readouterr().out.startswith("reconcile 0.")
