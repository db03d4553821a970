"""The health of an instance: its probes, their results, and the state that follows from them.

| condition                                                                      | state            |
|--------------------------------------------------------------------------------|------------------|
| the Web API responds, accepts our credentials, and every probe passes          | `OK`             |
| no connection to the Web API, a broken response, a response with 429 or 5xx    | `UNREACHABLE`    |
| the Web API does not respond in time                                           | `TIMEOUT`        |
| the Web API rejects our credentials, or has banned us                          | `AUTH_FAILED`    |
| the Web API responds, and a probe fails                                        | `VPN_DOWN`       |
| the Web API responds, and a probe cannot run: something is missing on our side | `NOT_CONFIGURED` |

The state is the first of UNREACHABLE, TIMEOUT, AUTH_FAILED, VPN_DOWN, NOT_CONFIGURED, OK whose condition holds. All but
`OK` are unhealthy: a probe that cannot run has not passed.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.secret import Secret

IpNetwork = IPv4Network | IPv6Network
JsonScalar = str | int | float | bool | None


class HealthState(StrEnum):
    """The state of an instance, or of a single probe (then only OK, VPN_DOWN and NOT_CONFIGURED)."""

    OK = "OK"
    VPN_DOWN = "VPN_DOWN"
    UNREACHABLE = "UNREACHABLE"
    AUTH_FAILED = "AUTH_FAILED"
    TIMEOUT = "TIMEOUT"
    NOT_CONFIGURED = "NOT_CONFIGURED"


class UnhealthyPolicy(StrEnum):
    """The treatment of our torrents on an instance whose probes fail while its Web API responds."""

    LEAVE = "leave"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class AddressRule:
    """The external addresses that are right: in one of `must_be` (if not empty), and in none of `must_not_be`."""

    must_be: tuple[IpNetwork, ...] = ()
    must_not_be: tuple[IpNetwork, ...] = ()

    def mismatch_reason(self, address: str) -> str | None:
        """Return what is wrong with an address, or None. Raises `ValueError` for a text that is not an address."""
        ip = ip_address(address)
        if any(ip in network for network in self.must_not_be):
            return f"the external address is {ip}, which must_not_be excludes"
        expected_networks = [network for network in self.must_be if network.version == ip.version]
        if expected_networks and not any(ip in network for network in expected_networks):
            return f"the external address is {ip}, which is not in must_be"
        return None


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """A TCP connection can be made from here."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp {host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PingCheck:
    """A host responds to an ICMP echo request from here."""

    host: str

    def __str__(self) -> str:
        return f"ping {self.host}"


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """The response to a GET from here has one of these status codes, and these JSON values (by dotted path)."""

    url: str = field(repr=False)
    status: tuple[int, ...] = (200,)
    json: tuple[tuple[str, JsonScalar], ...] = ()

    def __str__(self) -> str:
        return f"http {_redact_probe_url(self.url)}"


@dataclass(frozen=True, slots=True)
class InterfaceCheck:
    """qBittorrent is bound to this network interface, and its machine has the interface."""

    name: str

    def __str__(self) -> str:
        return f"interface {self.name}"


@dataclass(frozen=True, slots=True)
class ConnectionStatusCheck:
    """The connection status that qBittorrent reports is one of these."""

    allowed: tuple[str, ...]

    def __str__(self) -> str:
        return f"connection_status {' or '.join(self.allowed)}"


@dataclass(frozen=True, slots=True)
class ExternalIpCheck:
    """The external address that qBittorrent last learned of is right."""

    expected: AddressRule

    def __str__(self) -> str:
        return "external_ip"


@dataclass(frozen=True, slots=True)
class GluetunCheck:
    """The control server of gluetun reports that the VPN runs and, if declared, the right address."""

    url: str = field(repr=False)
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
    """One probe of one instance. `timeout` is in seconds, for the whole probe; thresholds count results in a row."""

    check: ProbeCheck
    timeout: float = 5.0
    failure_threshold: int = 1
    success_threshold: int = 1


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one run of a probe. `hint` says what to do if it did not pass."""

    state: HealthState
    text: str
    hint: str = ""

    @property
    def has_passed(self) -> bool:
        """True if the probe passed."""
        return self.state is HealthState.OK


@dataclass(frozen=True, slots=True)
class ProbeHealth:
    """A probe with its history. `state` respects the thresholds; `since` is the time (UTC) when it last changed.

    `opposing_results`: the number of results in a row that contradict `state`. `last_error`: the text of the last run
    that did not pass, kept when later runs pass.
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
    """The health of an instance, and the time (UTC) since when. `error` says why it is not OK."""

    state: HealthState
    since: datetime
    error: str | None = None
    probes: tuple[ProbeHealth, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """True if the state is OK."""
        return self.state is HealthState.OK

    @property
    def reason(self) -> str:
        """The reason why it is not OK, in one clause."""
        return f"{_STATE_PHRASES.get(self.state, str(self.state))}: {self.error}"


_STATE_PHRASES = {HealthState.VPN_DOWN: "VPN is down", HealthState.NOT_CONFIGURED: "VPN cannot be checked"}


def _redact_probe_url(url: str) -> str:
    """Return host and path of a URL. Its query may contain tokens."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


@dataclass(frozen=True, slots=True)
class NetworkState:
    """The network state that qBittorrent reports. A value that was not read is None.

    `interface`: the interface that it is bound to, "" for any; `interface_name`: its name for people; `interfaces`:
    those of its machine. `addresses`: the external addresses that it has learned of, empty if none yet; None if its
    version does not report them.
    """

    interface: str | None = None
    interface_name: str | None = None
    interfaces: tuple[str, ...] | None = None
    connection_status: str | None = None
    addresses: tuple[str, ...] | None = None
