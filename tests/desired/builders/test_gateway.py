"""The settings of the intake and of the gateway, from YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, load
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredState
from reconciler.model.gateway import Registration, ServiceSettings, Shows

HEAD = "version: 1\npolicy: upsert\n"
ONE = 'instances: {home: {url: "http://127.0.0.1:8080"}}\n'
TWO = 'instances: {a: {url: "http://127.0.0.1:8080"}, b: {url: "http://127.0.0.1:8081"}}\n'


def load_text(folder: Path, text: str, environ: dict[str, str] | None = None) -> DesiredState:
    path = folder / "desired.yaml"
    path.write_text(HEAD + text)
    (folder / "i.yaml").write_text("version: 1\n")
    return load([path], environ or {})


def test_an_intake_goes_to_the_only_instance_and_its_file_is_relative_to_the_document(tmp_path: Path) -> None:
    intake = load_text(tmp_path, ONE + "intake: {file: state/intake.yaml}\n").intake
    assert intake is not None
    assert (intake.file, intake.instance) == (str(tmp_path / "state" / "intake.yaml"), "home")
    assert (intake.max_torrents, intake.max_delete) == (10_000, 100)


def test_an_intake_may_go_to_a_group(tmp_path: Path) -> None:
    text = TWO + "groups: {both: {strategy: failover, members: [a, b]}}\nintake: {file: i.yaml, instance: both}\n"
    intake = load_text(tmp_path, text).intake
    assert intake is not None and intake.instance == "both"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (TWO + "intake: {file: i.yaml}", Code.WHICH_INSTANCE),
        (TWO + "intake: {file: i.yaml, instance: c}", Code.UNKNOWN_INSTANCE),
        (ONE + "gateway: {trusted: 127.0.0.1}", Code.NO_INTAKE),
        (ONE + "intake: {file: i.yaml}\ngateway: {username: arr}", Code.GATEWAY_LOGIN),
        (ONE + "intake: {file: i.yaml}\ngateway: {password: {env: NAME}}", Code.GATEWAY_LOGIN),
        (ONE + "intake: {file: i.yaml}\ngateway: {}", Code.GATEWAY_LOGIN),
        (
            ONE + "intake: {file: i.yaml}\ngateway: {trusted: '::1', services: {creator: {instance: x}}}",
            Code.UNKNOWN_INSTANCE,
        ),
        (ONE + "intake: {file: i.yaml}\n---\nversion: 1\nintake: {file: i.yaml}", Code.DEFINED_TWICE),
    ],
)
def test_settings_that_cannot_work_are_problems(text: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(DesiredStateError) as error:
        load_text(tmp_path, text)
    assert [problem.code for problem in error.value.problems] == [code]


def test_everything_that_can_be_declared_is_read(tmp_path: Path) -> None:
    text = ONE + (
        "intake: {file: i.yaml}\n"
        "gateway:\n"
        "  username: arr\n"
        "  password: {env: PASSWORD}\n"
        "  api_key: {env: KEY}\n"
        "  shows: all\n"
        "  trusted: [10.0.0.0/8, '::1']\n"
        "  services:\n"
        "    downloader: {register: {url: 'http://core:8000', host: sidecar, port: 9470}}\n"
        "    router: {}\n"
        "    radarr: {}\n"
        "    creator: {instance: home}\n"
    )
    gateway = load_text(tmp_path, text, {"PASSWORD": "hunter2", "KEY": "k"}).gateway
    assert gateway is not None and gateway.password and gateway.api_key
    assert (gateway.username, gateway.password.reveal(), gateway.api_key.reveal()) == ("arr", "hunter2", "k")
    assert gateway.shows is Shows.ALL
    assert [str(network) for network in gateway.trusted] == ["10.0.0.0/8", "::1/128"]
    registration = Registration("http://core:8000", "sidecar", 9470, "reconcile")
    assert gateway.services == ServiceSettings(True, registration, True, True, "home")


def test_a_password_that_only_the_sidecar_has_is_a_warning_elsewhere(tmp_path: Path) -> None:
    text = ONE + "intake: {file: i.yaml}\ngateway: {username: arr, password: {file: /missing}}\n"
    desired = load_text(tmp_path, text)
    assert desired.gateway is not None and desired.gateway.password is None
    assert [problem.code for problem in desired.warnings] == [Code.SECRET_MISSING]


def test_a_password_in_plain_text_is_a_warning(tmp_path: Path) -> None:
    desired = load_text(tmp_path, ONE + "intake: {file: i.yaml}\ngateway: {username: arr, password: hunter2}\n")
    (warning,) = desired.warnings
    assert warning.code == Code.PLAIN_SECRET and "hunter2" not in str(warning)
