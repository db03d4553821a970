"""Options, the environment, and rejected command lines."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.cli.main import run_command_line
from reconciler.cli.settings import RunSettings
from reconciler.engine.selection import RunOptions
from reconciler.model.shard import Shard
from tests.cli.conftest import FakeRun
from tests.support.command_line import write_desired

HASH = "sha256:" + "ab" * 32

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
    (["--output", "github", "status"], "status does not support --output github. Use text or json"),
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
    (["--watch", "--notify", "https://:1/hidden"], "--notify: https://… is not a usable URL"),
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
    output = capsys.readouterr()
    assert message in output.err + output.out
    assert fake_run.calls == []


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("arguments", "message"), [case for case in BAD_USAGE if "--output" not in case[0]])
def test_bad_usage_is_reported_as_json_on_request(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["--output", "json", *arguments]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 4
    assert message in document["error"]


@pytest.mark.usefixtures("folder")
def test_options_reach_the_run(fake_run: FakeRun) -> None:
    arguments = ["--dry-run", "--detailed-exitcode", "--instance", "home", "--accept-plan", HASH, "--take-over"]
    assert run_command_line([*arguments, "--shard", "1/3", "--strict"]) == 0
    assert fake_run.options == RunOptions(True, ("home",), HASH, True, True, Shard(1, 3), strict=True)


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


def test_the_environment_can_contain_several_files(
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
def test_options_before_or_after_the_command(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_desired(folder, name="a.yaml")
    assert run_command_line(arguments) == 0
    assert capsys.readouterr().out.startswith("a.yaml: valid")


def test_options_after_the_command_override_those_before(
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
def test_a_command_ignores_other_options_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_DRY_RUN", "1")
    monkeypatch.setenv("RECONCILE_VERSION", "2")
    assert run_command_line(["validate"]) == 0


@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["validate"], ["status"]])
def test_without_a_file_the_error_names_demo_and_import(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(arguments) == 4
    output = capsys.readouterr().err
    assert "there is no desired.yaml here" in output
    assert "reconcile demo" in output


@pytest.mark.usefixtures("folder")
def test_the_environment_starts_a_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[RunSettings] = []

    def watch(_settings: object, options: RunSettings) -> int:
        started.append(options)
        return 0

    monkeypatch.setattr("reconciler.cli.commands.watch.watch_command", watch)
    for name, value in {"WATCH": "1", "INTERVAL": "5m", "DRY_RUN": "1", "STRICT": "1"}.items():
        monkeypatch.setenv(f"RECONCILE_{name}", value)
    assert run_command_line([]) == 0
    assert started == [RunSettings(dry_run=True, strict=True, interval=300.0)]
