"""The status of declared torrents: their live state, and how it compares with the declaration."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.engine.selection import UnknownInstance
from reconciler.model.desired import Instance
from reconciler.model.errors import AuthenticationError
from reconciler.model.plan import FaultKind
from reconciler.model.run import Status
from reconciler.model.status import StatusReport
from reconciler.qbittorrent.transfers import TransferStats
from reconciler.queries.status import read_status
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot

OURS = {"tags": [OWNER_TAG]}


def read_case(case: Mapping[str, Any], boxes: Mapping[str, MemoryInstance], *names: str) -> StatusReport:
    def connect(instance: Instance, _stop: threading.Event, _transfer_stats: TransferStats) -> MemoryInstance:
        return boxes[instance.name]

    def connect_without_stats(instance: Instance, _stop: threading.Event) -> MemoryInstance:
        raise AssertionError(f"{instance.name}: the factory for sessions with transfer statistics was not used")

    return read_status(make_desired_state(case), names, fake_context(connect_without_stats), connect)


def make_box(*rows: Mapping[str, Any]) -> MemoryInstance:
    box = MemoryInstance()
    box.torrents = {torrent.id: torrent for torrent in make_snapshot(rows).torrents}
    return box


def test_a_declared_torrent_is_in_sync_drifted_missing_or_absent() -> None:
    case = {
        "desired": [
            {"hash": "a"},
            {"hash": "b", "paused": True},
            {"hash": "c", "category": "linux", "tags": ["x"]},
            {"hash": "d", "state": "absent"},
        ]
    }
    box = make_box({"hash": "a", "is": "half", **OURS}, {"hash": "b", **OURS}, {"hash": "undeclared"})
    report = read_case(case, {"box": box})
    assert [(row.name, row.state, row.progress, row.owned, row.in_sync) for row in report.torrents] == [
        ("a", "downloading", 0.5, True, True),
        ("b", "stalledDL", 0.0, True, False),
        ("c", "missing", None, False, False),
        ("d", "absent", None, False, True),
    ]
    assert (report.torrents[2].category, report.torrents[2].tags) == ("linux", frozenset({"x"}))
    (instance,) = report.instances
    counts = instance.torrents, instance.owned, instance.foreign, instance.declared, instance.missing, instance.drifted
    assert counts == (3, 2, 1, 4, 1, 1)
    assert (report.exit_code, report.declared) == (0, 4)


def test_a_torrent_that_a_run_leaves_alone_is_not_in_sync_and_has_the_reason() -> None:
    case = {"desired": [{"hash": "a", "category": "linux"}]}
    (row,) = read_case(case, {"box": make_box({"hash": "a", "tags": ["reconcile:ignore"]})}).torrents
    assert (row.in_sync, row.reason) == (False, "it has the tag reconcile:ignore")


def test_a_torrent_that_cannot_run_has_a_fault_and_makes_the_exit_code_1() -> None:
    case = {"desired": [{"hash": "a"}, {"hash": "b"}]}
    waiting = {"hash": "a", "state": "metaDL", "is_metadata_overdue": True, **OURS}
    box = make_box(waiting, {"hash": "b", "state": "missingFiles", **OURS})
    report = read_case(case, {"box": box})
    faults = [row.fault for row in report.torrents]
    assert [fault and (fault.kind, fault.is_serious) for fault in faults] == [
        (FaultKind.NO_METADATA, False),
        (FaultKind.MISSING_FILES, True),
    ]
    assert [row.in_sync for row in report.torrents] == [True, True], "nothing differs"
    assert report.exit_code == 1
    assert read_case({"desired": [{"hash": "a"}]}, {"box": box}).exit_code == 0


def test_the_torrents_of_an_unread_instance_are_unknown() -> None:
    boxes = {"box": make_box(), "other": make_box({"hash": "b", **OURS})}
    boxes["box"].fail_next(5, AuthenticationError("box: the credentials were refused"))
    case = {"desired": [{"hash": "a", "category": "linux"}, {"hash": "b", "instance": "other"}]}
    report = read_case(case, boxes)
    assert [(row.instance, row.state, row.in_sync, row.reason) for row in report.torrents] == [
        ("box", "unknown", None, "its instance could not be read"),
        ("other", "stalledDL", True, ""),
    ]
    assert [(row.status, row.error, row.declared) for row in report.instances] == [
        (Status.AUTH_FAILED, "box: the credentials were refused", 1),
        (Status.OK, None, 1),
    ]
    assert report.exit_code == 1


def test_a_torrent_that_no_member_of_its_group_can_hold_is_pending() -> None:
    case = {
        "groups": {"g": {"strategy": "failover", "members": ["a", "b"]}},
        "instances": ["a", "b"],
        "desired": [{"hash": "x", "instance": "g", "tags": ["t"]}],
    }
    boxes = {"a": make_box(), "b": make_box()}
    boxes["a"].fail_next(5, AuthenticationError("a: the credentials were refused"))
    report = read_case(case, boxes)
    (row,) = report.torrents
    assert (row.instance, row.name, row.state, row.in_sync, row.tags) == ("g", "x", "pending", False, frozenset({"t"}))
    assert "a may have it and is down" in row.reason
    assert report.exit_code == 1


def test_only_the_named_instances_are_reported() -> None:
    boxes = {"box": make_box(), "other": make_box()}
    case = {"desired": [{"hash": "a"}, {"hash": "b", "instance": "other"}]}
    report = read_case(case, boxes, "other")
    assert ([row.name for row in report.instances], [row.name for row in report.torrents]) == (["other"], ["b"])
    assert boxes["box"].request_count == 0
    with pytest.raises(UnknownInstance, match="nas"):
        read_case(case, boxes, "nas")
