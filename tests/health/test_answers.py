"""What the probes make of what qBittorrent says of its own network, and addresses that are right or wrong."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from reconciler.health.qbittorrent_probes import judge_network
from reconciler.model.health import Addresses, ConnectionStatus, ExternalIp, Interface, NetworkState, State

HOME = Addresses(must_not_be=(ip_network("203.0.113.7/32"), ip_network("2001:db8::/32")))
EXIT = Addresses(must_be=(ip_network("198.51.100.0/24"),))
BOUND = NetworkState(interface="wg0", interface_name="wg0", interfaces=("eth0", "lo", "wg0"))

CASES = [
    (Interface("wg0"), BOUND, State.OK, "bound to wg0"),
    (Interface("wg0"), NetworkState("wg0", None, None), State.OK, "bound to wg0"),
    (Interface("wg0"), NetworkState("wg0", "wg0", ("eth0", "lo")), State.VPN_DOWN, "does not have now"),
    (Interface("wg0"), NetworkState("", "", ("eth0",)), State.VPN_DOWN, "not bound to any interface"),
    (Interface("wg0"), NetworkState("eth0", "eth0", ("eth0", "wg0")), State.VPN_DOWN, "is bound to eth0"),
    # Windows: people know it by another name than the system
    (Interface("VPN"), NetworkState("iftype53_1", "VPN", ("iftype53_1",)), State.OK, "bound to VPN"),
    (ConnectionStatus(("connected",)), NetworkState(connection_status="connected"), State.OK, "is connected"),
    (
        ConnectionStatus(("connected", "firewalled")),
        NetworkState(connection_status="disconnected"),
        State.VPN_DOWN,
        "is disconnected, not connected or firewalled",
    ),
    (ConnectionStatus(("connected",)), NetworkState(), State.VPN_DOWN, "not told"),
    (ExternalIp(HOME), NetworkState(addresses=None), State.NOT_CONFIGURED, "5.1 and later do"),
    (ExternalIp(HOME), NetworkState(addresses=()), State.OK, "not known yet"),
    (ExternalIp(HOME), NetworkState(addresses=("198.51.100.9",)), State.OK, "198.51.100.9"),
    (ExternalIp(HOME), NetworkState(addresses=("203.0.113.7",)), State.VPN_DOWN, "must not be"),
    (ExternalIp(HOME), NetworkState(addresses=("198.51.100.9", "2001:db8::5")), State.VPN_DOWN, "must not be"),
    (ExternalIp(EXIT), NetworkState(addresses=("198.51.100.9",)), State.OK, "198.51.100.9"),
    (ExternalIp(EXIT), NetworkState(addresses=("203.0.113.7",)), State.VPN_DOWN, "none of those that it must be"),
    # nothing is said of IPv6 where only IPv4 networks are given
    (ExternalIp(EXIT), NetworkState(addresses=("198.51.100.9", "2001:db8::5")), State.OK, "and 2001:db8::5"),
    (ExternalIp(HOME), NetworkState(addresses=("home",)), State.VPN_DOWN, "that is none"),
]


@pytest.mark.parametrize(("subject", "seen", "state", "text"), CASES)
def test_judgement(
    subject: Interface | ConnectionStatus | ExternalIp, seen: NetworkState, state: State, text: str
) -> None:
    answer = judge_network(subject, seen, "v5.0.4")
    assert answer.state is state
    assert text in answer.text
    assert bool(answer.mend) is (state is not State.OK)
