"""The last plan of a loop: used again while its inputs are the same, and made again as soon as they are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model.groups import Outage, PlacementFacts
from reconciler.model.history import OwnedCount, UnreadFile
from reconciler.plan import PlanInput, guard_plan
from reconciler.watch.holdback import ActionBackoff
from reconciler.watch.plan_cache import CachingPlanner
from tests.support.fake_time import FakeTime
from tests.support.planner_inputs import make_desired_state, make_snapshot

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DESIRED = make_desired_state({"desired": [{"hash": "a"}]})
INPUT = PlanInput(DESIRED, {"box": make_snapshot([])}, now=NOON)


@pytest.fixture
def planner() -> CachingPlanner:
    return CachingPlanner(ActionBackoff(FakeTime().clock, first_delay=120))


def test_the_same_objects_give_the_last_plan_for_the_rest_of_the_day(planner: CachingPlanner) -> None:
    plan = planner.plan_actions(INPUT)
    assert planner.plan_actions(replace(INPUT, snapshots=dict(INPUT.snapshots), now=NOON + timedelta(hours=11))) is plan
    assert planner.plan_actions(replace(INPUT, now=NOON + timedelta(hours=12))) is not plan, "the next day"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(INPUT, desired=replace(DESIRED)), id="desired state"),
        pytest.param(replace(INPUT, snapshots={"box": make_snapshot([])}), id="snapshot"),
        pytest.param(replace(INPUT, snapshots={}), id="instance that was not read"),
        pytest.param(replace(INPUT, facts=PlacementFacts()), id="facts"),
        pytest.param(replace(INPUT, take_over=True), id="option"),
        pytest.param(replace(INPUT, now=None), id="no time"),
    ],
)
def test_any_other_input_is_planned_again(planner: CachingPlanner, changed: PlanInput) -> None:
    plan = planner.plan_actions(INPUT)
    assert planner.plan_actions(changed) is not plan


def test_a_plan_is_made_again_when_time_alone_places_a_torrent(planner: CachingPlanner) -> None:
    group = {"strategy": "failover", "members": ["a", "b"], "failover_after": 120.0}
    desired = make_desired_state(
        {"groups": {"g": group}, "instances": ["a", "b"], "desired": [{"hash": "x", "instance": "g"}]}
    )
    facts = PlacementFacts({"a": Outage(NOON, "no connection")})
    waiting = PlanInput(desired, {"b": make_snapshot([])}, facts=facts, now=NOON)
    plan = planner.plan_actions(waiting)
    assert [torrent.name for torrent in plan.pending] == ["x"]
    assert planner.plan_actions(replace(waiting, now=NOON + timedelta(seconds=119))) is plan
    later = planner.plan_actions(replace(waiting, now=NOON + timedelta(seconds=120)))
    assert later.pending == ()
    assert [(plan.name, [action.name for action in plan.actions]) for plan in later.instances] == [("b", ["x"])]


def test_the_same_plan_has_the_last_verdict(planner: CachingPlanner) -> None:
    plan = planner.plan_actions(INPUT)
    judged = planner.guard_plan(plan, INPUT)
    assert judged == guard_plan(plan, INPUT)
    assert planner.guard_plan(plan, replace(INPUT, now=NOON + timedelta(hours=1))) is judged
    assert planner.guard_plan(replace(plan), INPUT) is not judged, "another plan"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(INPUT, desired=replace(DESIRED)), id="desired state"),
        pytest.param(replace(INPUT, accept="sha256:1"), id="accepted plan"),
        pytest.param(replace(INPUT, remembered={"box": OwnedCount(9, NOON)}), id="torrents that were owned"),
        pytest.param(replace(INPUT, unread_files={"box": (UnreadFile("b.yaml", frozenset("a")),)}), id="unread file"),
    ],
)
def test_the_guard_judges_again_if_anything_has_changed_that_it_depends_on(
    planner: CachingPlanner, changed: PlanInput
) -> None:
    plan = planner.plan_actions(INPUT)
    judged = planner.guard_plan(plan, INPUT)
    assert planner.guard_plan(plan, changed) is not judged
