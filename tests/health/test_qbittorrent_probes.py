"""Evaluation of the network state that qBittorrent reports, and of its external addresses."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from reconciler.health.qbittorrent_probes import evaluate_network
from reconciler.model.health import (
    AddressRule,
    ConnectionStatusCheck,
    ExternalIpCheck,
    HealthState,
    InterfaceCheck,
    NetworkState,
)

HOME = AddressRule(must_not_be=(ip_network("203.0.113.7/32"), ip_network("2001:db8::/32")))
EXIT = AddressRule(must_be=(ip_network("198.51.100.0/24"),))
BOUND = NetworkState(interface="wg0", interface_name="wg0", interfaces=("eth0", "lo", "wg0"))

CASES = [
    (InterfaceCheck("wg0"), BOUND, HealthState.OK, "bound to wg0"),
    (InterfaceCheck("wg0"), NetworkState("wg0", None, None), HealthState.OK, "bound to wg0"),
    (
        InterfaceCheck("wg0"),
        NetworkState("wg0", "wg0", ("eth0", "lo")),
        HealthState.VPN_DOWN,
        "does not exist on its machine now",
    ),
    (InterfaceCheck("wg0"), NetworkState("", "", ("eth0",)), HealthState.VPN_DOWN, "not bound to any interface"),
    (InterfaceCheck("wg0"), NetworkState("eth0", "eth0", ("eth0", "wg0")), HealthState.VPN_DOWN, "is bound to eth0"),
    # Windows: an interface has a name for people and another for the system
    (InterfaceCheck("VPN"), NetworkState("iftype53_1", "VPN", ("iftype53_1",)), HealthState.OK, "bound to VPN"),
    (
        ConnectionStatusCheck(("connected",)),
        NetworkState(connection_status="connected"),
        HealthState.OK,
        "is connected",
    ),
    (
        ConnectionStatusCheck(("connected", "firewalled")),
        NetworkState(connection_status="disconnected"),
        HealthState.VPN_DOWN,
        "is disconnected, not connected or firewalled",
    ),
    (ConnectionStatusCheck(("connected",)), NetworkState(), HealthState.VPN_DOWN, "not reported"),
    (ExternalIpCheck(HOME), NetworkState(addresses=None), HealthState.NOT_CONFIGURED, "5.1 and later do"),
    (ExternalIpCheck(HOME), NetworkState(addresses=()), HealthState.OK, "not known yet"),
    (ExternalIpCheck(HOME), NetworkState(addresses=("198.51.100.9",)), HealthState.OK, "198.51.100.9"),
    (ExternalIpCheck(HOME), NetworkState(addresses=("203.0.113.7",)), HealthState.VPN_DOWN, "must_not_be"),
    (
        ExternalIpCheck(HOME),
        NetworkState(addresses=("198.51.100.9", "2001:db8::5")),
        HealthState.VPN_DOWN,
        "must_not_be",
    ),
    (ExternalIpCheck(EXIT), NetworkState(addresses=("198.51.100.9",)), HealthState.OK, "198.51.100.9"),
    (
        ExternalIpCheck(EXIT),
        NetworkState(addresses=("203.0.113.7",)),
        HealthState.VPN_DOWN,
        "which is not in must_be",
    ),
    # IPv6 is not restricted where only IPv4 networks are given
    (ExternalIpCheck(EXIT), NetworkState(addresses=("198.51.100.9", "2001:db8::5")), HealthState.OK, "and 2001:db8::5"),
    (ExternalIpCheck(HOME), NetworkState(addresses=("home",)), HealthState.VPN_DOWN, "an invalid external address"),
]


@pytest.mark.parametrize(("check", "network", "state", "text"), CASES)
def test_evaluation(
    check: InterfaceCheck | ConnectionStatusCheck | ExternalIpCheck,
    network: NetworkState,
    state: HealthState,
    text: str,
) -> None:
    result = evaluate_network(check, network, "v5.0.4")
    assert result.state is state
    assert text in result.text
    assert bool(result.hint) is (state is not HealthState.OK)
