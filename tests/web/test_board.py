"""What the board concludes from the runs that it is told of."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.desired import load
from reconciler.engine.events import Observer, Progress, Waiting
from reconciler.model.desired import Desired
from reconciler.model.position import Problem
from reconciler.model.run import InstanceResult, Mode, Run, Status
from reconciler.web import Board
from reconciler.web.loop_view import State
from reconciler.web.status_board import KEPT
from tests.report.runs import DOWN, HASH, accepted, applied, at, converged, huge, ok, planned, refused
from tests.web.conftest import INTERVAL, NOON, Clock, finished

BACK = Waiting(3, "attic: no connection to http://attic:8080: connection refused", NOON + timedelta(seconds=90))
PROBLEM = Problem(at(12), 'unknown key "pausd"', 'Did you mean "paused"?')
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
    return Run(Mode.APPLY, HASH, code, instances)


@pytest.fixture
def desired(tmp_path: Path) -> Desired:
    """`home`, and a suspended `attic`."""
    file = tmp_path / "desired.yaml"
    file.write_text(DESIRED, encoding="utf-8")
    return load([file], {})


def test_it_is_an_observer_and_its_pulse_a_progress(board: Board) -> None:
    observer: Observer = board
    progress: Progress = board.pulse
    observer.finished(finished(converged()))
    progress.started("home", 2)
    progress.advanced("home", 1)
    progress.finished("home")


@pytest.mark.parametrize(("interval", "patience"), [(60.0, 180.0), (600.0, 1800.0), (1.0, 30.0)])
def test_the_loop_is_stuck_after_three_intervals_without_an_attempt(
    interval: float, patience: float, clock: Clock
) -> None:
    board = Board(interval, now=clock.now, monotonic=clock.monotonic)
    clock.passed = patience
    assert board.view().stuck == ""
    clock.passed += 1
    assert board.view().stuck.startswith(f"no run has begun for {patience + 1:.0f} s"), "from the start on"
    assert board.view().state is State.STUCK
    board.finished(finished(converged()))
    assert board.view().stuck == ""
    clock.passed += patience + 1
    assert board.view().stuck != ""


def test_a_long_run_is_alive_while_it_gets_further_and_for_a_while_after(
    board: Board, clock: Clock, desired: Desired
) -> None:
    board.began(desired)
    for _ in range(10):
        clock.passed += 800
        assert board.view().stuck == ""
        board.pulse.advanced("home", 1)
    clock.passed += 901
    assert board.view().stuck.startswith("the run under way has shown no progress for 901 s")


def test_a_wall_clock_that_jumps_kills_nobody(board: Board, clock: Clock) -> None:
    board.finished(finished(converged(), began=NOON + timedelta(days=365)))
    clock.passed = 10
    assert board.view().stuck == ""


def test_ready_when_every_instance_was_read_in_one_run_and_from_then_on(board: Board) -> None:
    assert board.view().unready == "no run has ended yet"
    board.finished(finished(planned()))
    reason = "not every instance has been read yet: attic (no connection to http://attic:8080: connection refused)"
    assert board.view().unready == reason
    board.finished(finished(run(ok("home")), waiting={"attic": BACK}))
    assert board.view().unready == reason
    board.finished(finished(run(ok("home"), ok("attic"))))
    assert board.view().unready == ""
    board.finished(finished(planned()))
    assert board.view().unready == ""


def test_an_instance_lost_while_it_was_changed_was_read(board: Board) -> None:
    board.finished(finished(run(ok("home", status=Status.UNREACHABLE, error="gone"), code=1)))
    assert board.view().unready == ""
    assert board.view().instances[0].up is False


def test_a_suspended_instance_is_not_waited_for(board: Board, desired: Desired) -> None:
    board.began(desired)
    assert [(seen.name, seen.url) for seen in board.view().instances] == [
        ("attic", "http://attic:8080"),
        ("home", "http://home:8080/qbt/"),
    ]
    board.finished(finished(run(DOWN, code=1)))
    assert board.view().unready == "not every instance has been read yet: home (not tried yet)"
    board.finished(finished(run(DOWN, ok("home"), code=1)))
    assert board.view().unready == ""


def test_only_the_chosen_instances_are_expected(desired: Desired) -> None:
    board = Board(INTERVAL, ("home",))
    board.began(desired)
    board.finished(finished(run(ok("home"))))
    assert [seen.name for seen in board.view().instances] == ["home"]
    assert board.view().unready == ""


def test_the_instances_of_another_shard_are_not_expected(desired: Desired) -> None:
    board = Board(INTERVAL, ours=lambda desired: ["home"])
    board.began(desired)
    board.finished(finished(run(ok("home"))))
    assert [seen.name for seen in board.view().instances] == ["home"]
    assert board.view().unready == ""


def test_an_instance_that_is_gone_is_forgotten(board: Board, desired: Desired) -> None:
    board.finished(finished(converged()))
    board.finished(finished(run(ok("home"))))
    assert [seen.name for seen in board.view().instances] == ["home"]
    board.began(replace(desired, instances={}))
    assert board.view().instances == ()


def test_a_waiting_instance_is_known_from_before_but_not_as_of_now(board: Board) -> None:
    board.finished(finished(applied()))
    board.finished(finished(run(code=1), waiting={"home": replace(BACK, reason="home: no connection")}))
    (home,) = board.view().instances
    assert (home.read, home.up, home.waiting is not None) == (False, False, True)
    assert home.result is not None
    assert (home.result.version, home.result.results) == ("v5.1.0", ())
    assert home.read_at == NOON + timedelta(seconds=0.4)


def test_success_is_a_run_with_all_well(board: Board) -> None:
    board.finished(finished(converged(), seconds=2))
    well = NOON + timedelta(seconds=2)
    later = NOON + timedelta(seconds=100)
    board.finished(finished(planned(), began=later))
    board.finished(finished(converged(), began=later, waiting={"attic": BACK}))
    view = board.view()
    assert (view.last_success, view.last_attempt, view.runs) == (well, later, 3)
    assert view.next_at == later + timedelta(seconds=0.4 + INTERVAL)


def test_the_last_change_outlives_the_runs_that_change_nothing_and_is_bounded(board: Board) -> None:
    board.finished(finished(huge(), "files"))
    board.finished(finished(converged()))
    board.finished(finished(planned()))
    change = board.view().last_change
    assert change is not None
    assert (change.trigger, change.count) == ("files", 9_999)
    assert change.sentence.startswith("0 added, 9,999 changed")
    assert [(name, len(results)) for name, results in change.applied] == [("home", KEPT)]


STATES = [
    (finished(converged()), State.IN_SYNC),
    (finished(accepted()), State.PENDING),
    (finished(applied()), State.ATTENTION),
    (finished(planned()), State.DEGRADED),
    (finished(refused()), State.REFUSED),
    (finished(converged(), problems=(PROBLEM,)), State.INVALID),
    (finished(converged(), waiting={"attic": BACK}), State.DEGRADED),
]


@pytest.mark.parametrize(("last", "state"), STATES, ids=[state for _, state in STATES])
def test_the_loop_in_a_word(board: Board, last: object, state: State) -> None:
    assert board.view().state is State.STARTING
    assert board.view().exit_code == 1
    board.finished(last)  # type: ignore[arg-type]
    assert board.view().state is state
    assert board.view().exit_code == (0 if state in (State.IN_SYNC, State.PENDING) else 1)


def test_many_threads_lose_no_run(board: Board, desired: Desired) -> None:
    def tell() -> None:
        for _ in range(200):
            board.began(desired)
            board.finished(finished(converged()))
            board.view()

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    view = board.view()
    assert (view.runs, sum(view.totals.runs.values()), sum(view.totals.lengths)) == (800, 800, 800)
