"""The examination of an instance by `doctor`: its declared paths, and the checks that depend on each other."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.engine.selection import UnknownInstance
from reconciler.model.doctor import CheckStatus, InstanceDiagnosis
from reconciler.model.health import ConnectionStatusCheck, HealthState, Probe
from reconciler.queries.doctor import examine_instances, list_declared_paths, list_parents
from tests.support.instances import StubAnswer, json_answer, make_instance, serve_stub, text_answer
from tests.support.planner_inputs import make_desired_state

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PREFERENCES = json_answer('{"current_network_interface": "wg0", "current_interface_name": "wg0"}')
ANSWERS = {
    "torrents/tags": json_answer("[]"),
    "auth/login": text_answer("Ok."),
    "auth/logout": text_answer(""),
    "app/version": text_answer("v5.1.0"),
    "app/webapiVersion": text_answer("2.11.4"),
    "app/buildInfo": json_answer('{"libtorrent": "2.0.11.0"}'),
    "app/defaultSavePath": text_answer("/downloads"),
    "app/preferences": PREFERENCES,
    "app/networkInterfaceList": json_answer('[{"name": "wg0", "value": "wg0"}]'),
    "transfer/info": json_answer('{"connection_status": "connected", "last_external_address_v4": "192.0.2.1"}'),
    "torrentcreator/status": json_answer("[]"),
    "app/getDirectoryContent": json_answer("[]"),
    "sync/maindata": json_answer('{"server_state": {"free_space_on_disk": 1099511627776}}'),
}


def examine(answers: dict[str, StubAnswer], *probes: Probe) -> InstanceDiagnosis:
    with serve_stub(answers) as url:
        instance = make_instance(url, health=probes)
        desired = replace(
            make_desired_state({"desired": [{"hash": "a", "save_path": "/data/films", "instance": "seedbox"}]}),
            instances={"seedbox": instance},
        )
        (diagnosis,) = examine_instances(desired, (), threading.Event(), now=lambda: NOW).instances
    return diagnosis


@pytest.mark.parametrize(
    ("path", "parents"),
    [
        ("/data/linux/iso", ["/data/linux", "/data"]),
        ("/data", []),
        ("C:/Data/linux", ["C:\\Data"]),
        ("D:\\x", []),
    ],
)
def test_the_parents_of_a_path_exclude_the_root(path: str, parents: list[str]) -> None:
    assert list_parents(path) == parents


def test_the_paths_of_an_instance_include_those_of_its_groups() -> None:
    desired = make_desired_state(
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
    assert list_declared_paths(desired, "box") == ("/a", "/c", "/c-incomplete", "/incomplete", "/of-group")


def statuses(diagnosis: InstanceDiagnosis) -> dict[str, CheckStatus]:
    """Return the checks by name, without the clock: the stub has the time of today."""
    return {finding.check: finding.status for finding in diagnosis.findings if finding.check != "clock"}


PROBE = Probe(ConnectionStatusCheck(("connected",)))
PROBE_CHECK = "probe connection_status connected"


def test_every_check_of_a_sound_instance_is_listed_in_order() -> None:
    diagnosis = examine(ANSWERS, PROBE)
    assert statuses(diagnosis) == {
        "reachable": CheckStatus.OK,
        "tls": CheckStatus.OK,
        "login": CheckStatus.OK,
        "version": CheckStatus.OK,
        "abilities": CheckStatus.NOTE,
        "managed by": CheckStatus.OK,
        "interface": CheckStatus.OK,
        "connection": CheckStatus.OK,
        "address": CheckStatus.OK,
        "torrent creator": CheckStatus.OK,
        "free space": CheckStatus.OK,
        "path /data/films": CheckStatus.OK,
        PROBE_CHECK: CheckStatus.OK,
    }
    assert diagnosis.health_state is HealthState.OK


def test_a_request_that_fails_fails_its_own_check_only() -> None:
    diagnosis = examine({**ANSWERS, "transfer/info": text_answer("", 404)}, PROBE)
    assert [check for check, status in statuses(diagnosis).items() if status is CheckStatus.FAIL] == ["connection"]
    assert statuses(diagnosis)[PROBE_CHECK] is CheckStatus.NOTE
    assert statuses(diagnosis)["path /data/films"] is CheckStatus.OK


def test_nothing_more_is_checked_on_an_instance_that_refuses_the_login() -> None:
    diagnosis = examine({**ANSWERS, "app/version": text_answer("", 403)}, PROBE)
    assert diagnosis.health_state is HealthState.AUTH_FAILED
    assert statuses(diagnosis) == {
        "reachable": CheckStatus.OK,
        "tls": CheckStatus.OK,
        "login": CheckStatus.FAIL,
        PROBE_CHECK: CheckStatus.NOTE,
    }


def test_a_probe_that_fails_makes_the_instance_unhealthy() -> None:
    diagnosis = examine(ANSWERS, Probe(ConnectionStatusCheck(("firewalled",))))
    assert statuses(diagnosis)["probe connection_status firewalled"] is CheckStatus.FAIL
    assert diagnosis.health_state is HealthState.VPN_DOWN


def test_a_missing_folder_fails_its_path() -> None:
    diagnosis = examine({**ANSWERS, "app/getDirectoryContent": text_answer("", 404)})
    (finding,) = (finding for finding in diagnosis.findings if finding.check == "path /data/films")
    assert (finding.status, finding.text) == (CheckStatus.FAIL, "does not exist, nor does any of its parents")


def test_an_unknown_instance_is_refused_before_any_request() -> None:
    with pytest.raises(UnknownInstance, match="nas"):
        examine_instances(make_desired_state({}), ["nas"], threading.Event())
