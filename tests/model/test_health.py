"""The external addresses that are right, and the texts of checks and of health."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from reconciler.model.health import (
    AddressRule,
    ConnectionStatusCheck,
    ExternalIpCheck,
    GluetunCheck,
    Health,
    HealthState,
    HttpCheck,
    InterfaceCheck,
    PingCheck,
    ProbeCheck,
    ProbeResult,
    TcpCheck,
)
from reconciler.model.secret import Secret

RULE = AddressRule((ip_network("10.0.0.0/8"), ip_network("192.0.2.1/32")), (ip_network("10.9.0.0/16"),))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.1.2.3", None),
        ("192.0.2.1", None),
        ("192.0.2.2", "the external address is 192.0.2.2, which is not in must_be"),
        ("10.9.1.1", "the external address is 10.9.1.1, which must_not_be excludes"),
        ("2001:db8::1", None),  # must_be names no network of IPv6
    ],
)
def test_an_address_is_in_one_of_must_be_and_in_none_of_must_not_be(address: str, reason: str | None) -> None:
    assert RULE.mismatch_reason(address) == reason


def test_an_empty_rule_accepts_every_address_but_no_other_text() -> None:
    assert AddressRule().mismatch_reason("203.0.113.9") is None
    with pytest.raises(ValueError, match="'unknown' does not appear to be an IPv4 or IPv6 address"):
        AddressRule().mismatch_reason("unknown")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (TcpCheck("vpn", 80), "tcp vpn:80"),
        (TcpCheck("::1", 80), "tcp [::1]:80"),
        (PingCheck("10.0.0.1"), "ping 10.0.0.1"),
        (HttpCheck("https://me:secret@vpn:8000/v1/ip/?token=secret"), "http vpn:8000/v1/ip"),
        (InterfaceCheck("wg0"), "interface wg0"),
        (ConnectionStatusCheck(("connected", "firewalled")), "connection_status connected or firewalled"),
        (ExternalIpCheck(AddressRule()), "external_ip"),
        (GluetunCheck("http://me:secret@vpn:8000/", api_key=Secret("secret")), "gluetun vpn:8000"),
    ],
)
def test_the_text_of_a_check_names_its_target_without_secrets(check: ProbeCheck, text: str) -> None:
    assert str(check) == text


def test_a_probe_that_cannot_run_has_not_passed() -> None:
    assert ProbeResult(HealthState.OK, "fine").has_passed
    assert not ProbeResult(HealthState.VPN_DOWN, "no reply").has_passed
    assert not ProbeResult(HealthState.NOT_CONFIGURED, "ping is not installed").has_passed


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (HealthState.VPN_DOWN, "VPN is down: no reply"),
        (HealthState.NOT_CONFIGURED, "VPN cannot be checked: no reply"),
        (HealthState.TIMEOUT, "TIMEOUT: no reply"),
    ],
)
def test_every_state_but_ok_is_unhealthy_with_a_reason(state: HealthState, reason: str) -> None:
    health = Health(state, datetime(2026, 1, 1, tzinfo=UTC), "no reply")
    assert (health.is_healthy, health.reason) == (False, reason)
    assert Health(HealthState.OK, health.since).is_healthy
