"""The compose files: accepted by Docker, with arguments that our command accepts and a valid desired state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run_command_line
from tests.support import tools
from tests.support.deployment import DEPLOY, parse_watch_command, read_image_command, read_image_environ

FILES = ["compose.yaml", "compose.gluetun.yaml"]
NEEDED = {"VPN_SERVICE_PROVIDER": "mullvad", "WIREGUARD_ADDRESSES": "10.64.0.1/32", "PATH": "/usr/bin:/bin"}


def configured(name: str) -> dict[str, Any]:
    """Return a compose file as compose resolves it. Compose only reads the file and contacts no engine."""
    command = [*tools.build_tool_command(tools.COMPOSE), "-f", str(DEPLOY / name), "config", "--format", "json"]
    return dict(json.loads(tools.run_tool(command, NEEDED)))


@pytest.mark.parametrize("name", FILES)
def test_reconcile_is_confined_and_starts_a_watch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = configured(name)
    service = whole["services"]["reconcile"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    environ = read_image_environ() | service["environment"]
    settings, options = parse_watch_command(service.get("command") or read_image_command(), environ, monkeypatch)
    places = {volume["target"]: volume for volume in service["volumes"]}
    assert [str(file) for file in settings.files] == ["/config"] and places["/config"]["read_only"]
    assert Path(places["/config"]["source"]) == DEPLOY / "desired"
    assert places[environ["RECONCILE_STATE_DIR"]]["type"] == "volume"
    assert options.listen == "0.0.0.0:9470" and service["ports"][0]["host_ip"] == "127.0.0.1"
    secrets = {secret["source"]: whole["secrets"][secret["source"]]["file"] for secret in service["secrets"]}
    assert options.token_file and Path(secrets[options.token_file.name]) == DEPLOY / "secrets" / "reconcile_token"
    assert not options.public_read
    assert Path(service["build"]["context"]) == DEPLOY.parent


def test_the_desired_state_holds_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["-f", str(DEPLOY / "desired"), "validate"]) == 0
    text = (DEPLOY / "desired" / "desired.yaml").read_text()
    assert "http://qbittorrent:8080" in text and "/run/secrets/qbittorrent_password" in text
    plain, vpn = (configured(name)["services"] for name in FILES)
    assert "qbittorrent" in plain and "qbittorrent_password" in str(plain["reconcile"]["secrets"])
    assert vpn["gluetun"]["networks"]["default"]["aliases"] == ["qbittorrent"]
    assert "warning" in capsys.readouterr().err, "the secret is not here"


def test_qbittorrent_has_no_network_but_the_vpn() -> None:
    services = configured("compose.gluetun.yaml")["services"]
    assert services["qbittorrent"]["network_mode"] == "service:gluetun"
    assert "ports" not in services["qbittorrent"] and "networks" not in services["qbittorrent"]
    assert "network_mode" not in services["reconcile"]
