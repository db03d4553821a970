"""When a run is due."""

from __future__ import annotations

import threading

import pytest

from reconciler.watch.schedule import Cause, Schedule, Trigger


def schedule(interval: float = 60.0, random: float = 0.5) -> Schedule:
    """A schedule whose first run took from 0 to 1."""
    made = Schedule(interval, lambda: random)
    made.began(0)
    made.ended(1)
    return made


@pytest.mark.parametrize(("random", "at"), [(0.0, 54), (0.5, 60), (1.0, 66)])
def test_the_interval_has_ten_percent_of_jitter_either_way(random: float, at: float) -> None:
    assert schedule(random=random).next_at() == pytest.approx(at)


def test_what_is_asked_for_waits_for_two_seconds_of_quiet() -> None:
    one = schedule()
    one.ask(Cause.FILES, 20)
    one.ask(Cause.FILES, 21)
    assert one.due(22.9) == set()
    assert one.due(23) == {Cause.FILES}


def test_what_never_gets_quiet_does_not_wait_for_ever() -> None:
    one = schedule()
    for moment in range(20, 40):
        one.ask(Cause.FILES, moment)
    assert one.next_at() == 30
    assert one.overdue(30) and not one.overdue(29)


def test_a_burst_of_wishes_is_one_run() -> None:
    one = schedule()
    for cause in (Cause.FILES, Cause.RELOAD, Cause.SIGNAL):
        one.ask(cause, 20)
    assert one.due(22) == {Cause.FILES, Cause.RELOAD, Cause.SIGNAL}
    one.began(22)
    one.ended(23)
    assert one.due(70) == set()
    assert one.due(82) == {Cause.INTERVAL}


def test_five_seconds_lie_between_two_runs_or_the_interval_where_it_is_shorter() -> None:
    one = schedule()
    one.ask(Cause.SIGNAL, 1)
    assert one.next_at() == 6
    short = schedule(interval=1.0)
    short.ask(Cause.SIGNAL, 1)
    assert short.next_at() == 2


def test_while_files_come_to_rest_the_interval_waits() -> None:
    one = schedule()
    one.ask(Cause.FILES, 59.5)
    assert one.due(60) == set()
    assert one.due(61.5) == {Cause.FILES}


def test_a_trigger_is_heard_from_another_thread() -> None:
    trigger = Trigger()
    threading.Timer(0.05, trigger.reload).start()
    assert trigger.wait(10) == {Cause.RELOAD}
    assert trigger.wait(0) == set()
    trigger.wake()
    assert trigger.wait(10) == set()
