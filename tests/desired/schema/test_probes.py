"""The rules for the values of probes."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network

import pytest

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import probes

TCP_PORT_MESSAGE = "a tcp probe needs a host and a port from 1 to 65535"
STATUS_MESSAGE = "this must be an HTTP status code, or a list of them"
CONNECTION_MESSAGE = '"connection_status" must be one of connected, firewalled, disconnected, or a list of them'


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (probes.parse_host_and_port, "10.2.0.1:53", ("10.2.0.1", 53)),
        (probes.parse_host_and_port, "[fd00::1]:65535", ("fd00::1", 65535)),
        (probes.check_host, "gluetun", "gluetun"),
        (probes.check_host, "fe80::1%eth0", "fe80::1%eth0"),
        (probes.check_probe_url, "https://a/health?token=x", "https://a/health?token=x"),
        (probes.parse_http_statuses, 204, (204,)),
        (probes.parse_http_statuses, [200, 599], (200, 599)),
        (probes.parse_json_values, {"vpn.connected": True, "a": None}, (("vpn.connected", True), ("a", None))),
        (probes.parse_networks, "203.0.113.7", (ip_network("203.0.113.7/32"),)),
        (probes.parse_networks, ["10.0.0.0/8", "fd00::/8"], (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
        (probes.check_interface, "wg0", "wg0"),
        (probes.parse_connection_statuses, "connected", ("connected",)),
        (probes.parse_connection_statuses, ["firewalled", "connected"], ("firewalled", "connected")),
        (probes.check_external_ip, {"must_be": "10.0.0.1"}, {"must_be": "10.0.0.1"}),
        (probes.expand_url, "http://a", {"url": "http://a"}),
        (probes.expand_url, {"status": 200}, {"status": 200}),
    ],
)
def test_valid_values_are_accepted(check: Callable[[object], object], value: object, result: object) -> None:
    assert check(value) == result


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (probes.parse_host_and_port, 53, "a tcp probe needs a host and a port"),
        (probes.parse_host_and_port, "http://a:80", "a tcp probe takes no url"),
        (probes.parse_host_and_port, "a", TCP_PORT_MESSAGE),
        (probes.parse_host_and_port, "a:0", TCP_PORT_MESSAGE),
        (probes.parse_host_and_port, "a:65536", TCP_PORT_MESSAGE),
        (probes.parse_host_and_port, "fd00::1:53", "an IPv6 address in a tcp probe must be in brackets"),
        (probes.parse_host_and_port, ":53", "this is not a host name or address"),
        (probes.check_host, "-c", "this is not a host name or address"),
        (probes.check_host, None, "this is not a host name or address"),
        (probes.check_probe_url, "ftp://a", "a url must begin with http:// or https:// and have a host"),
        (probes.check_probe_url, "http://u:p@a", "a url must not contain credentials"),
        (probes.check_probe_url, "http://a/é", "this url contains a character that is not allowed in a URL"),
        (probes.check_probe_url, "http://a:x", "this url is not usable: its host or port is malformed"),
        (probes.parse_http_statuses, [], STATUS_MESSAGE),
        (probes.parse_http_statuses, 600, STATUS_MESSAGE),
        (probes.parse_http_statuses, [200, True], STATUS_MESSAGE),
        (probes.parse_json_values, {}, '"json" must be paths and the values that they must have'),
        (
            probes.parse_json_values,
            {"a": [1]},
            "only plain values can be compared: text, numbers, true, false and null",
        ),
        (probes.parse_networks, [], "this must be an address, a network, or a list of them"),
        (probes.parse_networks, "10.0.0.1/8", "this network has bits set beyond its prefix length"),
        (probes.parse_networks, "home", "this is not an address or network"),
        (probes.check_interface, 0, "an interface must be a name"),
        (probes.check_interface, "", "the name of the interface is empty"),
        (probes.parse_connection_statuses, [], CONNECTION_MESSAGE),
        (probes.parse_connection_statuses, ["connected", "online"], CONNECTION_MESSAGE),
        (probes.check_external_ip, {}, "external_ip needs must_be or must_not_be"),
    ],
)
def test_other_values_are_refused(check: Callable[[object], object], value: object, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check(value)
    assert error.value.message == message
