"""Single runs learn from the journal which fields are contested, and which torrents a share limit has removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.events import FinishedRun
from reconciler.journal.contests import REMOVED_REASON, JournalPlanner, spare_removed
from reconciler.model.plan import Action, InstancePlan, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.plan import PlanInput, make_plan
from tests.support.example_runs import PLAN_HASH
from tests.support.journal_runs import JournalRecorder
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STOPPED = {"desired": [{"hash": "a", "paused": False}], "live": [{"hash": "a", "stopped": True, "tags": [OWNER_TAG]}]}
GONE: dict[str, Any] = {"desired": [{"hash": "a"}], "live": []}


class SingleRuns:
    """Single runs on an instance where something else changes everything back, with a journal."""

    def __init__(self, folder: Path) -> None:
        self.recorder = JournalRecorder(folder)

    def plan(self, case: Mapping[str, Any]) -> InstancePlan:
        """Return what the next run does."""
        plan = make_plan(PlanInput(make_desired_state(case), {"box": make_snapshot(case["live"])}))
        return JournalPlanner(self.recorder.open_journal()).hold_back(plan).instances[0]

    def run(self, case: Mapping[str, Any], after: timedelta, owned: int = 1) -> Action:
        """Run after a time, and record it; return the only action."""
        self.recorder.now += after
        (action,) = self.plan(case).actions
        results = (ActionResult(action, action.hold or Outcome.APPLIED),)
        instance = InstanceResult("box", Status.OK, version="v5.1.0", owned=owned, results=results)
        run = Run(RunMode.APPLY, PLAN_HASH, 0, (instance,))
        finished_run = FinishedRun(run, "command", self.recorder.now, 1.0)
        self.recorder.open_journal().record_run(make_desired_state(case), finished_run)
        return action

    def count_applied(self, case: Mapping[str, Any], every: timedelta, runs: int = 8) -> str:
        """Return a letter for each of some runs: applied or deferred."""
        return "".join("d" if self.run(case, every).hold else "a" for _ in range(runs))


@pytest.fixture
def runs(tmp_path: Path) -> SingleRuns:
    return SingleRuns(tmp_path)


def test_a_field_that_is_changed_back_each_time_is_left_alone_for_an_hour_or_a_day(runs: SingleRuns) -> None:
    assert runs.count_applied(STOPPED, timedelta(minutes=10)) == "aaaaaddd"
    (action,) = runs.plan(STOPPED).actions
    assert action.hold is Outcome.DEFERRED
    assert action.reason == (
        "contested: paused was corrected 5 times since 2026-11-01 12:10 UTC, and something else changed it back each "
        "time; left alone until 2026-11-01 13:50 UTC"
    )
    assert runs.run(STOPPED, HOUR).hold is None, "it is tried again"
    assert runs.run(STOPPED, timedelta(minutes=10)).hold is Outcome.DEFERRED


def test_slower_runs_leave_it_alone_for_a_day(runs: SingleRuns) -> None:
    assert runs.count_applied(STOPPED, 5 * HOUR, runs=12) == "aaaaaddddadd"


def test_corrections_of_more_than_a_week_are_no_contest(runs: SingleRuns) -> None:
    assert runs.count_applied(STOPPED, 2 * DAY) == "aaaaaaaa"


def test_a_correction_to_another_value_does_not_count(runs: SingleRuns) -> None:
    for number in range(5):
        case = {**STOPPED, "desired": [{"hash": "a", "category": f"c{number}"}]}
        runs.recorder.now += HOUR
        actions = [action for action in runs.plan(case).actions if action.changes and action.infohash]
        assert [action.hold for action in actions] == [None]


def test_a_torrent_that_is_gone_each_time_is_not_added_for_ever(runs: SingleRuns) -> None:
    assert runs.count_applied(GONE, timedelta(minutes=5)) == "aaaaaddd"


def test_a_torrent_with_a_share_limit_is_added_twice(runs: SingleRuns) -> None:
    limited = {**GONE, "desired": [{"hash": "a", "share_limits": {"ratio": 0}}]}
    assert runs.count_applied(limited, timedelta(minutes=5), runs=4) == "aadd"
    (action,) = runs.plan(limited).actions
    assert "most likely its share limit, at which the server removes it" in action.reason


def test_a_lost_library_is_rebuilt_each_time(runs: SingleRuns) -> None:
    for _ in range(8):
        assert runs.run(GONE, timedelta(minutes=5), owned=20).hold is None


def test_a_torrent_that_its_own_limit_removes_is_not_added_again(runs: SingleRuns) -> None:
    """Not even after years, and in a watch too."""
    removed = {
        **GONE,
        "desired": [{"hash": "a", "share_limits": {"ratio": 2.0, "action": "remove"}}],
        "version": "5.3.0",
    }
    snapshot = make_snapshot([], version="5.3.0")
    plan = make_plan(PlanInput(make_desired_state(removed), {"box": snapshot}))
    journal = runs.recorder.open_journal()
    assert spare_removed(plan, journal) is plan, "it was never there"
    runs.run(GONE, HOUR)
    runs.recorder.now += 300 * DAY
    instance_plan = spare_removed(plan, journal).instances[0]
    assert instance_plan.actions == ()
    assert [spared.reason for spared in instance_plan.spared] == [REMOVED_REASON]


def test_without_a_journal_file_nothing_is_contested(runs: SingleRuns) -> None:
    assert [action.hold for action in runs.plan(STOPPED).actions] == [None]
    assert runs.recorder.warnings == []
