"""The state of the loop at one moment, and the counts of its runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.web.loop_view import DURATION_BUCKETS, InstanceView, LoopState, LoopView, RunCounters
from tests.support.example_runs import converged, make_torrent_action, refused
from tests.support.status_site import NOON, PROBLEM, make_finished_run

NO_TOTALS = RunCounters().get_totals()
UP = InstanceResult("home", Status.OK, version="v5.1.0")


def make_view(run: Run, **values: object) -> LoopView:
    """The view of a loop with this last run."""
    view = LoopView(NOON, NOON, 60.0, 1, NO_TOTALS, last_run=make_finished_run(run))
    return replace(view, **values)  # type: ignore[arg-type]


def make_run(*outcomes: Outcome) -> Run:
    """A run whose actions on one instance have these outcomes."""
    results = tuple(
        ActionResult(make_torrent_action(Verb.UPDATE, f"t{number}", "drift", number=number), outcome)
        for number, outcome in enumerate(outcomes)
    )
    return Run(RunMode.APPLY, "hash", 0, (replace(UP, results=results),))


@pytest.mark.parametrize(
    ("view", "is_read", "is_up", "is_healthy"),
    [
        (InstanceView("home"), False, False, False),
        (InstanceView("home", result=UP), False, False, False),
        (InstanceView("home", result=UP, is_current=True), True, True, True),
        (InstanceView("home", result=replace(UP, version=None), is_current=True), False, False, False),
        (InstanceView("home", result=replace(UP, status=Status.UNREACHABLE), is_current=True), True, False, False),
        (InstanceView("home", result=replace(UP, status=Status.UNHEALTHY), is_current=True), True, True, False),
    ],
    ids=["never tried", "not in the last run", "answered", "not read", "lost later", "unhealthy"],
)
def test_an_instance_is_up_only_by_its_result_in_the_last_run(
    view: InstanceView, is_read: bool, is_up: bool, is_healthy: bool
) -> None:
    assert (view.is_read, view.is_up, view.is_healthy) == (is_read, is_up, is_healthy)


def test_the_first_state_that_applies_counts() -> None:
    view = make_view(refused(), instances=(InstanceView("home"),))
    assert view.last_run is not None
    invalid = replace(view, last_run=replace(view.last_run, problems=(PROBLEM,)))
    assert replace(invalid, stuck_reason="no run has begun").state is LoopState.STUCK
    assert replace(invalid, last_run=None).state is LoopState.STARTING
    assert invalid.state is LoopState.INVALID
    assert view.state is LoopState.REFUSED
    assert make_view(converged(), instances=(InstanceView("home"),)).state is LoopState.DEGRADED


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.APPLIED, LoopState.IN_SYNC),
        (Outcome.BLOCKED, LoopState.IN_SYNC),
        (Outcome.PLANNED, LoopState.PENDING),
        (Outcome.DEFERRED, LoopState.PENDING),
    ],
)
def test_planned_and_deferred_actions_are_pending_and_need_nobody(outcome: Outcome, state: LoopState) -> None:
    view = make_view(make_run(Outcome.APPLIED, outcome))
    assert (view.state, view.exit_code) == (state, 0)


@pytest.mark.parametrize(("run_exit_code", "exit_code"), [(0, 0), (1, 1), (2, 0), (3, 1), (4, 1)])
def test_only_the_exit_codes_0_and_2_of_a_run_need_nobody(run_exit_code: int, exit_code: int) -> None:
    assert make_view(replace(make_run(), exit_code=run_exit_code)).exit_code == exit_code


def test_the_next_run_is_an_interval_after_the_end_of_the_last() -> None:
    view = make_view(make_run(), last_run=make_finished_run(make_run(), seconds=5))
    assert view.next_run_at == NOON + timedelta(seconds=65)
    assert replace(view, last_run=None).next_run_at is None


def test_runs_are_counted_by_trigger_exit_code_and_duration() -> None:
    counters = RunCounters()
    for trigger, seconds in (("files", 0.1), ("files", 0.11), ("made-up", 1000.0)):
        counters.count_run(make_finished_run(make_run(), trigger, seconds=seconds))
    totals = counters.get_totals()
    assert totals.runs == {("files", 0): 2, ("other", 0): 1}
    assert len(totals.duration_counts) == len(DURATION_BUCKETS) + 1
    assert (totals.duration_counts[:2], totals.duration_counts[-1]) == ((1, 1), 1)
    assert totals.total_seconds == pytest.approx(1000.21)


def test_planned_actions_are_not_counted_and_totals_do_not_change_later() -> None:
    counters = RunCounters()
    counters.count_run(make_finished_run(make_run(Outcome.APPLIED, Outcome.APPLIED, Outcome.PLANNED, Outcome.FAILED)))
    totals = counters.get_totals()
    counters.count_run(make_finished_run(make_run(Outcome.APPLIED)))
    assert totals.actions == {("home", "update", "applied"): 2, ("home", "update", "failed"): 1}
    assert counters.get_totals().actions["home", "update", "applied"] == 3
