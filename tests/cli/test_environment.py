"""Environment variables that look like options but are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.environment import find_unknown_variables
from reconciler.cli.main import run_command_line
from reconciler.cli.option_factories import OPTION_VARIABLES
from tests.cli.conftest import FakeRun
from tests.support.command_line import write_desired

SERVICE_LINKS = {
    "RECONCILE_SERVICE_HOST": "10.96.0.7",
    "RECONCILE_SERVICE_PORT": "9470",
    "RECONCILE_SERVICE_PORT_HTTP": "9470",
    "RECONCILE_PORT": "tcp://10.96.0.7:9470",
    "RECONCILE_PORT_8080_TCP": "tcp://10.96.0.7:8080",
    "RECONCILE_PORT_8080_TCP_PROTO": "tcp",
    "RECONCILE_PORT_8080_TCP_PORT": "8080",
    "RECONCILE_PORT_8080_TCP_ADDR": "10.96.0.7",
    "RECONCILE_WEB_SERVICE_HOST": "10.96.0.8",
    "RECONCILE_WEB_PORT_53_UDP_ADDR": "10.96.0.8",
    "RECONCILER_PORT": "tcp://10.96.0.9:80",
}


def unknown(**environ: str) -> list[tuple[str, str, str]]:
    variables = find_unknown_variables(environ, OPTION_VARIABLES)
    return [(variable.name, variable.near, variable.misspelt_option) for variable in variables]


def test_options_and_service_links_are_known() -> None:
    assert unknown(**SERVICE_LINKS, **dict.fromkeys(OPTION_VARIABLES, "1"), RECONCILED="1", RECONCILER_HOME="/x") == []


@pytest.mark.parametrize(
    ("name", "near", "option"),
    [
        ("RECONCILE_DRYRUN", "DRY_RUN", "dry_run"),
        ("RECONCILE_DRY", "DRY_RUN", "dry_run"),
        ("RECONCILE_DRY_RUN_ONLY", "DRY_RUN", "dry_run"),
        ("RECONCILE_IS_DRY_RUN", "DRY_RUN", "dry_run"),
        ("RECONCILE_DYR_RUN", "DRY_RUN", "dry_run"),
        ("RECONCILE__DRY_RUN", "DRY_RUN", "dry_run"),
        ("RECONCILE-DRY-RUN", "DRY_RUN", "dry_run"),
        ("RECONCILER_DRY_RUN", "DRY_RUN", "dry_run"),
        ("reconcile_dry_run", "DRY_RUN", "dry_run"),
        ("RECONCILE_INSTANCES", "INSTANCE", "instance"),
        ("RECONCILE_FILES", "FILE", "file"),
        ("RECONCILE_STATEDIR", "STATE_DIR", "state_dir"),
        ("RECONCILE_SHARDS", "SHARD", "shard"),
        ("RECONCILE_TOKEN", "TOKEN_FILE", ""),
        ("RECONCILE_PASSWORD", "", ""),
        ("RECONCILE_INSTANCE_PASSWORD", "INSTANCE", ""),
    ],
)
def test_the_option_that_an_unknown_variable_may_mean(name: str, near: str, option: str) -> None:
    assert unknown(**{name: "yes"}) == [(name, near and f"RECONCILE_{near}", option)]
    assert unknown(**{name: "off"}) == [(name, near and f"RECONCILE_{near}", "")]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["DRYRUN", "dry_run", "INSTANCES", "FILES", "STATEDIR", "EXPECTPLAN"])
@pytest.mark.parametrize("arguments", [[], ["--watch"], ["add", "x.torrent"], ["rm", "x"]])
def test_a_misspelt_variable_that_limits_a_run_applies_nothing(
    name: str,
    arguments: list[str],
    fake_run: FakeRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"RECONCILE_{name}", "1")
    assert run_command_line(arguments) == 4
    assert fake_run.calls == []
    assert f"no option reads the variable RECONCILE_{name}. Did you mean RECONCILE_" in capsys.readouterr().err


@pytest.mark.usefixtures("folder", "fake_run")
@pytest.mark.parametrize("arguments", [["--dry-run"], ["validate"], ["status"]])
def test_no_command_runs_without_the_lock_of_its_secrets(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECONCILE_SECRET_FOR", "lock.yaml")
    assert run_command_line(arguments) == 4
    assert "Did you mean RECONCILE_SECRETS_FOR?" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--dry-run"], "DRYRUN", "1"),
        ([], "DRYRUN", "0"),
        ([], "TAKEOVER", "1"),
        ([], "OUTPUTS", "json"),
        (["--instance", "home"], "INSTANCES", "home"),
        (["validate"], "DRYRUN", "1"),
    ],
)
def test_another_unknown_variable_is_a_warning(
    arguments: list[str],
    name: str,
    value: str,
    fake_run: FakeRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"RECONCILE_{name}", value)
    assert run_command_line(arguments) == 0
    assert len(fake_run.calls) == ("validate" not in arguments)
    assert f"warning: no option reads the variable RECONCILE_{name}. Did you mean RECONCILE_" in capsys.readouterr().err


def test_a_variable_that_the_desired_state_reads_is_known(
    folder: Path, fake_run: FakeRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desired = write_desired(folder)
    desired.write_text(desired.read_text().replace("HOME_PASSWORD", "RECONCILE_HOME_PASSWORD"))
    for name, value in {**SERVICE_LINKS, "RECONCILE_HOME_PASSWORD": "hunter2"}.items():
        monkeypatch.setenv(name, value)
    assert run_command_line([]) == 0
    assert len(fake_run.calls) == 1
    assert capsys.readouterr().err == ""
