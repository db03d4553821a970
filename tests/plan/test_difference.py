"""The difference between a saved plan and the plan now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.expectation import ActionSummary, PlanDifference
from reconciler.model.fields.names import CATEGORY, QUARANTINE
from reconciler.model.plan import Change
from reconciler.plan.difference import compare_plans, summarize_actions
from tests.support.example_runs import planned

ADD = ActionSummary("home", "add", "torrent", "a" * 40, "Sintel")
MOVE = ActionSummary("home", "update", "torrent", "b" * 40, "Debian", (Change(CATEGORY, "linux", "films"),))
STOP = replace(MOVE, changes=(Change("paused", False, True),))
DELETE = ActionSummary("home", "delete", "torrent", "b" * 40, "Debian")
WITH_DATA = replace(DELETE, delete_files=True)
PRUNE = replace(MOVE, changes=(Change(QUARANTINE, None, "2026-11-25"),))
SETTING = ActionSummary("home", "update", "preference", "dl_limit", "dl_limit", (Change("value", 0, 1024),))


@pytest.mark.parametrize(
    ("expected", "actual", "difference"),
    [
        ((), (), PlanDifference()),
        ((ADD, MOVE, SETTING), (SETTING, MOVE, ADD), PlanDifference()),
        ((ADD,), (), PlanDifference(only_expected=(ADD,))),
        ((), (ADD,), PlanDifference(only_actual=(ADD,))),
        ((ADD,), (replace(ADD, instance="other"),), PlanDifference((ADD,), (replace(ADD, instance="other"),))),
        ((MOVE,), (DELETE,), PlanDifference(changed=((MOVE, DELETE),))),
        ((DELETE,), (WITH_DATA,), PlanDifference(changed=((DELETE, WITH_DATA),))),
        ((ADD,), (replace(ADD, outcome="blocked"),), PlanDifference(changed=((ADD, replace(ADD, outcome="blocked")),))),
        ((STOP, MOVE), (MOVE,), PlanDifference(only_expected=(STOP,))),
        ((MOVE,), (MOVE, MOVE), PlanDifference(only_actual=(MOVE,))),
        ((ADD,), (replace(ADD, name="renamed since"),), PlanDifference()),
        ((PRUNE,), (replace(PRUNE, changes=(Change(QUARANTINE, None, "2026-11-26"),)),), PlanDifference()),
    ],
)  # fmt: skip
def test_actions_are_compared_by_what_a_person_approves(
    expected: tuple[ActionSummary, ...], actual: tuple[ActionSummary, ...], difference: PlanDifference
) -> None:
    assert compare_plans(expected, actual) == difference
    assert difference.is_empty == (difference == PlanDifference())


def test_every_action_of_a_run_is_summarized() -> None:
    run = planned()
    actions = summarize_actions(run)
    assert [(action.instance, action.name) for action in actions] == [
        (instance.name, result.action.name) for instance in run.instances for result in instance.results
    ]
    assert compare_plans(actions, summarize_actions(run)).is_empty
