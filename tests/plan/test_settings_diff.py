"""The settings that differ, explained by their keys, without secrets."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from reconciler.model.comparison import SettingChange
from reconciler.model.desired import DesiredState, GuardLimits, Instance, Policy
from reconciler.model.gateway import GatewaySettings, IntakeSettings, Registration, ServiceSettings, Shows
from reconciler.model.groups import Group, Member, Strategy
from reconciler.model.health import GluetunCheck, HttpCheck, Probe, ProbeCheck, TcpCheck
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.plan.settings_diff import diff_settings

HERE, THERE = Position("a.yaml", 1, 1), Position("b.yaml", 7, 3)
BOX = Instance("box", HERE, "http://127.0.0.1:8080", username="admin", password=Secret("{env: BOX}"))
BASE = DesiredState(Policy.SYNC, {"box": BOX})
INTAKE = IntakeSettings(Position("/git/a.yaml", 1, 1), "/git/intake.yaml", "box")
GATEWAY = GatewaySettings(HERE, "arr", Secret("{env: ARR}"))


def diff_instance(**values: Any) -> list[tuple[str, str | None, str | None]]:
    """Return the differences after these values of the instance were changed."""
    after = replace(BASE, instances={"box": replace(BOX, **values)})
    return [(change.path, change.before, change.after) for change in diff_settings(BASE, after)]


def test_equal_settings_do_not_differ_wherever_they_are_declared() -> None:
    assert diff_settings(BASE, replace(BASE, instances={"box": replace(BOX, position=THERE)})) == ()


@pytest.mark.parametrize(
    ("values", "change"),
    [
        ({"policy": Policy.UPSERT}, ("policy", "sync", "upsert")),
        ({"quarantine_days": 7}, ("quarantine", None, "7d")),
        ({"guard": GuardLimits(max_delete=50)}, ("guard.max_delete", "10", "50")),
        ({"delete_files": True}, ("delete_files", "false", "true")),
    ],
)
def test_settings_of_the_whole_state(values: dict[str, Any], change: tuple[str, str, str]) -> None:
    assert diff_settings(BASE, replace(BASE, **values)) == (SettingChange(*change),)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (None, INTAKE, [("intake", None, "file: intake.yaml, instance: box, max_torrents: 10000, max_delete: 100")]),
        (INTAKE, replace(INTAKE, max_delete=5), [("intake.max_delete", "100", "5")]),
        (INTAKE, replace(INTAKE, file="/git/state/i.yaml"), [("intake.file", "intake.yaml", "state/i.yaml")]),
        (INTAKE, IntakeSettings(Position("/old/a.yaml", 1, 1), "/old/intake.yaml", "box", is_missing=True), []),
    ],
)
def test_settings_of_the_intake(before: Any, after: Any, changes: list[tuple[str, str, str]]) -> None:
    found = diff_settings(replace(BASE, intake=before), replace(BASE, intake=after))
    assert [(change.path, change.before, change.after) for change in found] == changes


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"shows": Shows.ALL}, [("gateway.shows", "owned", "all")]),
        ({"password": Secret("hunter2")}, [("gateway.password", "{env: ARR}", "(secret)")]),
        ({"trusted": (ip_network("10.0.0.0/8"),)}, [("gateway.trusted[0]", None, "10.0.0.0/8")]),
        ({"services": ServiceSettings(radarr=True)}, [("gateway.services.radarr", None, "true")]),
        (
            {"services": ServiceSettings(registration=Registration("http://u:s3cr3t@core/x", "us", 1))},
            [("gateway.services.registration", None, "url: http://core/x, host: us, port: 1, name: reconcile")],
        ),
    ],
)
def test_settings_of_the_gateway(values: dict[str, Any], changes: list[tuple[str, str, str]]) -> None:
    found = diff_settings(replace(BASE, gateway=GATEWAY), replace(BASE, gateway=replace(GATEWAY, **values)))
    assert [(change.path, change.before, change.after) for change in found] == changes


@pytest.mark.parametrize(
    ("values", "change"),
    [
        ({"url": "http://10.0.0.1"}, ("instances.box.url", "http://127.0.0.1:8080", "http://10.0.0.1")),
        ({"tls_verify": False}, ("instances.box.tls.verify", "true", "false")),
        ({"password": Secret("{file: pw}")}, ("instances.box.password", "{env: BOX}", "{file: pw}")),
        ({"password": Secret("hunter2")}, ("instances.box.password", "{env: BOX}", "(secret)")),
        (
            {"url": "http://unresolved.invalid/%7Benv%3A%20URL%7D"},
            ("instances.box.url", "http://127.0.0.1:8080", "{env: URL}"),
        ),
    ],
)
def test_settings_of_an_instance(values: dict[str, Any], change: tuple[str, str, str]) -> None:
    assert diff_instance(**values) == [change]


def test_another_password_shows_as_a_change_of_which_nothing_is_seen() -> None:
    before, after = (
        replace(BASE, instances={"box": replace(BOX, password=Secret(text))}) for text in ("hunter2", "hunter3")
    )
    assert diff_settings(before, after) == (SettingChange("instances.box.password", "(secret)", "(secret)"),)


@pytest.mark.parametrize(
    "check",
    [
        HttpCheck("http://h/?key=s3cr3t"),
        GluetunCheck("http://h/?key=s3cr3t"),
        GluetunCheck("http://h", api_key=Secret("s3cr3t")),
    ],
)
def test_another_key_of_a_probe_shows_as_a_change_of_which_nothing_is_seen(check: ProbeCheck) -> None:
    key = (
        {"api_key": Secret("another")} if isinstance(check, GluetunCheck) and check.api_key else {"url": "http://h/?k"}
    )
    before, after = (
        replace(BASE, instances={"box": replace(BOX, health=(Probe(probe),))})
        for probe in (check, replace(check, **key))
    )
    (change,) = diff_settings(before, after)
    assert (change.path, change.before) == ("instances.box.health[0].probe", change.after)
    assert "s3cr3t" not in repr(change)


def test_nested_values_name_their_place() -> None:
    probes = (Probe(TcpCheck("vpn", 1)), Probe(HttpCheck("http://h/t0k3n?key=s3cr3t"), timeout=9.0))
    before = replace(BASE, instances={"box": replace(BOX, health=probes[:1])})
    after = replace(BASE, instances={"box": replace(BOX, health=(replace(probes[0], timeout=1.0), probes[1]))})
    changes = diff_settings(before, after)
    assert [change.path for change in changes] == ["instances.box.health[0].timeout", "instances.box.health[1]"]
    assert "s3cr3t" not in repr(changes)


def test_members_of_a_group_go_by_their_names() -> None:
    group = Group("all", HERE, Strategy.SPREAD, (Member("box"), Member("other")))
    changed = replace(group, members=(Member("other"), Member("box", weight=2.0)))
    before, after = replace(BASE, groups={"all": group}), replace(BASE, groups={"all": changed})
    assert diff_settings(before, after) == (SettingChange("groups.all.members.box.weight", "1.0", "2.0"),)


def test_a_new_instance_is_named_as_a_whole() -> None:
    after = replace(BASE, instances={"box": BOX, "new": replace(BOX, name="new", password=Secret("hunter2"))})
    (change,) = diff_settings(BASE, after)
    assert (change.path, change.before) == ("instances.new", None)
    assert "hunter2" not in str(change.after)
