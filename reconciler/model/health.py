"""The health of an instance: what is probed, what each probe showed, and what that makes of the instance.

| what is so                                                                   | state            |
|------------------------------------------------------------------------------|------------------|
| the Web API answers, lets us in, and every probe passes                      | `OK`             |
| no connection to the Web API, a broken answer, an answer of 429 or 5xx       | `UNREACHABLE`    |
| the Web API does not answer in time                                          | `TIMEOUT`        |
| the Web API refuses our credentials, or has banned us                        | `AUTH_FAILED`    |
| the Web API answers, and a probe says no                                     | `VPN_DOWN`       |
| the Web API answers, and a probe cannot tell: it lacks something on our side | `NOT_CONFIGURED` |

The first of UNREACHABLE, TIMEOUT, AUTH_FAILED, VPN_DOWN, NOT_CONFIGURED, OK that holds. Everything but `OK` is
unhealthy: a probe that cannot tell is no probe that passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from reconciler.model.secret import Secret

IpNetwork = IPv4Network | IPv6Network
JsonScalar = str | int | float | bool | None


class HealthState(StrEnum):
    """The health of an instance, and what a single probe showed (then only OK, VPN_DOWN and NOT_CONFIGURED)."""

    OK = "OK"
    VPN_DOWN = "VPN_DOWN"
    UNREACHABLE = "UNREACHABLE"
    AUTH_FAILED = "AUTH_FAILED"
    TIMEOUT = "TIMEOUT"
    NOT_CONFIGURED = "NOT_CONFIGURED"


class UnhealthyPolicy(StrEnum):
    """What becomes of our torrents on an instance whose probes fail while its Web API answers."""

    LEAVE = "leave"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Which external addresses are right: in one of `must_be` (if there are any), and in none of `must_not_be`."""

    must_be: tuple[IpNetwork, ...] = ()
    must_not_be: tuple[IpNetwork, ...] = ()

    def mismatch_reason(self, address: str) -> str | None:
        """What is wrong with an address, or None. Raises `ValueError` for a text that is none."""
        found = ip_address(address)
        if any(found in network for network in self.must_not_be):
            return f"the external address is {found}, which it must not be"
        ours = [network for network in self.must_be if network.version == found.version]
        if ours and not any(found in network for network in ours):
            return f"the external address is {found}, which is none of those that it must be"
        return None


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """A connection can be made from here."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp {host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PingCheck:
    """A host answers an ICMP echo request from here."""

    host: str

    def __str__(self) -> str:
        return f"ping {self.host}"


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """A GET from here is answered with one of these status codes, and these JSON values (by dotted path)."""

    url: str
    status: tuple[int, ...] = (200,)
    json: tuple[tuple[str, JsonScalar], ...] = ()

    def __str__(self) -> str:
        return f"http {_redact_probe_url(self.url)}"


@dataclass(frozen=True, slots=True)
class InterfaceCheck:
    """qBittorrent is bound to this network interface, and the machine it runs on has it."""

    name: str

    def __str__(self) -> str:
        return f"interface {self.name}"


@dataclass(frozen=True, slots=True)
class ConnectionStatusCheck:
    """qBittorrent calls its connection one of these."""

    allowed: tuple[str, ...]

    def __str__(self) -> str:
        return f"connection_status {' or '.join(self.allowed)}"


@dataclass(frozen=True, slots=True)
class ExternalIpCheck:
    """The address that qBittorrent was last seen under."""

    expected: AddressRule

    def __str__(self) -> str:
        return "external_ip"


@dataclass(frozen=True, slots=True)
class GluetunCheck:
    """gluetun's control server says that the VPN runs and, where asked for, under the right address."""

    url: str
    expected: AddressRule = AddressRule()
    api_key: Secret | None = None
    username: str | None = None
    password: Secret | None = None

    def __str__(self) -> str:
        return f"gluetun {_redact_probe_url(self.url)}"


ProbeCheck = TcpCheck | PingCheck | HttpCheck | InterfaceCheck | ConnectionStatusCheck | ExternalIpCheck | GluetunCheck
QBITTORRENT_CHECKS = (InterfaceCheck, ConnectionStatusCheck, ExternalIpCheck)


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of one instance. `timeout` in seconds, for all of it; the thresholds count results in a row."""

    check: ProbeCheck
    timeout: float = 5.0
    failure_threshold: int = 1
    success_threshold: int = 1


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one try of a probe showed. `hint` says what to do where it did not pass."""

    state: HealthState
    text: str
    hint: str = ""

    @property
    def has_passed(self) -> bool:
        """Did it pass?"""
        return self.state is HealthState.OK


@dataclass(frozen=True, slots=True)
class ProbeHealth:
    """A probe with its history. `state` heeds the thresholds, `since` when (UTC) it became so.

    `opposing_results`: how many results in a row have spoken against it. `last_error`: of the last try that did not pass, also
    where it has passed again since.
    """

    probe: str
    state: HealthState
    since: datetime
    text: str
    hint: str = ""
    opposing_results: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The health of an instance since when (UTC). `error` says why it is not OK."""

    state: HealthState
    since: datetime
    error: str | None = None
    probes: tuple[ProbeHealth, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Does all that is known speak for it?"""
        return self.state is HealthState.OK

    @property
    def reason(self) -> str:
        """In one clause, what is wrong with it."""
        return f"{_STATE_PHRASES.get(self.state, str(self.state))}: {self.error}"


_STATE_PHRASES = {HealthState.VPN_DOWN: "VPN is down", HealthState.NOT_CONFIGURED: "VPN cannot be checked"}


def _redact_probe_url(url: str) -> str:
    """Host and path of a URL; its query may hold tokens."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


@dataclass(frozen=True, slots=True)
class NetworkState:
    """Only what was asked for is known; the rest is None.

    `interface`: the one it is bound to, "" for any; `interface_name`: what it shows to people for it; `interfaces`:
    those that its machine has. `addresses`: under which it was last seen from outside, empty as long as it has not
    learnt of any; None where this version does not tell.
    """

    interface: str | None = None
    interface_name: str | None = None
    interfaces: tuple[str, ...] | None = None
    connection_status: str | None = None
    addresses: tuple[str, ...] | None = None
