"""The findings of doctor, for each kind of input."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.desired import Instance
from reconciler.model.doctor import CheckStatus, Finding
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    InstanceError,
    SessionLostError,
    TlsError,
    UnreachableError,
    UnsupportedError,
)
from reconciler.model.health import HealthState, NetworkState, PingCheck, Probe, ProbeResult
from reconciler.model.lease import Holder, LeaseHold, LeaseMark, LeaseTags
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.queries import doctor_checks as d

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HERE = Position("desired.yaml", 1, 1)


def make_instance(url: str = "https://box.example:8443/qbt/", **more: Any) -> Instance:
    return Instance("box", HERE, url, **more)


MARK = LeaseMark("home", "nas", "11111111", datetime(2026, 11, 28, tzinfo=UTC))
HOLD = LeaseHold(MARK, Holder("ci", "", "12.3", "beef"))

CASES: list[tuple[Finding, str, str]] = [
    (d.check_login(make_instance(api_key=Secret("k"))), "ok", "the API key is accepted"),
    (d.check_login(make_instance(username="admin", password=Secret("p"))), "ok", "admin is logged in"),
    (d.check_login(make_instance()), "ok", "no login is required"),
    (d.check_reachable(make_instance())[0], "ok", "box.example:8443 answers"),
    (d.check_reachable(make_instance())[1], "ok", "trusted certificate"),
    (d.check_reachable(make_instance(tls_verify=False))[1], "note", "`tls.verify` is off"),
    (d.check_reachable(make_instance("http://box.example"))[1], "note", "unencrypted"),
    (d.check_reachable(make_instance("http://127.0.0.1:8080"))[1], "ok", "on this machine only"),
    (d.check_version("v5.1.0", "2.11.4", "2.0.11", tested=True), "ok", "v5.1.0, Web API 2.11.4, libtorrent 2.0.11"),
    (d.check_version("v9.0.0", "9.0.0", "3.0", tested=False), "note", "newer than every tested version"),
    (d.check_features((2, 16, 2), "2.0.11.0"), "ok", "every feature that can be declared"),
    (d.check_features((2, 16, 2), ""), "ok", "every feature that can be declared"),
    (d.check_features((2, 16, 2), "1.2.20.0"), "note", "lacks v2 torrents (libtorrent 2)"),
    (d.check_features((2, 11, 4), "2.0.11.0"), "note", "lacks API keys (5.2), "),
    (d.check_features((2, 5, 1), "1.2.9.0"), "note", "lacks tags with an add (4.3.2), "),
    (d.check_features((2, 5, 1), "1.2.9.0"), "note", ", v2 torrents (4.4), "),
    (d.check_clock(None, NOW), "note", "does not report its time"),
    (d.check_clock(NOW, NOW + timedelta(seconds=1.5)), "ok", "same time"),
    (d.check_clock(NOW, NOW + timedelta(seconds=20)), "ok", "by 20 s"),
    (d.check_clock(NOW, NOW + timedelta(seconds=90)), "fail", "90 s behind ours"),
    (d.check_clock(NOW, NOW - timedelta(hours=1)), "fail", "3600 s ahead of ours"),
    (d.check_leases(LeaseTags()), "ok", "no desired state has changed it yet"),
    (d.check_leases(LeaseTags(frozenset({MARK}))), "ok", 'owner "home" as nas since 2026-'),
    (d.check_leases(LeaseTags(frozenset({MARK}), frozenset({HOLD}))), "note", "a run is under way: process 12 on ci"),
    (d.check_interface(NetworkState(interface="", interface_name="", interfaces=("eth0",))), "note", "not bound"),
    (d.check_interface(NetworkState(interface="wg0", interface_name=None, interfaces=("wg0",))), "ok", "bound to wg0"),
    (
        d.check_interface(NetworkState(interface="wg0", interface_name="VPN", interfaces=("eth0",))),
        "fail",
        "bound to VPN, which",
    ),
    (d.check_interface(NetworkState(interface="wg0")), "ok", "bound to wg0"),
    (d.check_connection(NetworkState(connection_status="connected")), "ok", "connected"),
    (d.check_connection(NetworkState(connection_status="firewalled")), "note", "firewalled"),
    (d.check_connection(NetworkState(connection_status="disconnected")), "fail", "disconnected"),
    (d.check_external_address(NetworkState(addresses=None), "v4.5.2"), "note", "does not report"),
    (d.check_external_address(NetworkState(addresses=()), "v5.1.0"), "note", "not known yet"),
    (
        d.check_external_address(NetworkState(addresses=("198.51.100.9", "2001:db8::9")), "v5.1.0"),
        "ok",
        "198.51.100.9 and 2001:db8::9",
    ),
    (d.check_torrent_creator(True, "v5.1.0"), "ok", "available"),
    (d.check_torrent_creator(False, "v4.5.2"), "note", "5.0 and later do"),
    (d.check_free_space(5 << 30, "/downloads"), "ok", "5.0 GiB at /downloads"),
    (d.check_free_space(300 << 20, "/downloads"), "fail", "300.0 MiB at /downloads"),
    (d.check_free_space(None, "/downloads"), "note", "does not report"),
    (d.check_path("/data/linux", True, ""), "ok", "exists"),
    (d.check_path("/data/linux", False, "/data"), "ok", "qBittorrent creates it in /data"),
    (d.check_path("/data/linux", False, ""), "fail", "does not exist"),
    (d.check_probe(Probe(PingCheck("x")), ProbeResult(HealthState.OK, "answers")), "ok", "answers"),
    (d.check_probe(Probe(PingCheck("x")), ProbeResult(HealthState.NOT_CONFIGURED, "no", "Do")), "fail", "no"),
]


@pytest.mark.parametrize(("finding", "verdict", "text"), CASES)
def test_finding(finding: Finding, verdict: str, text: str) -> None:
    assert finding.status == verdict
    assert text in finding.text
    assert finding.hint or finding.status is not CheckStatus.FAIL, "a failed check has a hint"


@pytest.mark.parametrize(
    ("error", "checks"),
    [
        (UnreachableError("box: no connection to x. Is it running?"), ["reachable fail"]),
        (InstanceError("box: what is that"), ["reachable fail"]),
        (TlsError("box: not trusted. Name its CA"), ["reachable ok", "tls fail"]),
        (AuthenticationError("box: refused. Correct it"), ["reachable ok", "tls ok", "login fail"]),
        (BannedError("box: banned. Wait"), ["reachable ok", "tls ok", "login fail"]),
        (SessionLostError("box: lost. Look"), ["reachable ok", "tls ok", "login fail"]),
        (UnsupportedError("box: too old. Update"), ["reachable ok", "tls ok", "login ok", "version fail"]),
    ],
)
def test_an_open_error_fails_the_right_check(error: InstanceError, checks: list[str]) -> None:
    findings = d.diagnose_open_error(make_instance(), error)
    assert [f"{finding.check} {finding.status}" for finding in findings] == checks
    assert findings[-1].hint
    assert not findings[-1].text.startswith("box")


def test_an_error_is_split_into_text_and_hint() -> None:
    finding = d.failure_from_error(
        "reachable", "box", UnreachableError("box: no connection to http://a.b:1. Is it running? Really?")
    )
    assert (finding.text, finding.hint) == ("no connection to http://a.b:1", "Is it running? Really?")
