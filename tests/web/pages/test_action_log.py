"""Outcomes of actions, which runs complete."""

from __future__ import annotations

from itertools import count

from reconciler.web import StatusBoard
from reconciler.web.pages.action_log import GOOD, MAX_PAST_ACTIONS, WAIT, ActionLog, ActionOutcome, follow_run
from tests.support.example_runs import converged
from tests.support.fake_time import FakeTime
from tests.support.status_site import INTERVAL, NOON, make_finished_run


def test_the_first_run_that_begins_after_an_action_completes_it() -> None:
    board, numbers = StatusBoard(INTERVAL, clock=FakeTime(start=NOON).clock), count()
    log = ActionLog(board, lambda: str(next(numbers)))
    outcome = ActionOutcome(WAIT, "requested")
    waiting = log.add("Run now", NOON, outcome, follow_run(ActionOutcome(GOOD, "done")))
    final = log.add("Suspend", NOON, outcome)
    board.on_run_end(make_finished_run(converged(), began=NOON))
    known = log.find(waiting.id)
    assert known and known.outcome.headline == "done" and known.follow_up is None
    assert log.find(final.id) == final


def test_the_oldest_of_too_many_are_forgotten() -> None:
    numbers = count()
    log = ActionLog(StatusBoard(INTERVAL), lambda: str(next(numbers)))
    for _ in range(MAX_PAST_ACTIONS + 1):
        log.add("Run now", NOON, ActionOutcome(WAIT, "requested"))
    assert log.find("0") is None and log.find("1") is not None
