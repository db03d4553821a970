"""Probes over the network, against listeners of our own: what passes, what does not, and that none holds up another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from reconciler.health.http_probes import fetch_response
from reconciler.health.probes import run_probe, start_probes
from reconciler.model.health import (
    AddressRule,
    GluetunCheck,
    HealthState,
    HttpCheck,
    Probe,
    ProbeCheck,
    ProbeResult,
)
from reconciler.model.secret import Secret
from tests.support.web import FixedWebServer, WebHandler

FAST = 5.0


def probe_once(check: ProbeCheck, timeout: float = FAST) -> ProbeResult:
    """Return the result of one attempt."""
    return run_probe(Probe(check, timeout))


def slowly(handler: WebHandler) -> None:
    """A byte now and then, for ever."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b" ")
        threading.Event().wait(0.05)


def garbage(handler: WebHandler) -> None:
    handler.wfile.write(b"220 mail.example ESMTP\r\n")
    handler.close_connection = True


STATUS = json.dumps({"vpn": {"up": True, "peers": [1, 2]}, "ip": "198.51.100.9", "load": 1, "none": None}).encode()
HTTP_CASES: list[tuple[str, dict[str, Any], HealthState, str]] = [
    ("/ok", {}, HealthState.OK, "responds with 200"),
    ("/ok?token=s3cr3t", {}, HealthState.OK, "responds with 200"),
    ("/gone", {}, HealthState.VPN_DOWN, "it responds with 404, not 200"),
    ("/none", {"status": (200, 204)}, HealthState.OK, "responds with 204"),
    ("/busy", {"status": (200, 204)}, HealthState.VPN_DOWN, "it responds with 503, not 200 or 204"),
    ("/moved", {}, HealthState.VPN_DOWN, "it responds with 302, not 200"),  # the probe is about this very address
    ("/status", {"json": (("vpn.up", True),)}, HealthState.OK, "vpn.up is true"),
    ("/status", {"json": (("vpn.peers.1", 2), ("none", None))}, HealthState.OK, "vpn.peers.1 is 2, none is null"),
    ("/status", {"json": (("vpn.up", False),)}, HealthState.VPN_DOWN, "vpn.up is true, not false"),
    ("/status", {"json": (("ip", "203.0.113.7"),)}, HealthState.VPN_DOWN, 'ip is "198.51.100.9", not "203.0.113.7"'),
    ("/status", {"json": (("load", True),)}, HealthState.VPN_DOWN, "load is 1, not true"),  # equal to Python alone
    ("/status", {"json": (("vpn", "up"),)}, HealthState.VPN_DOWN, 'vpn is an object, not "up"'),
    ("/status", {"json": (("vpn.down", True),)}, HealthState.VPN_DOWN, "no JSON value vpn.down"),
    ("/status", {"json": (("vpn.peers.9", 1),)}, HealthState.VPN_DOWN, "no JSON value vpn.peers.9"),
    ("/ok", {"json": (("a", 1),)}, HealthState.VPN_DOWN, "no JSON value a"),
    ("/mail", {}, HealthState.VPN_DOWN, "it does not answer in HTTP"),
]


@pytest.fixture(scope="module")
def web() -> Iterator[FixedWebServer]:
    """Pages to probe."""
    fixed: dict[str, Any] = {"/ok": b"fine", "/none": 204, "/busy": 503, "/moved": "/ok", "/status": STATUS}
    with FixedWebServer({**fixed, "/mail": garbage, "/slow": slowly}) as server:
        yield server


@pytest.mark.parametrize(("path", "options", "state", "text"), HTTP_CASES)
def test_http(web: FixedWebServer, path: str, options: dict[str, Any], state: HealthState, text: str) -> None:
    result = probe_once(HttpCheck(web.url_of(path), **options))
    assert result.state is state
    assert text in result.text
    assert bool(result.hint) is (state is not HealthState.OK)


def test_no_secret_of_a_url_is_shown(web: FixedWebServer) -> None:
    check = HttpCheck(web.url_of("/gone?token=s3cr3t"))
    assert "s3cr3t" not in f"{check}{probe_once(check)}"


def test_tls_is_verified(web: FixedWebServer) -> None:
    result = probe_once(HttpCheck(web.url_of("/ok").replace("http:", "https:")))
    assert (result.state, result.text) == (HealthState.VPN_DOWN, "its TLS is invalid")


def test_an_endless_response_ends_at_the_timeout(web: FixedWebServer) -> None:
    probe = Probe(HttpCheck(web.url_of("/slow")), timeout=0.3)
    assert start_probes([probe]).wait() == [
        (probe, ProbeResult(HealthState.VPN_DOWN, "no answer within 0.3 s", _longer()))
    ]


