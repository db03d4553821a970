"""What doctor makes of what it is told, line by line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.desired import Instance
from reconciler.model.doctor import DoctorReport, Examination, Finding, Verdict
from reconciler.model.errors import AuthFailed, Banned, InstanceError, TlsFailed, Unreachable, Unsupported
from reconciler.model.health import Answer, NetworkState, Ping, Probe, State
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.queries import doctor_checks as d
from reconciler.queries.doctor import parents, paths_of
from reconciler.report.text.doctor import doctor_lines
from reconciler.report.text.lines import plain
from tests.plan.worlds import desired_state

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HERE = Position("desired.yaml", 1, 1)


def box(url: str = "https://box.example:8443/qbt/", **more: Any) -> Instance:
    return Instance("box", HERE, url, **more)


def seen(**known: Any) -> NetworkState:
    return NetworkState(**known)


CASES: list[tuple[Finding, str, str]] = [
    (d.logged_in(box(api_key=Secret("k"))), "ok", "the API key is accepted"),
    (d.logged_in(box(username="admin", password=Secret("p"))), "ok", "admin is logged in"),
    (d.logged_in(box()), "ok", "trusts this address"),
    (d.reached(box())[0], "ok", "box.example:8443 answers"),
    (d.reached(box())[1], "ok", "its certificate is trusted"),
    (d.reached(box(tls_verify=False))[1], "note", "`tls.verify` is off"),
    (d.reached(box("http://box.example"))[1], "note", "can be read on the way"),
    (d.reached(box("http://127.0.0.1:8080"))[1], "ok", "only on this machine"),
    (d.version("v5.1.0", "2.11.4", "2.0.11", tested=True), "ok", "v5.1.0, Web API 2.11.4, libtorrent 2.0.11"),
    (d.version("v9.0.0", "9.0.0", "3.0", tested=False), "note", "newer than any that was tested"),
    (d.abilities((2, 16, 2)), "ok", "all that can be declared"),
    (d.abilities((2, 11, 4)), "note", "it lacks API keys (5.2), "),
    (d.abilities((2, 5, 1)), "note", "it lacks tags with an add (4.3.2), "),
    (d.clock(None, NOW), "note", "does not tell its time"),
    (d.clock(NOW, NOW + timedelta(seconds=1.5)), "ok", "the same time"),
    (d.clock(NOW, NOW + timedelta(seconds=20)), "ok", "20 s apart"),
    (d.clock(NOW, NOW + timedelta(seconds=90)), "fail", "it is 90 s behind ours"),
    (d.clock(NOW, NOW - timedelta(hours=1)), "fail", "it is 3600 s ahead of ours"),
    (d.interface(seen(interface="", interface_name="", interfaces=("eth0",))), "note", "not bound to any"),
    (d.interface(seen(interface="wg0", interface_name=None, interfaces=("wg0",))), "ok", "bound to wg0"),
    (d.interface(seen(interface="wg0", interface_name="VPN", interfaces=("eth0",))), "fail", "bound to VPN, which"),
    (d.interface(seen(interface="wg0")), "ok", "bound to wg0"),
    (d.connection(seen(connection_status="connected")), "ok", "connected"),
    (d.connection(seen(connection_status="firewalled")), "note", "firewalled"),
    (d.connection(seen(connection_status="disconnected")), "fail", "disconnected"),
    (d.address(seen(addresses=None), "v4.5.2"), "note", "does not tell"),
    (d.address(seen(addresses=()), "v5.1.0"), "note", "not known yet"),
    (d.address(seen(addresses=("198.51.100.9", "2001:db8::9")), "v5.1.0"), "ok", "198.51.100.9 and 2001:db8::9"),
    (d.creator(True, "v5.1.0"), "ok", "there"),
    (d.creator(False, "v4.5.2"), "note", "5.0 and later do"),
    (d.free_space(5 << 30, "/downloads"), "ok", "5.0 GiB at /downloads"),
    (d.free_space(300 << 20, "/downloads"), "fail", "300.0 MiB at /downloads"),
    (d.free_space(None, "/downloads"), "note", "not told"),
    (d.folder("/data/linux", True, ""), "ok", "there"),
    (d.folder("/data/linux", False, "/data"), "ok", "qBittorrent makes it in /data"),
    (d.folder("/data/linux", False, ""), "fail", "nothing of it is there"),
    (d.probed(Probe(Ping("x")), Answer(State.OK, "answers")), "ok", "answers"),
    (d.probed(Probe(Ping("x")), Answer(State.NOT_CONFIGURED, "no", "Do")), "fail", "no"),
]


@pytest.mark.parametrize(("finding", "verdict", "text"), CASES)
def test_finding(finding: Finding, verdict: str, text: str) -> None:
    assert finding.verdict == verdict
    assert text in finding.text
    assert finding.mend or finding.verdict is not Verdict.FAIL, "what fails says how to mend it"


@pytest.mark.parametrize(
    ("error", "checks"),
    [
        (Unreachable("box: no connection to x. Is it running?"), ["reachable fail"]),
        (InstanceError("box: what is that"), ["reachable fail"]),
        (TlsFailed("box: not trusted. Name its CA"), ["reachable ok", "tls fail"]),
        (AuthFailed("box: refused. Correct it"), ["reachable ok", "tls ok", "login fail"]),
        (Banned("box: banned. Wait"), ["reachable ok", "tls ok", "login fail"]),
        (Unsupported("box: too old. Update"), ["reachable ok", "tls ok", "login ok", "version fail"]),
    ],
)
def test_how_far_it_got(error: InstanceError, checks: list[str]) -> None:
    found = d.not_opened(box(), error)
    assert [f"{one.check} {one.verdict}" for one in found] == checks
    assert found[-1].mend
    assert not found[-1].text.startswith("box")


def test_what_an_error_says_is_parted_into_what_happened_and_what_to_do() -> None:
    found = d.failed("reachable", "box", Unreachable("box: no connection to http://a.b:1. Is it running? Really?"))
    assert (found.text, found.mend) == ("no connection to http://a.b:1", "Is it running? Really?")


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/data/linux/iso", ["/data/linux", "/data"]),
        ("/data", []),
        ("C:/Data/linux", ["C:\\Data"]),
        ("D:\\x", []),
    ],
)
def test_the_folders_above_a_path_but_for_its_root(path: str, above: list[str]) -> None:
    assert parents(path) == above


def test_the_paths_of_an_instance_are_those_declared_for_it() -> None:
    desired = desired_state(
        {
            "instances": ["box", "other"],
            "groups": {"g": {"strategy": "failover", "members": ["other", "box"]}},
            "declared_categories": {"c": ["/c/", "/c-incomplete"], "d": None},
            "desired": [
                {"hash": "a", "save_path": "/a", "download_path": "/incomplete"},
                {"hash": "b", "save_path": "/c"},
                {"hash": "d", "save_path": "/elsewhere", "instance": "other"},
                {"hash": "f", "save_path": "/of-group", "instance": "g"},
                {"hash": "e", "save_path": "/gone", "state": "absent"},
            ],
        }
    )
    assert paths_of(desired, "box") == ("/a", "/c", "/c-incomplete", "/incomplete", "/of-group")


def test_the_text_names_each_check_and_how_to_mend_it() -> None:
    found = Examination(
        "box", "http://box", State.VPN_DOWN, (d.ok("tls", "fine"), d.fail("probe ping x", "no answer", "Plug it in"))
    )
    assert [plain(one) for one in doctor_lines(DoctorReport((found,)))] == [
        "box  VPN_DOWN  http://box",
        "  ok    tls           fine",
        "  FAIL  probe ping x  no answer",
        "                      → Plug it in",
        "",
        "1 check fails",
    ]
    assert DoctorReport((found,)).exit_code == 1
    assert DoctorReport(()).exit_code == 0
    assert plain(list(doctor_lines(DoctorReport(())))[-1]) == "nothing to mend"
