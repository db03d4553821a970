"""Judges what qBittorrent itself says of its network. Pure."""

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
    subject: InterfaceCheck | ConnectionStatusCheck | ExternalIpCheck, network: NetworkState, version: str
) -> ProbeResult:
    """What a probe makes of it. `version` is qBittorrent's."""
    match subject:
        case InterfaceCheck():
            return _evaluate_interface(subject.name, network)
        case ConnectionStatusCheck():
            return _evaluate_connection(subject.allowed, network.connection_status or "not told")
        case ExternalIpCheck():
            return _evaluate_address(subject.expected, network, version)


def _evaluate_interface(name: str, network: NetworkState) -> ProbeResult:
    bound = network.interface
    if bound != name and network.interface_name != name:
        where = f"bound to {bound}" if bound else "not bound to any interface"
        return ProbeResult(HealthState.VPN_DOWN, f"qBittorrent is {where}", _BIND_HINT)
    if network.interfaces is not None and bound not in network.interfaces:
        mend = "Bring the interface (the VPN) up there"
        return ProbeResult(
            HealthState.VPN_DOWN, f"qBittorrent is bound to {name}, which its machine does not have now", mend
        )
    return ProbeResult(HealthState.OK, f"qBittorrent is bound to {name}")


def _evaluate_connection(allowed: tuple[str, ...], status: str) -> ProbeResult:
    if status in allowed:
        return ProbeResult(HealthState.OK, f"qBittorrent is {status}")
    mend = "Look into qBittorrent's log; its port may not be reachable through the VPN"
    return ProbeResult(HealthState.VPN_DOWN, f"qBittorrent is {status}, not {' or '.join(allowed)}", mend)


def _evaluate_address(expected: AddressRule, network: NetworkState, version: str) -> ProbeResult:
    """An address that is not known yet contradicts nothing: it becomes known by torrents that run, and only so."""
    if network.addresses is None:
        mend = "Update it, or ask gluetun or another service that sees the address (gluetun, http)"
        text = f"qBittorrent {version} does not tell its external address; {EXTERNAL_ADDRESS.release} and later do"
        return ProbeResult(HealthState.NOT_CONFIGURED, text, mend)
    for address in network.addresses:
        try:
            wrong = expected.mismatch_reason(address)
        except ValueError:
            return ProbeResult(
                HealthState.VPN_DOWN, "qBittorrent tells an external address that is none", "Please report this"
            )
        if wrong:
            mend = (
                "Mend the VPN. qBittorrent learns its address from trackers, peers and the DHT alone: if nothing runs "
                "there, restart it, or start one torrent by hand"
            )
            return ProbeResult(HealthState.VPN_DOWN, wrong, mend)
    if not network.addresses:
        return ProbeResult(HealthState.OK, "the external address is not known yet")
    return ProbeResult(HealthState.OK, f"the external address is {' and '.join(network.addresses)}")
