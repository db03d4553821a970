"""`reconcile doctor` on real servers: passed checks, failed checks, and their hints."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import DIRECTORY_CONTENT, EXTERNAL_ADDRESS, TORRENT_CREATOR
from tests.conftest import MakeProxy, MakeServer
from tests.support.certificates import make_self_signed_certificate
from tests.support.home import Home, ReportedRun, make_entry
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import Build
from tests.support.web import FixedWebServer

ALWAYS = [
    "reachable",
    "tls",
    "login",
    "version",
    "abilities",
    "clock",
    "managed by",
    "interface",
    "connection",
    "address",
]


def checks(ran: ReportedRun, name: str = "box") -> dict[str, dict[str, Any]]:
    """Return the findings of an instance, by check."""
    return {check["check"]: check for check in ran.instance(name)["checks"]}


def failing(ran: ReportedRun, name: str = "box") -> list[str]:
    """Return the failed checks. Each must have a hint."""
    failed = [check for check in checks(ran, name).values() if check["verdict"] == "fail"]
    assert all(check["hint"] for check in failed)
    return [check["check"] for check in failed]


def listening(server: QbittorrentServer) -> None:
    """Wait until it has opened its port, which it does a moment after its Web API."""
    raw = RawClient(server)
    raw.wait_until(lambda: raw.post("transfer/info").json()["connection_status"] == "firewalled")


def test_a_healthy_instance_passes_every_check(
    home: Home, server: QbittorrentServer, build: Build, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    proxy = make_proxy(server)
    listening(server)
    with socket.create_server(("127.0.0.1", 0)) as vpn:
        port = vpn.getsockname()[1]
        probes = f'health: [{{tcp: "127.0.0.1:{port}"}}, {{interface: lo}}, {{connection_status: firewalled}}]'
        home.add_instance(proxy.url, server.username, server.password, more=probes)
        home.write(make_entry(1, save_path=str(tmp_path / "new" / "folder")), head="categories: {c: {save_path: /tmp}}")
        ran = home.run("doctor")
    assert (ran.exit_code, failing(ran), ran.messages) == (0, [], "")
    findings = checks(ran)
    assert list(findings)[: len(ALWAYS)] == ALWAYS
    assert f"v{build.release}, Web API {build.web_api}" in findings["version"]["text"]
    assert findings["clock"]["verdict"] == findings["free space"]["verdict"] == "ok"
    assert findings["torrent creator"]["verdict"] == ("ok" if build.has(TORRENT_CREATOR) else "note")
    if build.has(DIRECTORY_CONTENT):
        assert findings["path /tmp"]["text"] == "exists"
        assert (
            findings[f"path {tmp_path}/new/folder"]["text"]
            == f"does not exist yet; qBittorrent creates it in {tmp_path}"
        )
    else:
        assert "5.0 and later do" in findings["paths"]["text"]
    probed = [
        f"{finding['check']}: {finding['verdict']}"
        for finding in findings.values()
        if finding["check"].startswith("probe")
    ]
    assert probed == [
        f"probe tcp 127.0.0.1:{port}: ok",
        "probe interface lo: ok",
        "probe connection_status firewalled: ok",
    ]
    assert ran.instance()["state"] == "OK"
    assert proxy.mutations == []
    assert proxy.count_requests("auth/login") == proxy.count_requests("auth/logout") == 1
    assert ran.instance()["requests"] == len(proxy.requests)


@pytest.mark.builds("5.3.0", having=EXTERNAL_ADDRESS)
def test_every_check_can_fail(home: Home, server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    RawClient(server).post("app/setPreferences", json='{"current_network_interface": "wg-not-there"}')
    with FixedWebServer({"/v1/vpn/status": 401, "/health": 503}) as web:
        probes = (
            f"health:\n- {{interface: wg-not-there}}\n- {{external_ip: {{must_be: 203.0.113.7}}}}\n"
            f"- {{http: '{web.url_of('/health')}'}}\n- {{gluetun: '{web.url_of()}'}}\n- {{tcp: '127.0.0.1:9'}}\n"
            f"- {{connection_status: connected}}"
        )
        home.add_instance(make_proxy(server).url, server.username, server.password, more=probes)
        home.write(make_entry(1, save_path="/no-such-volume/films"))
        ran = home.run("doctor")
    assert ran.exit_code == 1
    assert [check for check in failing(ran) if check != "connection"] == [
        "interface",
        "path /no-such-volume/films",
        "probe interface wg-not-there",
        f"probe http 127.0.0.1:{web.port}/health",
        f"probe gluetun 127.0.0.1:{web.port}",
        "probe tcp 127.0.0.1:9",
        "probe connection_status connected",
    ]
    assert checks(ran)["probe external_ip"]["text"] == "the external address is not known yet"
    assert ran.instance()["state"] == "VPN_DOWN"


def test_each_login_problem_has_its_finding(
    home: Home, make_server: MakeServer, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    first, second, third = make_server(), make_server("5.3.0"), make_server("4.2.5")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_self_signed_certificate(tmp_path))
    secure = make_proxy(first, tls=context)
    listening(third)
    wrong = make_proxy(second)
    home.add_instance(secure.url, first.username, first.password, name="tls", more="health: [{interface: lo}]")
    home.add_instance(wrong.url, second.username, "wrong", name="login")
    home.add_instance(make_proxy(third).url, third.username, third.password, name="well")
    home.add_instance("http://127.0.0.1:9", "admin", "x", name="gone", more='health: [{tcp: "127.0.0.1:9"}]')
    with FixedWebServer({}) as page:
        home.add_instance(page.url_of(), "admin", "x", name="page")
        home.write(head="defaults: {instance: well}")
        ran = home.run("doctor")
    states = {instance["name"]: instance["state"] for instance in ran.report["instances"]}
    assert states == {
        "gone": "UNREACHABLE",
        "login": "AUTH_FAILED",
        "page": "UNREACHABLE",
        "tls": "UNREACHABLE",
        "well": "OK",
    }
    assert failing(ran, "tls") == ["tls"]
    assert failing(ran, "login") == ["login"]
    assert failing(ran, "gone") == ["reachable", "probe tcp 127.0.0.1:9"]
    assert failing(ran, "page") == ["reachable"]
    assert failing(ran, "well") == []
    assert checks(ran, "tls")["probe interface lo"]["verdict"] == "note"
    assert wrong.count_requests("auth/login") == 1, "a refusal is never tried again"
    assert ran.exit_code == 1
    well = home.run("doctor", "--instance", "well")
    assert (well.exit_code, [instance["name"] for instance in well.report["instances"]]) == (0, ["well"])


def test_the_text_report_is_readable(home: Home, any_server: QbittorrentServer, box: Proxy) -> None:
    listening(any_server)
    home.write()
    said = home.run_arguments("doctor")
    assert said.exit_code == 0
    assert said.out.startswith("box  OK  http://127.0.0.1:")
    assert said.out.endswith("\n\nall checks passed\n")
    assert home.run_arguments("doctor", "--instance", "nope").exit_code == 4
    assert "doctor does not support --output markdown" in home.run_arguments("doctor", "--output", "markdown").err
    assert "doctor does not accept --dry-run" in home.run_arguments("--dry-run", "doctor").err
    home.file.write_text("version: 1\n")
    assert home.run_arguments("doctor").exit_code == 4


def test_a_failed_fetch_does_not_stop_doctor(home: Home, any_server: QbittorrentServer, box: Proxy) -> None:
    listening(any_server)
    home.write("{torrent: 'http://127.0.0.1:9/a.torrent'}")
    assert home.run("doctor").exit_code == 0
