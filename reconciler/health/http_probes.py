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

from reconciler.model.health import Addresses, Answer, Gluetun, Http, Scalar, State

LONGEST: Final = 1 << 20  # bytes of an answer that are looked at
_REFUSED: Final = (401, 403)
_UNKNOWN: Final = (400, 404, 405)  # what versions of gluetun answer to a route that they do not have
_ROUTES: Final = '"GET /v1/vpn/status" and "GET /v1/publicip/ip"'
_KEY: Final = (
    "Give the `api_key`, or `username` and `password`, of a role in gluetun's auth/config.toml that has the routes "
    f"{_ROUTES}"
)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: its status code and its body."""

    status: int
    body: bytes


class NotHttp(Exception):
    """Something answered, and it was no HTTP."""


def get(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> Page:
    """One GET. Raises `OSError` or `NotHttp`."""
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
        return Page(answer.status, answer.read(LONGEST))
    except http.client.HTTPException as error:
        raise NotHttp from error
    finally:
        connection.close()


def ask_http(probe: Http, timeout: float) -> Answer:
    """Does the URL answer with the right status and the right JSON values?"""
    page = get(probe.url, timeout)
    if page.status not in probe.status:
        wanted = " or ".join(map(str, probe.status))
        return Answer(State.VPN_DOWN, f"it answers {page.status} and not {wanted}", "Check the url, and what is there")
    if not probe.json:
        return Answer(State.OK, f"answers {page.status}")
    return _compared(page.body, probe.json)


def ask_gluetun(probe: Gluetun, timeout: float) -> Answer:
    """Does the VPN run, and under the right address?

    Its control server is described in the wiki of gluetun (setup/advanced/control-server.md). The route of the status
    was /v1/openvpn/status in old versions, for WireGuard too.
    """
    headers = _credentials(probe)
    root = probe.url.rstrip("/")
    page = get(f"{root}/v1/vpn/status", timeout, headers)
    if page.status in _UNKNOWN:
        page = get(f"{root}/v1/openvpn/status", timeout, headers)
    if wrong := _not_answered(page):
        return wrong
    status = _value(page.body, "status")
    if status != "running":
        return Answer(State.VPN_DOWN, f"its VPN is {_shown(status)}, not running", "See the log of gluetun")
    if probe.right == Addresses():
        return Answer(State.OK, "its VPN is running")
    page = get(f"{root}/v1/publicip/ip", timeout, headers)
    if wrong := _not_answered(page):
        return wrong
    return _address(_value(page.body, "public_ip"), probe.right)


def _address(address: object, right: Addresses) -> Answer:
    if not isinstance(address, str) or not address:
        text = "its VPN is running, but its public address is not known (yet)"
        return Answer(State.VPN_DOWN, text, "See the log of gluetun; is PUBLICIP_ENABLED off?")
    try:
        wrong = right.wrong(address)
    except ValueError:
        return Answer(State.VPN_DOWN, "it gives a public address that is none", "Does `url` lead to gluetun?")
    if wrong:
        return Answer(State.VPN_DOWN, wrong, "See the log of gluetun, or correct `must_be` and `must_not_be`")
    return Answer(State.OK, f"its VPN is running, public address {address}")


def _not_answered(page: Page) -> Answer | None:
    if page.status in _REFUSED:
        return Answer(State.NOT_CONFIGURED, f"gluetun's control server refuses us ({page.status})", _KEY)
    if page.status != 200:
        mend = "Does `url` lead to gluetun's control server (port 8000)?"
        return Answer(State.NOT_CONFIGURED, f"it answers {page.status}, which is not what gluetun answers", mend)
    return None


def _credentials(probe: Gluetun) -> dict[str, str]:
    if probe.api_key:
        return {"X-API-Key": probe.api_key.reveal()}
    if probe.username is not None and probe.password:
        pair = f"{probe.username}:{probe.password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _compared(body: bytes, wanted: tuple[tuple[str, Scalar], ...]) -> Answer:
    for path, value in wanted:
        found = _value(body, path)
        if found is _ABSENT:
            return Answer(State.VPN_DOWN, f"its answer has no JSON value {path}", "Check the url, and what is there")
        if found != value or isinstance(found, bool) is not isinstance(value, bool):
            text = f"{path} is {_shown(found)} and not {_shown(value)}"
            return Answer(State.VPN_DOWN, text, "Find out why there")
    return Answer(State.OK, ", ".join(f"{path} is {_shown(value)}" for path, value in wanted))


_ABSENT: Final = object()


def _value(body: bytes, path: str) -> Any:
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


def _shown(value: object) -> str:
    """A value in a sentence; what is no plain value, or long, is not quoted."""
    if value is _ABSENT:
        return "not told"
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
