"""Probes of instances, each of exactly one kind."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from reconciler.desired.builders.probes import build_probes
from reconciler.desired.context import LoadContext
from reconciler.model.health import (
    AddressRule,
    ConnectionStatusCheck,
    ExternalIpCheck,
    GluetunCheck,
    HttpCheck,
    InterfaceCheck,
    PingCheck,
    Probe,
    ProbeCheck,
    TcpCheck,
)
from reconciler.model.secret import Secret
from tests.support.desired_yaml import check_text, list_texts

ADDRESSES = AddressRule((), (ip_network("203.0.113.7"),))


def build(health: str, context: LoadContext) -> tuple[Probe, ...]:
    checked = check_text(f"version: 1\ninstances:\n  home:\n    url: http://127.0.0.1\n    health:\n{health}")
    return build_probes(checked.document, "home", checked.entry["instances"]["home"]["health"], context)


def list_problems(health: str) -> list[str]:
    context = LoadContext({})
    build(health, context)
    return list_texts(context.problems)


@pytest.mark.parametrize(
    ("item", "check"),
    [
        ("tcp: 10.2.0.1:53", TcpCheck("10.2.0.1", 53)),
        ("ping: gluetun", PingCheck("gluetun")),
        ("http: http://127.0.0.1/health", HttpCheck("http://127.0.0.1/health", (200,), ())),
        ("http: {url: 'http://a', status: 204, json: {up: true}}", HttpCheck("http://a", (204,), (("up", True),))),
        ("interface: wg0", InterfaceCheck("wg0")),
        ("connection_status: [connected, firewalled]", ConnectionStatusCheck(("connected", "firewalled"))),
        ("external_ip: {must_not_be: 203.0.113.7}", ExternalIpCheck(ADDRESSES)),
        (
            "gluetun: {url: 'http://127.0.0.1:8000', must_not_be: 203.0.113.7}",
            GluetunCheck("http://127.0.0.1:8000", ADDRESSES),
        ),
    ],
)
def test_each_kind_has_its_check(item: str, check: ProbeCheck) -> None:
    context = LoadContext({})
    assert build(f"      - {item}\n", context) == (Probe(check, 5.0, 1, 1),)
    assert context.problems == []


def test_a_probe_has_its_timeout_and_thresholds() -> None:
    item = "      - {ping: a, timeout: 1m, failure_threshold: 3, success_threshold: 2}\n"
    assert build(item, LoadContext({})) == (Probe(PingCheck("a"), 60.0, 3, 2),)


def test_the_login_of_gluetun_comes_from_the_environment() -> None:
    item = "      - gluetun: {url: 'http://127.0.0.1', username: me, password: {env: PW}}\n"
    (probe,) = build(item, LoadContext({"PW": "hunter2"}))
    assert probe.check == GluetunCheck("http://127.0.0.1", AddressRule(), None, "me", Secret("hunter2"))


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("timeout: 5s", "6:9: this probe does not say what to check. Add one of tcp, http, ping, interface, "),
        (
            "{ping: a, interface: wg0}",
            "6:9: ping and interface are 2 probes in one item. Write each as a separate item",
        ),
        (
            "{interface: wg0, timeout: 5s}",
            '6:26: "interface" is answered by qBittorrent itself and has no timeout of its own. Remove it',
        ),
        (
            "gluetun: {url: 'http://127.0.0.1', username: me}",
            "6:18: gluetun needs a username and a password, or neither. Add the other one",
        ),
        (
            "gluetun: {url: 'http://127.0.0.1', username: me, api_key: 'k'}",
            "6:18: gluetun has an api_key and a username or password. Keep one of the two",
        ),
    ],
)
def test_a_wrong_probe_is_a_problem_at_its_place(item: str, problem: str) -> None:
    (text,) = list_problems(f"      - {item}\n")
    assert text.startswith(problem)


def test_the_same_check_twice_is_a_problem_whatever_its_timeout() -> None:
    assert list_problems("      - ping: a\n      - {ping: a, timeout: 1m}\n") == [
        "7:9: this probe is already declared at desired.yaml:6:9. Keep one of the two"
    ]


def test_a_gluetun_password_over_plain_http_is_warned_of() -> None:
    context = LoadContext({})
    build("      - gluetun: {url: 'http://192.168.1.2', api_key: 'k'}\n", context)
    (warning,) = [text for text in list_texts(context.warnings) if "plain http" in text]
    assert warning.startswith("6:24: the api key goes over plain http to another machine")
