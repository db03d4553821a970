"""Fields that are held back: deferred, with what depends on them, and shown all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.model.plan import ObjectKind
from reconciler.model.snapshot import LiveCategory
from reconciler.plan import Plan, PlanInput, make_plan
from reconciler.plan.holdback import PRESENCE, FieldRef, hold_back, list_holdable_fields
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot, render_plan_lines


def test_a_torrent_waits_for_a_category_that_is_held_back() -> None:
    desired = make_desired_state(
        {"desired": [{"hash": "a", "category": "c"}, {"hash": "b", "category": "d", "name": "b"}]}
    )
    snapshot = make_snapshot([{"hash": "b", "tags": [OWNER_TAG], "name": "x"}], {"d": ""})
    plan = make_plan(PlanInput(desired, {"box": replace(snapshot, categories={"d": LiveCategory("d")})}))
    held_field = FieldRef("box", ObjectKind.CATEGORY, "c", PRESENCE)
    (instance_plan,) = hold_back(plan, lambda field: "later" if field == held_field else None).instances
    assert render_plan_lines(instance_plan) == [
        "add category c (deferred)",
        "add a owner=home category=c paused=False (deferred)",
        "update b name=b category=d",
    ]


def test_holding_back_never_adds_a_change() -> None:
    case: dict[str, Any] = {
        "desired": [{"hash": "a", "category": "c", "paused": True, "name": "n"}, {"hash": "b"}],
        "live": [{"hash": "a", "tags": ["x"]}, {"hash": "z", "tags": [OWNER_TAG]}],
    }
    plan = make_plan(PlanInput(make_desired_state(case), {"box": make_snapshot(case["live"])}))
    fields = [field for action in plan.instances[0].actions for field in list_holdable_fields("box", action)]
    planned = _changes(plan)
    for held in fields:
        left = hold_back(plan, lambda field, held=held: "later" if field == held else None)  # type: ignore[misc]
        assert _changes(left) < planned
        assert left.hash == plan.hash
        shown = [(c.field, c.after) for action in left.instances[0].actions for c in action.changes]
        assert sorted(map(str, shown)) == sorted(
            str((c.field, c.after)) for action in plan.instances[0].actions for c in action.changes
        ), "what is held back is shown all the same"


def _changes(plan: Plan) -> set[tuple[str, str, str | None, str]]:
    """Everything that would be executed."""
    return {
        (action.verb, action.kind, action.infohash or action.name, change)
        for instance_plan in plan.instances
        for action in instance_plan.actions
        if action.hold is None
        for change in ("", *(f"{c.field}={c.after}" for c in action.changes))
    }
