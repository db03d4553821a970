"""Judges what qBittorrent itself says of its network. Pure."""

from __future__ import annotations

from reconciler.model.health import Addresses, Answer, ConnectionStatus, ExternalIp, Interface, NetworkState, State

_BIND = "Set the network interface in qBittorrent's advanced options, or correct the probe"


def judge_network(subject: Interface | ConnectionStatus | ExternalIp, seen: NetworkState, version: str) -> Answer:
    """What a probe makes of it. `version` is qBittorrent's."""
    match subject:
        case Interface():
            return _interface(subject.name, seen)
        case ConnectionStatus():
            return _connection(subject.allowed, seen.connection_status or "not told")
        case ExternalIp():
            return _address(subject.right, seen, version)


def _interface(name: str, seen: NetworkState) -> Answer:
    bound = seen.interface
    if bound != name and seen.interface_name != name:
        where = f"bound to {bound}" if bound else "not bound to any interface"
        return Answer(State.VPN_DOWN, f"qBittorrent is {where}", _BIND)
    if seen.interfaces is not None and bound not in seen.interfaces:
        mend = "Bring the interface (the VPN) up there"
        return Answer(State.VPN_DOWN, f"qBittorrent is bound to {name}, which its machine does not have now", mend)
    return Answer(State.OK, f"qBittorrent is bound to {name}")


def _connection(allowed: tuple[str, ...], status: str) -> Answer:
    if status in allowed:
        return Answer(State.OK, f"qBittorrent is {status}")
    mend = "Look into qBittorrent's log; its port may not be reachable through the VPN"
    return Answer(State.VPN_DOWN, f"qBittorrent is {status}, not {' or '.join(allowed)}", mend)


def _address(right: Addresses, seen: NetworkState, version: str) -> Answer:
    """An address that is not known yet contradicts nothing: it becomes known by torrents that run, and only so."""
    if seen.addresses is None:
        mend = "Update it, or ask gluetun or another service that sees the address (gluetun, http)"
        text = f"qBittorrent {version} does not tell its external address; 5.1 and later do"
        return Answer(State.NOT_CONFIGURED, text, mend)
    for address in seen.addresses:
        try:
            wrong = right.wrong(address)
        except ValueError:
            return Answer(State.VPN_DOWN, "qBittorrent tells an external address that is none", "Please report this")
        if wrong:
            mend = (
                "Mend the VPN. qBittorrent learns its address from trackers, peers and the DHT alone: if nothing runs "
                "there, restart it, or start one torrent by hand"
            )
            return Answer(State.VPN_DOWN, wrong, mend)
    if not seen.addresses:
        return Answer(State.OK, "the external address is not known yet")
    return Answer(State.OK, f"the external address is {' and '.join(seen.addresses)}")
