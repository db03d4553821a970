"""Probes that ask over HTTP: any URL, and gluetun's control server.

No redirect is followed and no proxy is used: the probe is about this very address, from this very machine.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.model.health import AddressRule, GluetunCheck, HealthState, HttpCheck, JsonScalar, ProbeResult

MAX_BODY_BYTES: Final = 1 << 20  # bytes of an answer that are looked at
_REFUSED_CODES: Final = (401, 403)
_UNKNOWN_ROUTE_CODES: Final = (400, 404, 405)  # what versions of gluetun answer to a route that they do not have
_GLUETUN_ROUTES: Final = '"GET /v1/vpn/status" and "GET /v1/publicip/ip"'
_CREDENTIALS_HINT: Final = (
    "Give the `api_key`, or `username` and `password`, of a role in gluetun's auth/config.toml that has the routes "
    f"{_GLUETUN_ROUTES}"
)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer: its status code and its body."""

    status: int
    body: bytes


class InvalidHttpResponse(Exception):
    """Something answered, and it was no HTTP."""


def fetch_response(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """One GET. Raises `OSError` or `InvalidHttpResponse`."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
        if secure
        else http.client.HTTPConnection(host, port, timeout=timeout)
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers={"User-Agent": "reconcile", "Accept": "*/*", **(headers or {})})
        answer = connection.getresponse()
        return HttpResponse(answer.status, answer.read(MAX_BODY_BYTES))
    except http.client.HTTPException as error:
        raise InvalidHttpResponse from error
    finally:
        connection.close()


def probe_http(probe: HttpCheck, timeout: float) -> ProbeResult:
    """Does the URL answer with the right status and the right JSON values?"""
    page = fetch_response(probe.url, timeout)
    if page.status not in probe.status:
        wanted = " or ".join(map(str, probe.status))
        return ProbeResult(
            HealthState.VPN_DOWN, f"it answers {page.status} and not {wanted}", "Check the url, and what is there"
        )
    if not probe.json:
        return ProbeResult(HealthState.OK, f"answers {page.status}")
    return _evaluate_json(page.body, probe.json)


def probe_gluetun(probe: GluetunCheck, timeout: float) -> ProbeResult:
    """Does the VPN run, and under the right address?

    Its control server is described in the wiki of gluetun (setup/advanced/control-server.md). The route of the status
    was /v1/openvpn/status in old versions, for WireGuard too.
    """
    headers = _build_auth_headers(probe)
    root = probe.url.rstrip("/")
    page = fetch_response(f"{root}/v1/vpn/status", timeout, headers)
    if page.status in _UNKNOWN_ROUTE_CODES:
        page = fetch_response(f"{root}/v1/openvpn/status", timeout, headers)
    if wrong := _evaluate_status_code(page):
        return wrong
    status = _read_json_value(page.body, "status")
    if status != "running":
        return ProbeResult(
            HealthState.VPN_DOWN, f"its VPN is {_format_json_value(status)}, not running", "See the log of gluetun"
        )
    if probe.expected == AddressRule():
        return ProbeResult(HealthState.OK, "its VPN is running")
    page = fetch_response(f"{root}/v1/publicip/ip", timeout, headers)
    if wrong := _evaluate_status_code(page):
        return wrong
    return _evaluate_address(_read_json_value(page.body, "public_ip"), probe.expected)


def _evaluate_address(address: object, expected: AddressRule) -> ProbeResult:
    if not isinstance(address, str) or not address:
        text = "its VPN is running, but its public address is not known (yet)"
        return ProbeResult(HealthState.VPN_DOWN, text, "See the log of gluetun; is PUBLICIP_ENABLED off?")
    try:
        wrong = expected.mismatch_reason(address)
    except ValueError:
        return ProbeResult(
            HealthState.VPN_DOWN, "it gives a public address that is none", "Does `url` lead to gluetun?"
        )
    if wrong:
        return ProbeResult(
            HealthState.VPN_DOWN, wrong, "See the log of gluetun, or correct `must_be` and `must_not_be`"
        )
    return ProbeResult(HealthState.OK, f"its VPN is running, public address {address}")


def _evaluate_status_code(response: HttpResponse) -> ProbeResult | None:
    if response.status in _REFUSED_CODES:
        return ProbeResult(
            HealthState.NOT_CONFIGURED, f"gluetun's control server refuses us ({response.status})", _CREDENTIALS_HINT
        )
    if response.status != 200:
        mend = "Does `url` lead to gluetun's control server (port 8000)?"
        return ProbeResult(
            HealthState.NOT_CONFIGURED, f"it answers {response.status}, which is not what gluetun answers", mend
        )
    return None


def _build_auth_headers(probe: GluetunCheck) -> dict[str, str]:
    if probe.api_key:
        return {"X-API-Key": probe.api_key.reveal()}
    if probe.username is not None and probe.password:
        pair = f"{probe.username}:{probe.password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _evaluate_json(body: bytes, expected: tuple[tuple[str, JsonScalar], ...]) -> ProbeResult:
    for path, value in expected:
        found = _read_json_value(body, path)
        if found is _ABSENT:
            return ProbeResult(
                HealthState.VPN_DOWN, f"its answer has no JSON value {path}", "Check the url, and what is there"
            )
        if found != value or isinstance(found, bool) is not isinstance(value, bool):
            text = f"{path} is {_format_json_value(found)} and not {_format_json_value(value)}"
            return ProbeResult(HealthState.VPN_DOWN, text, "Find out why there")
    return ProbeResult(HealthState.OK, ", ".join(f"{path} is {_format_json_value(value)}" for path, value in expected))


_ABSENT: Final = object()


def _read_json_value(body: bytes, path: str) -> Any:
    """The value at a dotted path (a number is a place in a list), or `_ABSENT`."""
    try:
        found = json.loads(body)
    except ValueError:
        return _ABSENT
    for step in path.split("."):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return _ABSENT
    return found


def _format_json_value(value: object) -> str:
    """A value in a sentence; what is no plain value, or long, is not quoted."""
    if value is _ABSENT:
        return "not told"
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
