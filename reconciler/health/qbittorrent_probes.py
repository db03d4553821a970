"""Evaluation of the network state that qBittorrent itself reports. Pure."""

from __future__ import annotations

from reconciler.model.health import (
    AddressRule,
    ConnectionStatusCheck,
    ExternalIpCheck,
    HealthState,
    InterfaceCheck,
    NetworkState,
    ProbeResult,
)
from reconciler.model.versions import EXTERNAL_ADDRESS

_BIND_HINT = "Set the network interface in qBittorrent's advanced options, or correct the probe"


def evaluate_network(
    check: InterfaceCheck | ConnectionStatusCheck | ExternalIpCheck, network: NetworkState, version: str
) -> ProbeResult:
    """Return the result of a probe. `version`: of qBittorrent."""
    match check:
        case InterfaceCheck():
            return _evaluate_interface(check.name, network)
        case ConnectionStatusCheck():
            return _evaluate_connection(check.allowed, network.connection_status or "not reported")
        case ExternalIpCheck():
            return _evaluate_address(check.expected, network, version)


def _evaluate_interface(name: str, network: NetworkState) -> ProbeResult:
    bound = network.interface
    if bound != name and network.interface_name != name:
        state = f"bound to {bound}" if bound else "not bound to any interface"
        return ProbeResult(HealthState.VPN_DOWN, f"qBittorrent is {state}", _BIND_HINT)
    if network.interfaces is not None and bound not in network.interfaces:
        hint = "Start the interface (the VPN) there"
        return ProbeResult(
            HealthState.VPN_DOWN, f"qBittorrent is bound to {name}, which does not exist on its machine now", hint
        )
    return ProbeResult(HealthState.OK, f"qBittorrent is bound to {name}")


def _evaluate_connection(allowed: tuple[str, ...], status: str) -> ProbeResult:
    if status in allowed:
        return ProbeResult(HealthState.OK, f"qBittorrent is {status}")
    hint = "See the log of qBittorrent. Its port may not be reachable through the VPN"
    return ProbeResult(HealthState.VPN_DOWN, f"qBittorrent is {status}, not {' or '.join(allowed)}", hint)


def _evaluate_address(expected: AddressRule, network: NetworkState, version: str) -> ProbeResult:
    """Evaluate the external addresses. An unknown address passes: only running torrents make it known."""
    if network.addresses is None:
        hint = "Update it, or use a probe of a service that sees the address (gluetun, http)"
        text = f"qBittorrent {version} does not report its external address; {EXTERNAL_ADDRESS.release} and later do"
        return ProbeResult(HealthState.NOT_CONFIGURED, text, hint)
    for address in network.addresses:
        try:
            mismatch = expected.mismatch_reason(address)
        except ValueError:
            return ProbeResult(
                HealthState.VPN_DOWN, "qBittorrent reports an invalid external address", "Please report this"
            )
        if mismatch:
            hint = (
                "Fix the VPN. qBittorrent learns its address only from trackers, peers and the DHT: if no torrent runs "
                "there, restart it, or start a torrent by hand"
            )
            return ProbeResult(HealthState.VPN_DOWN, mismatch, hint)
    if not network.addresses:
        return ProbeResult(HealthState.OK, "the external address is not known yet")
    return ProbeResult(HealthState.OK, f"the external address is {' and '.join(network.addresses)}")
