"""The proof that a plan ends: it finds what would be planned for ever, and nothing that only takes several runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from ruamel.yaml import YAML

from reconciler.model.plan import Change, EndlessChange, InstancePlan
from reconciler.model.snapshot import Snapshot
from reconciler.plan import Plan, PlanInput, make_plan
from reconciler.plan.convergence import MAX_PLANS, find_endless_changes
from tests.support.planner_inputs import (
    OWNER_TAG,
    make_creator_task,
    make_desired_state,
    make_health_by_instance,
    make_snapshot,
)
from tests.support.strategies import NOW, cases, make_world

TABLES = Path(__file__).parent / "cases"
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted(TABLES.glob("*.yaml"))
    for case in YAML(typ="safe").load(path.read_text())
    if case.get("plan")
]


def prove(case: dict[str, Any]) -> tuple[EndlessChange, ...]:
    """Return the changes without end in the plan of a case."""
    live = make_snapshot(
        case.get("live", []), case.get("categories"), case.get("preferences"), case.get("version", "5.1.0")
    )
    live = replace(live, creator_tasks=tuple(map(make_creator_task, case.get("tasks", []))))
    health = make_health_by_instance(case)
    plan_input = PlanInput(make_desired_state(case), {"box": live}, now=NOW, only={"box"}, health=health)
    return find_endless(plan_input, make_plan)


def find_endless(plan_input: PlanInput, make_any_plan: Callable[[PlanInput], Plan]) -> tuple[EndlessChange, ...]:
    """Return the changes without end that a planner makes of this input."""

    def make_next_plans(snapshots: Mapping[str, Snapshot]) -> Sequence[InstancePlan]:
        return make_any_plan(replace(plan_input, snapshots=snapshots)).instances

    return find_endless_changes(make_any_plan(plan_input).instances, plan_input.snapshots, make_next_plans)


@pytest.mark.parametrize("case", CASES)
def test_no_plan_of_the_tables_is_without_end(case: dict[str, Any]) -> None:
    assert prove(case) == ()


@given(cases())
def test_no_plan_is_without_end_where_the_server_keeps_what_it_is_given(case: dict[str, Any]) -> None:
    desired, live = make_world(case)
    plan_input = PlanInput(desired, {"box": live}, take_over=case["take_over"], now=NOW)
    assert find_endless(plan_input, make_plan) == ()


def test_a_value_that_the_server_corrects_is_without_end() -> None:
    (endless,) = prove({"preferences": {"max_connec": 500}, "declared_preferences": {"max_connec": 0}})
    assert (endless.instance, endless.kind, endless.name) == ("box", "preference", "max_connec")
    assert endless.change == Change("value", -1, 0)
    assert str(endless.position) == "desired.yaml:1:1"


def test_a_name_that_the_server_corrects_is_without_end() -> None:
    (endless,) = prove({"live": [{"hash": "a", "tags": [OWNER_TAG]}], "desired": [{"hash": "a", "name": " A "}]})
    assert (endless.kind, endless.change) == ("torrent", Change("name", "A", " A "))
    assert str(endless.position) == "desired.yaml:1:1"


def test_a_value_of_an_add_that_the_server_corrects_is_without_end() -> None:
    (endless,) = prove({"desired": [{"hash": "a", "name": " A "}]})
    assert endless.change == Change("name", "A", " A ")


def test_two_rules_that_undo_each_other_are_without_end() -> None:
    rules = {"/a": "/b", "/b": "/a"}

    def make_contradictory_plan(plan_input: PlanInput) -> Plan:
        path = plan_input.snapshots["box"].torrents[0].save_path
        entry = {"hash": "a", "save_path": rules[path]}
        return make_plan(replace(plan_input, desired=make_desired_state({"desired": [entry]})))

    (endless,) = prove_with(make_contradictory_plan)
    assert endless.change == Change("save_path", "/a", "/b")


def test_work_of_several_runs_is_no_contradiction() -> None:
    made: list[int] = []

    def make_long_plan(plan_input: PlanInput) -> Plan:
        made.append(1)
        entry = {"hash": "a", "save_path": f"/step{len(made)}"}
        return make_plan(replace(plan_input, desired=make_desired_state({"desired": [entry]})))

    assert prove_with(make_long_plan) == ()
    assert len(made) == MAX_PLANS


def prove_with(make_next_plan: Callable[[PlanInput], Plan]) -> tuple[EndlessChange, ...]:
    """Return the changes without end of a planner, on an instance with one torrent of ours."""
    live = make_snapshot([{"hash": "a", "tags": [OWNER_TAG], "save_path": "/a"}])
    plan_input = PlanInput(make_desired_state({}), {"box": live}, now=NOW)
    return find_endless(plan_input, make_next_plan)


def test_a_plan_without_changes_is_not_made_again() -> None:
    def fail(snapshots: Mapping[str, Snapshot]) -> Sequence[InstancePlan]:
        raise AssertionError("nothing is to be proved")

    live = make_snapshot([{"hash": "a", "tags": [OWNER_TAG]}])
    plan_input = PlanInput(make_desired_state({"desired": [{"hash": "a"}]}), {"box": live}, now=NOW)
    assert find_endless_changes(make_plan(plan_input).instances, plan_input.snapshots, fail) == ()
