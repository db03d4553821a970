"""The state of the status board after a sequence of runs."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.desired import load
from reconciler.engine.events import Progress, RunListener
from reconciler.model.desired import DesiredState
from reconciler.model.position import Problem
from reconciler.model.run import InstanceResult, Run, RunMode, Status
from reconciler.model.suspension import suspend_instances
from reconciler.web import StatusBoard
from reconciler.web.loop_view import LoopState, LoopView
from reconciler.web.status_board import MAX_ACTIONS_KEPT, MAX_RUNS_KEPT
from tests.support.example_runs import (
    PLAN_HASH,
    UNREACHABLE_RESULT,
    accepted,
    applied,
    converged,
    huge,
    make_instance_result,
    planned,
    refused,
)
from tests.support.fake_time import FakeTime
from tests.support.status_site import BACKOFF, INTERVAL, NOON, PROBLEM, make_finished_run

DESIRED = """\
version: 1
policy: upsert
instances:
  home: {url: "http://home:8080/qbt/"}
  attic: {url: "http://attic:8080", suspend: true}
defaults: {instance: home}
"""


def run(*instances: InstanceResult, code: int = 0) -> Run:
    """A run of instances."""
    return Run(RunMode.APPLY, PLAN_HASH, code, instances)


@pytest.fixture
def desired(tmp_path: Path) -> DesiredState:
    """`home`, and a suspended `attic`."""
    file = tmp_path / "desired.yaml"
    file.write_text(DESIRED, encoding="utf-8")
    return load([file], {})


def test_board_is_a_listener_and_has_a_progress(board: StatusBoard) -> None:
    observer: RunListener = board
    progress: Progress = board.progress
    observer.on_run_end(make_finished_run(converged()))
    progress.start_instance("home", 2)
    progress.advance_instance("home", 1)
    progress.finish_instance("home")


@pytest.mark.parametrize(("interval", "patience"), [(60.0, 180.0), (600.0, 1800.0), (1.0, 30.0)])
def test_the_loop_is_stuck_after_three_intervals_without_an_attempt(
    interval: float, patience: float, time: FakeTime
) -> None:
    board = StatusBoard(interval, clock=time.clock)
    time.moment = patience
    assert board.get_view().stuck_reason == ""
    time.moment += 1
    assert board.get_view().stuck_reason.startswith(f"no run has begun for {patience + 1:.0f} s"), "from the start on"
    assert board.get_view().state is LoopState.STUCK
    board.on_run_end(make_finished_run(converged()))
    assert board.get_view().stuck_reason == ""
    time.moment += patience + 1
    assert board.get_view().stuck_reason != ""


def test_long_run_is_alive_while_it_makes_progress(board: StatusBoard, time: FakeTime, desired: DesiredState) -> None:
    board.on_run_start(desired)
    for _ in range(10):
        time.moment += 800
        assert board.get_view().stuck_reason == ""
        board.progress.advance_instance("home", 1)
    time.moment += 901
    assert board.get_view().stuck_reason.startswith("the run under way has made no progress for 901 s")


def test_jump_of_the_wall_clock_is_no_stuck_loop(board: StatusBoard, time: FakeTime) -> None:
    board.on_run_end(make_finished_run(converged(), began=NOON + timedelta(days=365)))
    time.moment = 10
    assert board.get_view().stuck_reason == ""


def test_ready_when_every_instance_was_read_in_one_run_and_from_then_on(board: StatusBoard) -> None:
    assert board.get_view().unready_reason == "no run has ended yet"
    board.on_run_end(make_finished_run(planned()))
    reason = "not every instance has been read yet: attic (no connection to http://attic:8080: connection refused)"
    assert board.get_view().unready_reason == reason
    board.on_run_end(make_finished_run(run(make_instance_result("home")), waiting={"attic": BACKOFF}))
    assert board.get_view().unready_reason == reason
    board.on_run_end(make_finished_run(run(make_instance_result("home"), make_instance_result("attic"))))
    assert board.get_view().unready_reason == ""
    board.on_run_end(make_finished_run(planned()))
    assert board.get_view().unready_reason == ""


def test_an_instance_lost_while_it_was_changed_was_read(board: StatusBoard) -> None:
    board.on_run_end(
        make_finished_run(run(make_instance_result("home", status=Status.UNREACHABLE, error="gone"), code=1))
    )
    assert board.get_view().unready_reason == ""
    assert board.get_view().instances[0].is_up is False


def test_a_suspended_instance_is_not_waited_for(board: StatusBoard, desired: DesiredState) -> None:
    board.on_run_start(desired)
    assert [(instance.name, instance.url) for instance in board.get_view().instances] == [
        ("attic", "http://attic:8080"),
        ("home", "http://home:8080/qbt/"),
    ]
    board.on_run_end(make_finished_run(run(UNREACHABLE_RESULT, code=1)))
    assert board.get_view().unready_reason == "not every instance has been read yet: home (not tried yet)"
    board.on_run_end(make_finished_run(run(UNREACHABLE_RESULT, make_instance_result("home"), code=1)))
    assert board.get_view().unready_reason == ""


def test_only_the_chosen_instances_are_expected(desired: DesiredState) -> None:
    board = StatusBoard(INTERVAL, ("home",))
    board.on_run_start(desired)
    board.on_run_end(make_finished_run(run(make_instance_result("home"))))
    assert [instance.name for instance in board.get_view().instances] == ["home"]
    assert board.get_view().unready_reason == ""


def test_the_instances_of_another_shard_are_not_expected(desired: DesiredState) -> None:
    board = StatusBoard(INTERVAL, select_instances=lambda desired: ["home"])
    board.on_run_start(desired)
    board.on_run_end(make_finished_run(run(make_instance_result("home"))))
    assert [instance.name for instance in board.get_view().instances] == ["home"]
    assert board.get_view().unready_reason == ""


def test_removed_instance_is_dropped(board: StatusBoard, desired: DesiredState) -> None:
    board.on_run_end(make_finished_run(converged()))
    board.on_run_end(make_finished_run(run(make_instance_result("home"))))
    assert [instance.name for instance in board.get_view().instances] == ["home"]
    board.on_run_start(replace(desired, instances={}))
    assert board.get_view().instances == ()


def test_instance_in_backoff_keeps_its_last_result(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(applied()))
    board.on_run_end(make_finished_run(run(code=1), waiting={"home": replace(BACKOFF, reason="home: no connection")}))
    (home,) = board.get_view().instances
    assert (home.is_read, home.is_up, home.backoff is not None) == (False, False, True)
    assert home.result is not None
    assert (home.result.version, home.result.results) == ("v5.1.0", ())
    assert home.read_at == NOON + timedelta(seconds=0.4)


def test_success_is_a_run_without_failing_instances(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(converged(), seconds=2))
    well = NOON + timedelta(seconds=2)
    later = NOON + timedelta(seconds=100)
    board.on_run_end(make_finished_run(planned(), began=later))
    board.on_run_end(make_finished_run(converged(), began=later, waiting={"attic": BACKOFF}))
    view = board.get_view()
    assert (view.last_success, view.last_attempt, view.run_count) == (well, later, 3)
    assert view.next_run_at == later + timedelta(seconds=0.4 + INTERVAL)


def test_the_last_change_outlives_the_runs_that_change_nothing_and_is_bounded(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(huge(), "files"))
    board.on_run_end(make_finished_run(converged()))
    board.on_run_end(make_finished_run(planned()))
    change = board.get_view().last_change
    assert change is not None
    assert (change.trigger, change.action_count) == ("files", 9_999)
    assert change.sentence.startswith("9,999 changed")
    assert [(name, len(results)) for name, results in change.applied] == [("home", MAX_ACTIONS_KEPT)]


STATES = [
    (make_finished_run(converged()), LoopState.IN_SYNC),
    (make_finished_run(accepted()), LoopState.PENDING),
    (make_finished_run(applied()), LoopState.ATTENTION),
    (make_finished_run(planned()), LoopState.DEGRADED),
    (make_finished_run(refused()), LoopState.REFUSED),
    (make_finished_run(converged(), problems=(PROBLEM,)), LoopState.INVALID),
    (make_finished_run(converged(), waiting={"attic": BACKOFF}), LoopState.DEGRADED),
]


@pytest.mark.parametrize(("last", "state"), STATES, ids=[state for _, state in STATES])
def test_loop_states(board: StatusBoard, last: object, state: LoopState) -> None:
    assert board.get_view().state is LoopState.STARTING
    assert board.get_view().exit_code == 1
    board.on_run_end(last)  # type: ignore[arg-type]
    assert board.get_view().state is state
    assert board.get_view().exit_code == (0 if state in (LoopState.IN_SYNC, LoopState.PENDING) else 1)


def test_parallel_threads_lose_no_run(board: StatusBoard, desired: DesiredState) -> None:
    def tell() -> None:
        for _ in range(200):
            board.on_run_start(desired)
            board.on_run_end(make_finished_run(converged()))
            board.get_view()

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    view = board.get_view()
    assert (view.run_count, sum(view.totals.runs.values()), sum(view.totals.duration_counts)) == (800, 800, 800)


def test_a_state_lasts_from_the_run_that_brought_it(board: StatusBoard) -> None:
    def end_run(minutes: int, finished: Run, **rest: Any) -> None:
        board.on_run_end(make_finished_run(finished, began=NOON + timedelta(minutes=minutes), seconds=0.0, **rest))

    for minutes, finished in enumerate([converged(), converged(), refused(), refused(), converged()]):
        end_run(minutes, finished)
        view = board.get_view()
        since = NOON + timedelta(minutes=[0, 0, 2, 2, 4][minutes])
        assert view.state_since == since
        assert {row.name: row.since for row in view.instances}["home"] == since
    assert {row.name: row.since for row in board.get_view().instances}["seedbox"] == NOON


def test_invalid_files_leave_the_followed_state_as_it_was(board: StatusBoard, desired: DesiredState) -> None:
    def end_run(minutes: int, followed: DesiredState, problems: tuple[Problem, ...] = ()) -> LoopView:
        board.on_run_start(followed)
        began = NOON + timedelta(minutes=minutes)
        board.on_run_end(make_finished_run(converged(), began=began, seconds=0.0, problems=problems))
        return board.get_view()

    assert end_run(0, desired).desired_since == NOON
    assert end_run(1, desired).invalid_since is None
    view = end_run(2, desired, (PROBLEM,))
    assert (view.desired_since, view.invalid_since) == (NOON, NOON + timedelta(minutes=2))
    with_intake = replace(desired, delete_files=True)
    view = end_run(3, with_intake, (PROBLEM,))
    assert (view.desired_since, view.invalid_since) == (NOON, NOON + timedelta(minutes=2))
    view = end_run(4, replace(desired))
    assert (view.desired_since, view.invalid_since) == (NOON, None), "the files are as they were"
    suspended = suspend_instances(desired, {"home": NOON + timedelta(days=1)}, NOON)
    assert end_run(5, suspended).desired_since == NOON, "a person has suspended an instance"
    assert end_run(6, replace(desired, delete_files=True)).desired_since == NOON + timedelta(minutes=6)


def test_runs_that_say_the_same_are_one(board: StatusBoard) -> None:
    for minutes, finished in enumerate([converged(), converged(), applied(), applied(), converged()]):
        board.on_run_end(make_finished_run(finished, began=NOON + timedelta(minutes=minutes), seconds=0.0))
    recent = board.get_view().recent_runs
    assert [(runs.count, runs.exit_code) for runs in recent] == [(1, 0), (1, 1), (1, 1), (2, 0)], "changes stay apart"
    assert (recent[-1].first_at, recent[-1].last_at) == (NOON, NOON + timedelta(minutes=1))
    board.on_run_end(make_finished_run(converged(), problems=(PROBLEM,), waiting={"attic": BACKOFF}))
    latest = board.get_view().recent_runs[0]
    assert (latest.exit_code, latest.is_success) == (0, False)
    assert latest.sentence == "the files are invalid; without attic; nothing to do, 1,212 unchanged"
    for minutes in range(20):
        board.on_run_end(make_finished_run([converged(), refused()][minutes % 2]))
    assert len(board.get_view().recent_runs) == MAX_RUNS_KEPT
