"""The input of the planner, and its plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.model.groups import PendingTorrent
from reconciler.model.health import Health, HealthState
from reconciler.model.position import Position
from reconciler.plan.placement import Placement
from reconciler.plan.plan import Plan, PlanInput
from reconciler.plan.resolve import ResolvedDesired
from tests.support.planner_inputs import make_desired_state

UNTIL = datetime(2026, 11, 28, 12, tzinfo=UTC)
PENDING = PendingTorrent("a" * 40, "a", "all", "no member is well", Position("desired.yaml", 1, 1))


def _make_plan() -> Plan:
    return Plan("sha256:1", (), ResolvedDesired(make_desired_state({})), Placement({}))


def test_a_plan_shows_the_pending_torrents_and_the_end_of_its_placement() -> None:
    plan = replace(_make_plan(), placement=Placement({}, (PENDING,), UNTIL))
    assert (plan.pending, plan.valid_until) == ((PENDING,), UNTIL)
    assert (_make_plan().pending, _make_plan().valid_until) == ((), None)


def test_plans_are_equal_by_what_a_person_approves() -> None:
    plan = _make_plan()
    assert plan == replace(plan, placement=Placement({}, (PENDING,), UNTIL))
    assert plan != replace(plan, hash="sha256:2")


def test_the_defaults_of_an_input_cannot_be_changed() -> None:
    plan_input = PlanInput(make_desired_state({}), {})
    assert (plan_input.only, plan_input.accept, plan_input.take_over, plan_input.now) == (None, None, False, None)
    with pytest.raises(TypeError):
        plan_input.health["box"] = Health(HealthState.OK, UNTIL)  # type: ignore[index]
