"""The shape of an instance's `health`: a list of probes, each with exactly one subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Final, Required
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import common
from reconciler.desired.schema.common import STRICT_CONFIG, Duration, SecretSource, check_one_line

CONNECTION_STATUSES: Final = ("connected", "firewalled", "disconnected")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?\Z")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?\Z")
_URL_HINT: Final = "Write it like http://127.0.0.1:8000/health"
_TCP_HINT: Final = 'Write it like "tcp: 10.2.0.1:53" or "tcp: [fd00::1]:53"'


def parse_host_and_port(value: object) -> tuple[str, int]:
    """`host:port`, `[address]:port`."""
    if not isinstance(value, str):
        raise InvalidValue("a tcp probe names a host and a port", _TCP_HINT)
    if "//" in value:
        raise InvalidValue("a tcp probe takes no url", f"{_TCP_HINT}; for a url there is the http probe")
    name, colon, port = value.rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else 0
    if not colon or not 0 < number < 65_536:
        raise InvalidValue("a tcp probe names a host and a port from 1 to 65535", _TCP_HINT)
    if ":" in name and not (name.startswith("[") and name.endswith("]")):
        raise InvalidValue("the address of a tcp probe stands in brackets when it holds colons", _TCP_HINT)
    return check_host(name.removeprefix("[").removesuffix("]")), number


def check_host(value: object) -> str:
    """A host name or an address."""
    if not isinstance(value, str) or not (_HOST.match(value) or _IPV6.match(value)):
        raise InvalidValue("this is no host name or address", 'Write it like "ping: 10.2.0.1" or "ping: gluetun"')
    return value


def check_interface(value: object) -> str:
    """The name of a network interface."""
    if not isinstance(value, str):
        raise InvalidValue("an interface is named by text", 'Write it like "interface: wg0"')
    return check_one_line("the name of the interface", value)


def parse_connection_statuses(value: object) -> tuple[str, ...]:
    """One or several of qBittorrent's words."""
    found = _ensure_list(value)
    if not found or any(one not in CONNECTION_STATUSES for one in found):
        raise InvalidValue(
            f'"connection_status" is one of {", ".join(CONNECTION_STATUSES)}, or a list of them', "Choose"
        )
    return tuple(map(str, found))


def parse_networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """One address or network, or a list of them."""
    found = _ensure_list(value)
    mend = "Write it like 203.0.113.7 or [203.0.113.0/24, 2001:db8::/32]"
    if not found or not all(isinstance(one, str) for one in found):
        raise InvalidValue("this must be an address, a network, or a list of them", mend)
    try:
        return tuple(ip_network(str(one)) for one in found)
    except ValueError as error:
        set_bits = "has host bits set" in str(error)
        wrong = "this network has bits set that its length leaves out" if set_bits else "this is no address or network"
        raise InvalidValue(wrong, "Write it like 203.0.113.0/24" if set_bits else mend) from None


def check_external_ip(value: object) -> object:
    """Something about the external address."""
    if value == {}:
        mend = 'Write it like "external_ip: {must_not_be: 203.0.113.7}"'
        raise InvalidValue("external_ip needs must_be or must_not_be", mend)
    return value


def parse_http_statuses(value: object) -> tuple[int, ...]:
    """One HTTP status code or a list of them."""
    found = _ensure_list(value)
    if not found or not all(isinstance(one, int) and not isinstance(one, bool) and 100 <= one < 600 for one in found):
        raise InvalidValue("this must be an HTTP status code, or a list of them", 'Write it like "status: 204"')
    return tuple(int(str(one)) for one in found)


def parse_json_values(value: object) -> tuple[tuple[str, str | int | float | bool | None], ...]:
    """Dotted paths and the plain values that must stand there."""
    mend = 'Write it like "json: {status: running}" or "json: {vpn.connected: true}"'
    if not isinstance(value, dict) or not value:
        raise InvalidValue('"json" must be paths and the values that must stand there', mend)
    if any(isinstance(one, (dict, list)) for one in value.values()):
        raise InvalidValue("only plain values can be compared: text, numbers, true, false and null", mend)
    return tuple(value.items())


def check_probe_url(text: str) -> str:
    """The address of a probe; unlike that of an instance it may have a query. Never quoted: it may hold a token."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidValue("this is not a usable url: its host or port is malformed", _URL_HINT) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidValue("a url begins with http:// or https://, and names a host", _URL_HINT)
    if "@" in parts.netloc:
        raise InvalidValue("credentials do not belong into the url", "An http probe has none")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidValue("this url has a character in it that a url cannot have", "Encode it with %")
    return text


def _ensure_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _expand_url(value: Any) -> Any:
    """A url by itself stands for a probe with nothing else said."""
    return {"url": value} if isinstance(value, str) else value


Networks = Annotated[Any, BeforeValidator(parse_networks)]


@with_config(STRICT_CONFIG)
class AddressesEntry(TypedDict, total=False):
    """Which external addresses are right."""

    must_be: Networks
    must_not_be: Networks


@with_config(STRICT_CONFIG)
class HttpEntry(TypedDict, total=False):
    """A url, and what its answer must be."""

    url: Required[Annotated[str, AfterValidator(check_probe_url)]]
    status: Annotated[Any, BeforeValidator(parse_http_statuses)]
    json: Annotated[Any, BeforeValidator(parse_json_values)]


@with_config(STRICT_CONFIG)
class GluetunEntry(AddressesEntry, total=False):
    """gluetun's control server."""

    url: Required[Annotated[str, AfterValidator(common.check_api_url)]]
    api_key: SecretSource | None
    username: str | None
    password: SecretSource | None


@with_config(STRICT_CONFIG)
class ProbeEntry(TypedDict, total=False):
    """One probe. That it has exactly one subject is checked when it is built."""

    tcp: Annotated[Any, BeforeValidator(parse_host_and_port)]
    http: Annotated[HttpEntry, BeforeValidator(_expand_url)]
    ping: Annotated[Any, BeforeValidator(check_host)]
    interface: Annotated[Any, BeforeValidator(check_interface)]
    connection_status: Annotated[Any, BeforeValidator(parse_connection_statuses)]
    external_ip: Annotated[AddressesEntry, BeforeValidator(check_external_ip)]
    gluetun: Annotated[GluetunEntry, BeforeValidator(_expand_url)]
    timeout: Duration
    failure_threshold: Annotated[int, Field(ge=1, le=100)]
    success_threshold: Annotated[int, Field(ge=1, le=100)]


PROBE_SUBJECTS: Final = ("tcp", "http", "ping", "interface", "connection_status", "external_ip", "gluetun")
QBITTORRENT_SUBJECTS: Final = ("interface", "connection_status", "external_ip")
PROBE_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "health": tuple(ProbeEntry.__annotations__),
    "http": tuple(HttpEntry.__annotations__),
    "external_ip": tuple(AddressesEntry.__annotations__),
    "gluetun": ("url", "api_key", "username", "password", "must_be", "must_not_be"),
}
