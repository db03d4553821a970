"""Probes over HTTP: of any URL, and of gluetun's control server.

They follow no redirect and use no proxy: a probe tests exactly this address, from this machine.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.model.health import AddressRule, GluetunCheck, HealthState, HttpCheck, JsonScalar, ProbeResult
from reconciler.model.lazy_dataclass import dataclass
from reconciler.reply_limits import LimitedConnection, LimitedTlsConnection, ReplyLimits, limit_replies

MAX_BODY_BYTES: Final = 1 << 20  # bytes of a response that are read
_REFUSED_CODES: Final = (401, 403)
_UNKNOWN_ROUTE_CODES: Final = (400, 404, 405)  # the responses of different gluetun versions to an unknown route
_GLUETUN_ROUTES: Final = '"GET /v1/vpn/status" and "GET /v1/publicip/ip"'
_CREDENTIALS_HINT: Final = (
    "Give the `api_key`, or `username` and `password`, of a role in gluetun's auth/config.toml that has the routes "
    f"{_GLUETUN_ROUTES}"
)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The status code and the body of a response."""

    status: int
    body: bytes


class InvalidHttpResponse(Exception):
    """The server answered, but not in HTTP."""


def fetch_response(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Send one GET request. Raises `OSError` or `InvalidHttpResponse`."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        LimitedTlsConnection(host, port, timeout=timeout, context=ssl.create_default_context())
        if parts.scheme == "https"
        else LimitedConnection(host, port, timeout=timeout)
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with limit_replies(ReplyLimits.within(timeout)):
            connection.request("GET", path, headers={"User-Agent": "reconcile", "Accept": "*/*", **(headers or {})})
            response = connection.getresponse()
            return HttpResponse(response.status, response.read(MAX_BODY_BYTES))
    except http.client.HTTPException as error:
        raise InvalidHttpResponse from error
    finally:
        connection.close()


def probe_http(probe: HttpCheck, timeout: float) -> ProbeResult:
    """Check the status code of a URL, and the JSON values of its response."""
    response = fetch_response(probe.url, timeout)
    if response.status not in probe.status:
        wanted = " or ".join(map(str, probe.status))
        return ProbeResult(
            HealthState.VPN_DOWN,
            f"it responds with {response.status}, not {wanted}",
            "Check the `url`, and the service there",
        )
    if not probe.json:
        return ProbeResult(HealthState.OK, f"responds with {response.status}")
    return _evaluate_json(response.body, probe.json)


def probe_gluetun(probe: GluetunCheck, timeout: float) -> ProbeResult:
    """Check that the VPN of gluetun is running, and its public address.

    Source: the wiki of gluetun, setup/advanced/control-server.md. In old versions, the route of the status is
    /v1/openvpn/status, for WireGuard too.
    """
    headers = _build_auth_headers(probe)
    root = probe.url.rstrip("/")
    response = fetch_response(f"{root}/v1/vpn/status", timeout, headers)
    if response.status in _UNKNOWN_ROUTE_CODES:
        response = fetch_response(f"{root}/v1/openvpn/status", timeout, headers)
    if failure := _evaluate_status_code(response):
        return failure
    status = _read_json_value(response.body, "status")
    if status != "running":
        return ProbeResult(
            HealthState.VPN_DOWN, f"its VPN is {_format_json_value(status)}, not running", "See the log of gluetun"
        )
    if probe.expected == AddressRule():
        return ProbeResult(HealthState.OK, "its VPN is running")
    response = fetch_response(f"{root}/v1/publicip/ip", timeout, headers)
    if failure := _evaluate_status_code(response):
        return failure
    return _evaluate_address(_read_json_value(response.body, "public_ip"), probe.expected)


def _evaluate_address(address: object, expected: AddressRule) -> ProbeResult:
    if not isinstance(address, str) or not address:
        text = "its VPN is running, but its public address is unknown (so far)"
        return ProbeResult(HealthState.VPN_DOWN, text, "See the log of gluetun. Is PUBLICIP_ENABLED off?")
    try:
        mismatch = expected.mismatch_reason(address)
    except ValueError:
        return ProbeResult(
            HealthState.VPN_DOWN, "it reports an invalid public address", "Is `url` the address of gluetun?"
        )
    if mismatch:
        return ProbeResult(
            HealthState.VPN_DOWN, mismatch, "See the log of gluetun, or correct `must_be` and `must_not_be`"
        )
    return ProbeResult(HealthState.OK, f"its VPN is running, public address {address}")


def _evaluate_status_code(response: HttpResponse) -> ProbeResult | None:
    if response.status in _REFUSED_CODES:
        return ProbeResult(
            HealthState.NOT_CONFIGURED, f"gluetun's control server refuses us ({response.status})", _CREDENTIALS_HINT
        )
    if response.status != 200:
        hint = "Is `url` the address of gluetun's control server (port 8000)?"
        return ProbeResult(
            HealthState.NOT_CONFIGURED, f"it responds with {response.status}, which gluetun never does", hint
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
        actual = _read_json_value(body, path)
        if actual is _ABSENT:
            return ProbeResult(
                HealthState.VPN_DOWN, f"its response has no JSON value {path}", "Check the `url`, and the service there"
            )
        if actual != value or isinstance(actual, bool) is not isinstance(value, bool):
            text = f"{path} is {_format_json_value(actual)}, not {_format_json_value(value)}"
            return ProbeResult(HealthState.VPN_DOWN, text, "Check the service there")
    return ProbeResult(HealthState.OK, ", ".join(f"{path} is {_format_json_value(value)}" for path, value in expected))


_ABSENT: Final = object()


def _read_json_value(body: bytes, path: str) -> Any:
    """Return the value at a dotted path (a number is an index of a list), or `_ABSENT`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _ABSENT
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _ABSENT
    return value


def _format_json_value(value: object) -> str:
    """Return a value as part of a sentence, shortened; of a list or an object only its kind."""
    if value is _ABSENT:
        return "not reported"
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
