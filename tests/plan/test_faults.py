"""Faults of declared torrents, by their state."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import FaultKind
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.faults import find_fault, select_faults
from tests.support.planner_inputs import (
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
    fault = find_fault(make_desired_torrent({"hash": "a", **declared}, 3), make_live_torrent({"hash": "a", **live}))
    assert (fault and (fault.kind, fault.is_serious)) == expected
    if fault:
        assert (fault.name, str(fault.position)) == ("a", "desired.yaml:3:1")


def test_missing_metadata_is_normal_for_a_while() -> None:
    entry = make_desired_torrent({"hash": "a"}, 1)
    recent = find_fault(entry, make_live_torrent({"hash": "a", "state": "metaDL"}))
    overdue = find_fault(entry, make_live_torrent({"hash": "a", "state": "metaDL", "is_metadata_overdue": True}))
    error = find_fault(entry, make_live_torrent({"hash": "a", "state": "error"}))
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
