"""The options of `status`: rejected combinations, and the settings that reach the command."""

from __future__ import annotations

import json

import pytest

from reconciler.cli.main import run_command_line
from reconciler.cli.settings import Settings, StatusSettings
from reconciler.model.status import Pagination, Phase, TorrentFilter

BAD_USAGE = [
    (["--state", "bogus"], "'bogus' is not one of 'downloading', 'stalled'"),
    (["--limit", "0"], "--limit"),
    (["--offset", "-1"], "--offset"),
    (["--wait", "seeding"], "'seeding' is not one of 'complete'"),
    (["--wait", "complete", "--timeout", "soon"], "--timeout: a duration must be a whole number with a unit"),
    (["--timeout", "5s"], "--timeout requires --wait complete"),
    (["--interval", "5s"], "--interval requires --watch or --wait complete"),
    (["--watch", "--interval", "0s"], "--interval: a duration must be more than 0s"),
    (["--watch", "--wait", "complete"], "--watch cannot be combined with --wait"),
    (["--watch", "--output", "markdown"], "status does not support --output markdown"),
    (["--url", "http://x", "--watch"], "--url cannot be combined with --watch"),
    (["--url", "http://x", "--state", "seeding"], "--url cannot be combined with --state"),
    (["--url", "http://x", "--instance", "home"], "--url cannot be combined with --instance"),
    (["--url", "http://x", "-f", "desired.yaml"], "--url cannot be combined with --file"),
    (["--watch", "--instance", "nowhere"], 'no instance "nowhere"'),
    (["--wait", "complete", "--instance", "nowhere"], 'no instance "nowhere"'),
    (["--watch", "-f", "missing.yaml"], "the desired state is invalid"),
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("arguments", "message"), BAD_USAGE)
def test_bad_usage_is_4(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["status", *arguments]) == 4
    output = capsys.readouterr()
    assert message in output.err
    assert run_command_line(["--output", "json", "status", *arguments]) == 4
    if "--output" not in arguments:
        assert message in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--watch", "status"], "status does not accept --watch before its name. Use: reconcile status --watch"),
        (["-f", "x", "status", "--url", "http://x"], "--url cannot be combined with --file"),
        (["--dry-run", "status"], "status does not accept --dry-run\n"),
    ],
)
def test_options_before_the_command_that_status_rejects(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments) == 4
    assert message in capsys.readouterr().err


@pytest.fixture
def calls_of_status(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, StatusSettings]]:
    """The calls of the command."""
    calls: list[tuple[Settings, StatusSettings]] = []

    def status_command(settings: Settings, options: StatusSettings) -> int:
        calls.append((settings, options))
        return 0

    monkeypatch.setattr("reconciler.cli.commands.status.status_command", status_command)
    return calls


@pytest.mark.usefixtures("folder")
def test_the_options_reach_the_command(calls_of_status: list[tuple[Settings, StatusSettings]]) -> None:
    assert run_command_line(["status"]) == 0
    chosen = "--category linux --category --tag iso --tag new --state seeding --state error --limit 5 --offset 10"
    words = ["" if word == "''" else word for word in chosen.replace("--category --tag", "--category '' --tag").split()]
    assert run_command_line(["status", *words, "--instance", "home"]) == 0
    assert run_command_line(["status", "--watch", "--interval", "5m"]) == 0
    assert run_command_line(["--instance", "home", "status", "--wait", "complete", "--timeout", "2h"]) == 0
    everything, start = TorrentFilter(), Pagination()
    assert [options for _, options in calls_of_status] == [
        StatusSettings(everything, start, False, 2.0, False, None),
        StatusSettings(
            TorrentFilter(("linux", ""), ("iso", "new"), (Phase.SEEDING, Phase.ERROR)),
            Pagination(10, 5),
            False,
            2.0,
            False,
            None,
        ),
        StatusSettings(everything, start, True, 300.0, False, None),
        StatusSettings(everything, start, False, 2.0, True, 7200.0),
    ]
    assert [settings.instances for settings, _ in calls_of_status] == [(), ("home",), (), ("home",)]


@pytest.mark.usefixtures("folder")
def test_status_ignores_the_environment_of_the_main_command(
    monkeypatch: pytest.MonkeyPatch, calls_of_status: list[tuple[Settings, StatusSettings]]
) -> None:
    monkeypatch.setenv("RECONCILE_WATCH", "1")
    monkeypatch.setenv("RECONCILE_INTERVAL", "5m")
    assert run_command_line(["status"]) == 0
    assert [(options.watch, options.interval) for _, options in calls_of_status] == [(False, 2.0)]
