"""The schema of an instance's `health`: a list of probes, each of exactly one kind."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Final, Required

from pydantic import AfterValidator, BeforeValidator, Field, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import (
    DURATION_TEXT,
    STRICT_CONFIG,
    Duration,
    SecretSource,
    check_api_url,
    check_one_line,
    has_host,
    split_url,
)
from reconciler.model.codes import Code

# --- tcp and ping

_HOST: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?"
_IPV6: Final = r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._-]+)?"
_TCP_HINT: Final = 'Write it like "tcp: 10.2.0.1:53" or "tcp: [fd00::1]:53"'


def parse_host_and_port(value: object) -> tuple[str, int]:
    """`host:port` or `[address]:port`."""
    if not isinstance(value, str):
        raise InvalidValue(Code.PROBE_VALUE, "a tcp probe needs a host and a port", _TCP_HINT)
    if "//" in value:
        raise InvalidValue(Code.PROBE_VALUE, "a tcp probe takes no url", f"{_TCP_HINT}, or use an http probe")
    name, colon, port = value.rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else 0
    if not colon or not 0 < number < 65_536:
        raise InvalidValue(Code.PROBE_VALUE, "a tcp probe needs a host and a port from 1 to 65535", _TCP_HINT)
    if ":" in name and not (name.startswith("[") and name.endswith("]")):
        raise InvalidValue(Code.PROBE_VALUE, "an IPv6 address in a tcp probe must be in brackets", _TCP_HINT)
    return check_host(name.removeprefix("[").removesuffix("]")), number


def check_host(value: object) -> str:
    """A host name or an address."""
    if not isinstance(value, str) or not (re.fullmatch(_HOST, value) or re.fullmatch(_IPV6, value)):
        raise InvalidValue(
            Code.PROBE_VALUE, "this is not a host name or address", 'Write it like "ping: 10.2.0.1" or "ping: gluetun"'
        )
    return value


# --- http

_URL_HINT: Final = "Write it like http://127.0.0.1:8000/health"


def check_probe_url(text: str) -> str:
    """The URL of a probe, which may have a query. No message quotes it: it may contain a token."""
    parts = split_url(text, _URL_HINT)
    if parts.scheme not in ("http", "https") or not has_host(parts):
        raise InvalidValue(Code.URL, "a url must begin with http:// or https:// and have a host", _URL_HINT)
    if "@" in parts.netloc:
        raise InvalidValue(Code.URL, "a url must not contain credentials", "Remove them: an http probe sends none")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidValue(Code.URL, "this url contains a character that is not allowed in a URL", "Percent-encode it")
    return text


def parse_http_statuses(value: object) -> tuple[int, ...]:
    """One HTTP status code or a list of them."""
    codes = _ensure_list(value)
    if not codes or not all(
        isinstance(code, int) and not isinstance(code, bool) and 100 <= code < 600 for code in codes
    ):
        raise InvalidValue(
            Code.PROBE_VALUE, "this must be an HTTP status code, or a list of them", 'Write it like "status: 204"'
        )
    return tuple(int(str(code)) for code in codes)


def parse_json_values(value: object) -> tuple[tuple[str, str | int | float | bool | None], ...]:
    """Dotted paths into a JSON response, and the plain value that each must have."""
    hint = 'Write it like "json: {status: running}" or "json: {vpn.connected: true}"'
    if not isinstance(value, dict) or not value:
        raise InvalidValue(Code.PROBE_VALUE, '"json" must be paths and the values that they must have', hint)
    if any(isinstance(expected, (dict, list)) for expected in value.values()):
        raise InvalidValue(
            Code.PROBE_VALUE, "only plain values can be compared: text, numbers, true, false and null", hint
        )
    return tuple(value.items())


@with_config(STRICT_CONFIG)
class HttpEntry(TypedDict, total=False):
    """A URL, and what its response must be."""

    url: Required[Annotated[str, AfterValidator(check_probe_url)]]
    status: Annotated[Any, BeforeValidator(parse_http_statuses)]
    json: Annotated[Any, BeforeValidator(parse_json_values)]


# --- external addresses


def parse_networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """One address or network, or a list of them."""
    networks = _ensure_list(value)
    hint = "Write it like 203.0.113.7 or [203.0.113.0/24, 2001:db8::/32]"
    if not networks or not all(isinstance(network, str) for network in networks):
        raise InvalidValue(Code.PROBE_VALUE, "this must be an address, a network, or a list of them", hint)
    try:
        return tuple(ip_network(str(network)) for network in networks)
    except ValueError as error:
        if "has host bits set" in str(error):
            raise InvalidValue(
                Code.PROBE_VALUE, "this network has bits set beyond its prefix length", "Write it like 203.0.113.0/24"
            ) from None
        raise InvalidValue(Code.PROBE_VALUE, "this is not an address or network", hint) from None


Networks = Annotated[Any, BeforeValidator(parse_networks)]


@with_config(STRICT_CONFIG)
class AddressesEntry(TypedDict, total=False):
    """The external addresses that are right."""

    must_be: Networks
    must_not_be: Networks


@with_config(STRICT_CONFIG)
class GluetunEntry(AddressesEntry, total=False):
    """The control server of gluetun."""

    url: Required[Annotated[str, AfterValidator(check_api_url)]]
    api_key: SecretSource | None
    username: SecretSource | None
    password: SecretSource | None


# --- all probes

CONNECTION_STATUSES: Final = ("connected", "firewalled", "disconnected")


def check_interface(value: object) -> str:
    """The name of a network interface."""
    if not isinstance(value, str):
        raise InvalidValue(Code.PROBE_VALUE, "an interface must be a name", 'Write it like "interface: wg0"')
    return check_one_line("the name of the interface", value)


def parse_connection_statuses(value: object) -> tuple[str, ...]:
    """One or several of qBittorrent's connection statuses."""
    statuses = _ensure_list(value)
    if not statuses or any(status not in CONNECTION_STATUSES for status in statuses):
        raise InvalidValue(
            Code.PROBE_VALUE,
            f'"connection_status" must be one of {", ".join(CONNECTION_STATUSES)}, or a list of them',
            'Write it like "connection_status: connected"',
        )
    return tuple(map(str, statuses))


