"""A single run knows the stop intent that a check hides from what the journal shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.events import FinishedRun
from reconciler.journal.contests import JournalPlanner
from reconciler.model.plan import Action, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.plan import PlanInput
from tests.support.example_runs import PLAN_HASH
from tests.support.journal_runs import JournalRecorder
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot

ENTRY = {"hash": "a", "paused": True}
CHECKED = {"hash": "a", "tags": [OWNER_TAG], "state": "checkingUP"}
RUNNING = {"hash": "a", "tags": [OWNER_TAG]}


def plan_live(recorder: JournalRecorder, *live: dict[str, Any], paused: bool = True) -> tuple[Action, ...]:
    """Return the actions of a single run on these live torrents."""
    desired = make_desired_state({"desired": [{**ENTRY, "paused": paused}]})
    plan_input = PlanInput(desired, {"box": make_snapshot(live)})
    return JournalPlanner(recorder.open_journal()).plan_actions(plan_input).instances[0].actions


def apply_actions(recorder: JournalRecorder, actions: tuple[Action, ...]) -> None:
    """Record that a run has applied these actions."""
    results = tuple(ActionResult(action, Outcome.APPLIED) for action in actions)
    instance = InstanceResult("box", Status.OK, version="v5.1.0", owned=1, results=results)
    finished_run = FinishedRun(Run(RunMode.APPLY, PLAN_HASH, 0, (instance,)), "command", recorder.now, 1.0)
    recorder.open_journal().record_run(make_desired_state({"desired": [ENTRY]}), finished_run)


@pytest.fixture
def recorder(tmp_path: Path) -> JournalRecorder:
    return JournalRecorder(tmp_path)


def test_without_a_journal_entry_a_stop_waits_for_the_end_of_the_check(recorder: JournalRecorder) -> None:
    (action,) = plan_live(recorder, CHECKED)
    assert action.hold is Outcome.DEFERRED


@pytest.mark.parametrize("before", [[], [RUNNING]], ids=["added", "stopped"])
def test_what_a_run_has_stopped_is_stopped_during_a_check(
    recorder: JournalRecorder, before: list[dict[str, Any]]
) -> None:
    actions = plan_live(recorder, *before)
    assert len(actions) == 1
    apply_actions(recorder, actions)
    assert plan_live(recorder, CHECKED) == ()


def test_the_last_change_counts(recorder: JournalRecorder) -> None:
    apply_actions(recorder, plan_live(recorder))
    apply_actions(recorder, plan_live(recorder, {**RUNNING, "stopped": True}, paused=False))
    (action,) = plan_live(recorder, CHECKED)
    assert action.hold is Outcome.DEFERRED