def _longer() -> str:
    return "Is it running, and is the address correct? If so, set a longer `timeout`"


class FakeGluetun:
    """gluetun's control server, as its wiki describes it: `auth` is the header that a request must have."""

    def __init__(self, status: str = "running", address: str | None = "198.51.100.9", *, old: bool = False) -> None:
        self.headers = {"X-API-Key": "s3cr3t-key"}
        self.status, self.address = status, address
        route = "/v1/openvpn/status" if old else "/v1/vpn/status"
        self.answers = {route: self._state, "/v1/publicip/ip": self._ip}

    def _state(self, handler: WebHandler) -> None:
        self._answer(handler, {"status": self.status})

    def _ip(self, handler: WebHandler) -> None:
        self._answer(handler, {"public_ip": self.address or "", "country": "Utopia"})

    def _answer(self, handler: WebHandler, body: dict[str, str]) -> None:
        if all(handler.headers.get(key) == value for key, value in self.headers.items()):
            handler.send_answer(200, json.dumps(body).encode())
        else:
            handler.send_answer(401, b"Unauthorized\n")


KEY = Secret("s3cr3t-key")
ANY, EXIT = AddressRule(), AddressRule(must_be=(ip_network("198.51.100.0/24"),))
HOME = AddressRule(must_not_be=(ip_network("198.51.100.9"),))
GLUETUN_CASES: list[tuple[FakeGluetun, AddressRule, HealthState, str]] = [
    (FakeGluetun(), ANY, HealthState.OK, "its VPN is running"),
    (FakeGluetun(old=True), ANY, HealthState.OK, "its VPN is running"),
    (FakeGluetun("stopped"), ANY, HealthState.VPN_DOWN, 'its VPN is "stopped", not running'),
    (FakeGluetun("crashed"), EXIT, HealthState.VPN_DOWN, 'its VPN is "crashed", not running'),
    (FakeGluetun(), EXIT, HealthState.OK, "public address 198.51.100.9"),
    (FakeGluetun(), HOME, HealthState.VPN_DOWN, "must_not_be"),
    (FakeGluetun(address=None), EXIT, HealthState.VPN_DOWN, "is unknown"),
    (FakeGluetun(address="none"), EXIT, HealthState.VPN_DOWN, "an invalid public address"),
]


@pytest.mark.parametrize(("fake", "right", "state", "text"), GLUETUN_CASES)
def test_gluetun(fake: FakeGluetun, right: AddressRule, state: HealthState, text: str) -> None:
    with FixedWebServer(dict(fake.answers)) as server:
        result = probe_once(GluetunCheck(server.url_of(), right, KEY))
    assert result.state is state
    assert text in result.text
    assert "s3cr3t" not in str(result)


def test_gluetun_with_a_user_name_and_a_password() -> None:
    fake = FakeGluetun()
    fake.headers = {"Authorization": "Basic dXNlcjpzM2NyM3Q="}
    with FixedWebServer(dict(fake.answers)) as server:
        assert probe_once(GluetunCheck(server.url_of(), username="user", password=Secret("s3cr3t"))).has_passed
        for wrong in (GluetunCheck(server.url_of()), GluetunCheck(server.url_of(), api_key=KEY)):
            result = probe_once(wrong)
            assert (result.state, result.text) == (
                HealthState.NOT_CONFIGURED,
                "gluetun's control server refuses us (401)",
            )
            assert "GET /v1/vpn/status" in result.hint


def test_a_server_that_is_not_gluetun() -> None:
    with FixedWebServer({"/": b"hello"}) as server:
        result = probe_once(GluetunCheck(server.url_of()))
    assert result.state is HealthState.NOT_CONFIGURED
    assert "404" in result.text


def test_a_url_with_a_path_or_a_trailing_slash() -> None:
    fake = FakeGluetun()
    with FixedWebServer({f"/gluetun{path}": answer for path, answer in fake.answers.items()}) as server:
        assert probe_once(GluetunCheck(server.url_of("/gluetun/"), ANY, KEY)).has_passed


def test_json_that_nests_too_deeply_has_no_value() -> None:
    with FixedWebServer({"/": b"[" * 200_000}) as server:
        result = probe_once(HttpCheck(server.url_of(), (200,), (("a", 1),)))
    assert (result.state, result.text) == (HealthState.VPN_DOWN, "its response has no JSON value a")


def test_a_dripping_response_ends_with_the_time_of_the_probe() -> None:
    def drip(handler: WebHandler) -> None:
        while True:
            handler.wfile.write(b"H")
            time.sleep(0.05)

    with FixedWebServer({"/": drip}) as server, pytest.raises(TimeoutError):
        fetch_response(server.url_of(), 0.5)
