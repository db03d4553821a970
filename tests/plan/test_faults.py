"""Faults of declared torrents, by their state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.plan import FaultKind
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.faults import find_fault, find_next_stuck_time, select_faults
from tests.support.planner_inputs import (
    CONTEXT,
    OWNER_TAG,
    make_desired_state,
    make_desired_torrent,
    make_live_torrent,
    make_snapshot,
)

ERROR, MISSING, METADATA = FaultKind.ERROR, FaultKind.MISSING_FILES, FaultKind.NO_METADATA


@pytest.mark.parametrize(
    ("declared", "live", "expected"),
    [
        ({}, {"state": "error"}, (ERROR, True)),
        ({"paused": False}, {"state": "missingFiles"}, (MISSING, True)),
        ({"paused": True}, {"state": "error"}, (ERROR, False)),
        ({}, {"state": "error", "stopped": True}, (ERROR, False)),
        ({}, {"state": "missingFiles", "stopped": True}, (MISSING, True)),
        ({"paused": True}, {"state": "missingFiles"}, (MISSING, False)),
        ({}, {"state": "metaDL"}, (METADATA, False)),
        ({}, {"state": "forcedMetaDL"}, (METADATA, False)),
        ({}, {"state": "stalledDL"}, None),
        ({}, {"state": "stoppedDL", "stopped": True}, None),
        ({"state": "absent"}, {"state": "error"}, None),
        ({}, {"state": "error", "tags": ["reconcile:ignore"]}, None),
    ],
)
def test_a_fault_is_serious_if_the_torrent_is_meant_to_run_and_a_person_is_needed(
    declared: dict[str, Any], live: dict[str, Any], expected: tuple[FaultKind, bool] | None
) -> None:
    fault = find_fault(
        make_desired_torrent({"hash": "a", **declared}, 3), make_live_torrent({"hash": "a", **live}), "a", CONTEXT
    )
    assert (fault and (fault.kind, fault.is_serious)) == expected
    if fault:
        assert (fault.name, str(fault.position)) == ("a", "desired.yaml:3:1")


def test_missing_metadata_is_normal_for_a_while() -> None:
    entry = make_desired_torrent({"hash": "a"}, 1)
    recent = find_fault(entry, make_live_torrent({"hash": "a", "state": "metaDL"}), "a", CONTEXT)
    overdue = find_fault(
        entry, make_live_torrent({"hash": "a", "state": "metaDL", "is_metadata_overdue": True}), "a", CONTEXT
    )
    error = find_fault(entry, make_live_torrent({"hash": "a", "state": "error"}), "a", CONTEXT)
    assert recent and overdue and error
    assert select_faults([recent, overdue, error]) == (overdue, error)
    assert select_faults([recent, overdue, error], strict=True) == (recent, overdue, error)


def test_a_plan_has_the_faults_of_declared_torrents_the_serious_first() -> None:
    """A torrent that is undeclared or missing has no fault, and the plan does nothing about one."""
    desired = make_desired_state({"policy": "upsert", "desired": [{"hash": "a"}, {"hash": "b"}, {"hash": "c"}]})
    rows = [("a", "metaDL"), ("b", "missingFiles"), ("d", "error")]
    snapshot = make_snapshot([{"hash": letter, "state": state, "tags": [OWNER_TAG]} for letter, state in rows])
    (plan,) = make_plan(PlanInput(desired, {"box": snapshot})).instances
    assert [(fault.name, fault.kind) for fault in plan.faults] == [("b", MISSING), ("a", METADATA)]
    assert [action.name for action in plan.actions] == ["c"]


@pytest.mark.parametrize(
    ("age", "stuck_after", "live", "declared", "expected"),
    [
        (1800, 1800.0, {"is_metadata_overdue": True}, {}, "deferred"),
        (1799, 1800.0, {"is_metadata_overdue": True}, {}, "waiting"),
        (9999, 1800.0, {}, {}, "waiting"),  # it was stopped until just now
        (60, 60.0, {}, {}, "deferred"),
        (9999, 60.0, {"tags": []}, {}, "waiting"),
        (9999, 60.0, {}, {"paused": True}, "waiting"),
        (9999, 60.0, {"state": "forcedMetaDL"}, {}, "deferred"),
    ],
)
def test_a_torrent_of_ours_that_waits_too_long_for_its_metadata_is_stuck(
    age: int, stuck_after: float, live: dict[str, Any], declared: dict[str, Any], expected: str
) -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    row = {"hash": "a", "state": "metaDL", "added_on": int(now.timestamp()) - age, "tags": [OWNER_TAG], **live}
    context = replace(CONTEXT, now=now, stuck_after=stuck_after)
    torrent = make_live_torrent(row)
    fault = find_fault(make_desired_torrent({"hash": "a", **declared}, 1), torrent, "box", context)
    assert fault and (fault.label, fault.is_serious) == (expected, expected == "deferred")
    began = f"{now - timedelta(seconds=age):%H:%M:%S} UTC"
    assert fault.reason == f"no metadata since {began}: no peer has sent it, and no other instance has it"
    expected_time = now + timedelta(seconds=stuck_after - age)
    stuck_at = find_next_stuck_time([make_snapshot([row])], context)
    assert stuck_at == (expected_time if stuck_after > age else None)


def test_a_plan_is_made_anew_when_a_torrent_becomes_stuck() -> None:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    row = {"hash": "a", "state": "metaDL", "added_on": int(now.timestamp()) - 60, "tags": [OWNER_TAG]}
    plan_input = PlanInput(make_desired_state({"desired": [{"hash": "a"}]}), {"box": make_snapshot([row])}, now=now)
    assert make_plan(plan_input).valid_until == now + timedelta(seconds=1740)
