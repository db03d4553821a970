"""The intake of a watch: created at the start, or the watch does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.commands.watch_intake import check_gateway, open_intake
from reconciler.cli.settings import CommandFailure, RunSettings
from reconciler.desired import load
from reconciler.engine.events import RunTrigger
from reconciler.model.intake import HandedIn
from reconciler.watch import DesiredSource, TriggerQueue
from tests.support.desired_yaml import SINTEL

HEAD = 'version: 1\npolicy: upsert\ninstances: {home: {url: "http://127.0.0.1:1"}}\n'
INTAKE = "intake: {file: state/intake.yaml}\n"
GATEWAY = "gateway: {username: arr, password: {env: PASSWORD}}\n"


def make_source(folder: Path, text: str, environ: dict[str, str] | None = None) -> DesiredSource:
    (folder / "desired.yaml").write_text(HEAD + text)
    return DesiredSource([folder / "desired.yaml"], environ or {})


def test_the_file_is_created_and_read(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    source, trigger = make_source(tmp_path, INTAKE), TriggerQueue()
    assert source.desired.intake and source.desired.intake.is_missing
    store = open_intake(source, trigger)
    assert not source.desired.intake.is_missing and not source.desired.warnings
    trigger.wait(0)
    store.hand_in([HandedIn(SINTEL)])
    assert trigger.wait(60) == {RunTrigger.INTAKE}
    assert source.fingerprint_files() != source.read_fingerprints, "the file is watched"
    assert load([tmp_path / "desired.yaml"], {}).torrents


def test_a_folder_that_is_not_there_is_an_error_at_the_start(tmp_path: Path) -> None:
    source = make_source(tmp_path, INTAKE)
    message = f"{tmp_path}/desired.yaml:4:1: there is no folder {tmp_path}/state"
    with pytest.raises(CommandFailure, match=message) as error:
        open_intake(source, TriggerQueue())
    assert error.value.exit_code == 4


def test_without_an_intake_the_store_waits_for_one(tmp_path: Path) -> None:
    store = open_intake(make_source(tmp_path, ""), TriggerQueue())
    assert not store.entries


def test_a_gateway_needs_an_address_and_its_password(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with pytest.raises(CommandFailure, match="the gateway needs --listen HOST:PORT"):
        check_gateway(make_source(tmp_path, INTAKE + GATEWAY, {"PASSWORD": "x"}), RunSettings())
    listening = RunSettings(listen="127.0.0.1:0")
    with pytest.raises(CommandFailure) as error:
        check_gateway(make_source(tmp_path, INTAKE + GATEWAY), listening)
    assert error.value.exit_code == 4
    check_gateway(make_source(tmp_path, INTAKE + GATEWAY, {"PASSWORD": "x"}), listening)
    check_gateway(make_source(tmp_path, ""), RunSettings())
