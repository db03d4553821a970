"""The schedule of runs."""

from __future__ import annotations

import threading

import pytest

from reconciler.engine.events import RunTrigger
from reconciler.watch.schedule import Schedule, TriggerQueue


def schedule(interval: float = 60.0, random: float = 0.5) -> Schedule:
    """A schedule whose first run took from 0 to 1."""
    made = Schedule(interval, lambda: random)
    made.record_run_start(0)
    made.record_run_end(1)
    return made


@pytest.mark.parametrize(("random", "moment"), [(0.0, 54), (0.5, 60), (1.0, 66)])
def test_the_interval_has_ten_percent_of_jitter_either_way(random: float, moment: float) -> None:
    assert schedule(random=random).compute_next_run() == pytest.approx(moment)


def test_request_waits_for_two_quiet_seconds() -> None:
    run_schedule = schedule()
    run_schedule.request_run(RunTrigger.FILES, 20)
    run_schedule.request_run(RunTrigger.FILES, 21)
    assert run_schedule.get_due_triggers(22.9) == set()
    assert run_schedule.get_due_triggers(23) == {RunTrigger.FILES}


def test_continuous_requests_do_not_delay_a_run_for_ever() -> None:
    run_schedule = schedule()
    for moment in range(20, 40):
        run_schedule.request_run(RunTrigger.FILES, moment)
    assert run_schedule.compute_next_run() == 30
    assert run_schedule.is_debounce_over(30) and not run_schedule.is_debounce_over(29)


def test_burst_of_requests_is_one_run() -> None:
    run_schedule = schedule()
    for cause in (RunTrigger.FILES, RunTrigger.RELOAD, RunTrigger.SIGNAL):
        run_schedule.request_run(cause, 20)
    assert run_schedule.get_due_triggers(22) == {RunTrigger.FILES, RunTrigger.RELOAD, RunTrigger.SIGNAL}
    run_schedule.record_run_start(22)
    run_schedule.record_run_end(23)
    assert run_schedule.get_due_triggers(70) == set()
    assert run_schedule.get_due_triggers(82) == {RunTrigger.INTERVAL}


def test_five_seconds_lie_between_two_runs_or_the_interval_where_it_is_shorter() -> None:
    run_schedule = schedule()
    run_schedule.request_run(RunTrigger.SIGNAL, 1)
    assert run_schedule.compute_next_run() == 6
    short = schedule(interval=1.0)
    short.request_run(RunTrigger.SIGNAL, 1)
    assert short.compute_next_run() == 2


def test_services_wait_for_a_run_only_shortly() -> None:
    run_schedule = schedule()
    run_schedule.request_run(RunTrigger.INTAKE, 1)
    run_schedule.request_run(RunTrigger.FILES, 1.1)
    assert run_schedule.compute_next_run() == 2  # a second after the last run, which took a second
    run_schedule.request_run(RunTrigger.INTAKE, 1.9)
    assert run_schedule.get_due_triggers(2.0) == {RunTrigger.INTAKE, RunTrigger.FILES}
    run_schedule.record_run_start(2)
    run_schedule.record_run_end(5)
    run_schedule.request_run(RunTrigger.INTAKE, 5)
    assert run_schedule.compute_next_run() == 8  # runs take half of the time at most
    run_schedule.request_run(RunTrigger.INTAKE, 20)
    assert run_schedule.compute_next_run() == 8
    run_schedule.record_run_start(20)
    run_schedule.record_run_end(30)
    run_schedule.request_run(RunTrigger.INTAKE, 40)
    assert run_schedule.compute_next_run() == pytest.approx(40.3)


def test_interval_waits_during_the_debounce() -> None:
    run_schedule = schedule()
    run_schedule.request_run(RunTrigger.FILES, 59.5)
    assert run_schedule.get_due_triggers(60) == set()
    assert run_schedule.get_due_triggers(61.5) == {RunTrigger.FILES}


def test_two_processes_that_wait_for_each_other_do_not_try_again_in_step() -> None:
    assert [schedule(60.0, random).draw_retry_time(100) for random in (0.0, 0.5, 0.9)] == [100, 105, 109]
    assert schedule(1.0, 0.5).draw_retry_time(100) == 101


def test_trigger_from_another_thread_is_received() -> None:
    trigger = TriggerQueue()
    threading.Timer(0.05, trigger.request_reload).start()
    assert trigger.wait(60) == {RunTrigger.RELOAD}
    assert trigger.wait(0) == set()
    trigger.wake()
    assert trigger.wait(60) == set()