def check_external_ip(value: object) -> object:
    """A rule for the external address that is not empty."""
    if value == {}:
        hint = 'Write it like "external_ip: {must_not_be: 203.0.113.7}"'
        raise InvalidValue(Code.PROBE_VALUE, "external_ip needs must_be or must_not_be", hint)
    return value


def expand_url(value: Any) -> Any:
    """A URL alone stands for a probe that declares nothing else."""
    return {"url": value} if isinstance(value, str) else value


@with_config(STRICT_CONFIG)
class ProbeEntry(TypedDict, total=False):
    """One probe. `builders.probes` checks that it is of exactly one kind."""

    tcp: Annotated[Any, BeforeValidator(parse_host_and_port)]
    http: Annotated[HttpEntry, BeforeValidator(expand_url)]
    ping: Annotated[Any, BeforeValidator(check_host)]
    interface: Annotated[Any, BeforeValidator(check_interface)]
    connection_status: Annotated[Any, BeforeValidator(parse_connection_statuses)]
    external_ip: Annotated[AddressesEntry, BeforeValidator(check_external_ip)]
    gluetun: Annotated[GluetunEntry, BeforeValidator(expand_url)]
    timeout: Duration
    failure_threshold: Annotated[int, Field(ge=1, le=100)]
    success_threshold: Annotated[int, Field(ge=1, le=100)]


PROBE_KINDS: Final = ("tcp", "http", "ping", "interface", "connection_status", "external_ip", "gluetun")
QBITTORRENT_PROBE_KINDS: Final = ("interface", "connection_status", "external_ip")
PROBE_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "health": tuple(ProbeEntry.__annotations__),
    "http": tuple(HttpEntry.__annotations__),
    "external_ip": tuple(AddressesEntry.__annotations__),
    "gluetun": ("url", "api_key", "username", "password", "must_be", "must_not_be"),
}
_THRESHOLD_TEXT: Final = "a whole number from 1 to 100"
PROBE_NUMBER_TEXTS: Final = {
    "timeout": DURATION_TEXT,
    "failure_threshold": _THRESHOLD_TEXT,
    "success_threshold": _THRESHOLD_TEXT,
}


def _ensure_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]
