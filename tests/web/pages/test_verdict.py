"""The verdict: a headline, a sentence with its numbers, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.engine.events import Backoff
from reconciler.model.plan import GuardVerdict, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.web import StatusBoard
from reconciler.web.loop_view import LoopView
from reconciler.web.pages.action_groups import NO_ACTIONS, collect_open_actions
from reconciler.web.pages.verdict import advise_loop, explain_loop, judge_loop
from tests.support.example_runs import (
    ADD_ACTION,
    PLAN_HASH,
    accepted,
    converged,
    endless,
    faulty,
    make_instance_result,
    planned,
    refused,
    unhealthy,
)
from tests.support.fake_time import FakeTime
from tests.support.status_site import BACKOFF, PROBLEM, make_finished_run

CONTESTED_RESULT = ActionResult(ADD_ACTION, Outcome.DEFERRED, "contested: tags was corrected 5 times within an hour")
EMPTY = make_instance_result("home", owned=0, foreign=8_000)
AUTH = InstanceResult("home", Status.AUTH_FAILED, "home: qBittorrent refuses the password")
TWO_DOWN = (InstanceResult("a", Status.UNREACHABLE, "a: refused"), InstanceResult("b", Status.ERROR, "b: broken"))


def run(*instances: InstanceResult, code: int = 1) -> Run:
    """A run of instances."""
    return Run(RunMode.APPLY, PLAN_HASH, code, instances)


def describe(view: LoopView) -> tuple[str, str, str, str]:
    """The tone and the three texts of a view."""
    verdict, last = judge_loop(view), view.last_run
    actions = collect_open_actions(last.run) if last else NO_ACTIONS
    return verdict.tone, verdict.headline, explain_loop(view, actions), advise_loop(view, actions)


@pytest.mark.parametrize(
    ("finished", "tone", "headline", "sentence", "advice"),
    [
        (
            converged(), "good", "In sync",
            "Everything is as declared: 1,212 torrents of ours on 2 instances; 7 there are not ours.", "Nothing to do.",
        ),
        (
            run(make_instance_result("home", (ActionResult(ADD_ACTION, Outcome.APPLIED),), owned=0), code=0),
            "good", "In sync", "Everything is as declared: 1 torrent of ours on 1 instance.", "Nothing to do.",
        ),
        (
            run(EMPTY, code=0), "wait", "No torrent is managed",
            "8,000 torrents on 1 instance, none of them declared or ours.", "Declare torrents",
        ),
        (refused(), "bad", "Refused by the guard", "home: 12 deletions are more than max_delete 10", "Approve it"),
        (unhealthy(), "bad", "seedbox: unhealthy", "seedbox: VPN is down: interface", "Repair what its probes"),
        (run(AUTH), "bad", "home: credentials refused", "home: qBittorrent refuses", "Correct the credentials"),
        (run(*TWO_DOWN), "bad", "2 instances are down", "2 of 2 instances are down or unhealthy: a, b.", "tried again"),
        (faulty(), "bad", "Something needs attention", "4 items cannot go on without a person, such as", "See below"),
        (endless(), "bad", "Something needs attention", "2 changes without end", "Look at the plan"),
        (
            replace(planned(), instances=planned().instances[1:], exit_code=0), "wait", "Something is pending",
            "This watch is a dry-run, which changes nothing; 10 items differ or wait; 1 item cannot go on", "--dry-run",
        ),
        (
            run(make_instance_result("home", (CONTESTED_RESULT,)), code=0), "bad", "Something is contested",
            "1 item cannot go on without a person: Sintel on home: tags was corrected 5 times", "Find what changes it",
        ),
        (accepted(), "wait", "Something is pending", "Seedbox is suspended: shown, and not changed;", "Resume"),
    ],
)  # fmt: skip
def test_verdict(board: StatusBoard, finished: Run, tone: str, headline: str, sentence: str, advice: str) -> None:
    board.on_run_end(make_finished_run(finished))
    texts = describe(board.get_view())
    assert texts[:2] == (tone, headline)
    assert sentence in texts[2]
    assert advice in texts[3]


def test_before_any_run(board: StatusBoard) -> None:
    assert describe(board.get_view()) == ("wait", "Starting", "No run has ended yet.", "Wait for the first run.")


def test_a_stuck_loop_comes_first(board: StatusBoard, time: FakeTime) -> None:
    board.on_run_end(make_finished_run(refused()))
    time.moment = 1000
    tone, headline, sentence, advice = describe(board.get_view())
    assert (tone, headline) == ("bad", "The loop is stuck")
    assert sentence.startswith("No run has begun for 1000 s")
    assert "Restart" in advice


def test_invalid_files_name_the_place(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(converged(), problems=(PROBLEM,)))
    assert describe(board.get_view())[2:] == (
        "1 problem in the files; the desired state from before them stays in force.",
        "Correct desired.yaml:12:5.",
    )


def test_an_instance_that_is_waited_for_is_down(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(run(make_instance_result("home")), waiting={"attic": BACKOFF}))
    assert describe(board.get_view())[1] == "attic: unreachable"


def test_a_long_name_does_not_fill_the_tab(board: StatusBoard) -> None:
    waiting: dict[str, Backoff] = {"x" * 500: BACKOFF}
    board.on_run_end(make_finished_run(run(make_instance_result("home")), waiting=waiting))
    assert len(judge_loop(board.get_view()).headline) == 60


def test_a_refusal_beside_an_instance_that_manages_nothing(board: StatusBoard) -> None:
    verdict = GuardVerdict(True, ("an empty list",))
    board.on_run_end(make_finished_run(run(replace(EMPTY, verdict=verdict), code=3)))
    assert judge_loop(board.get_view()).headline == "Refused by the guard"
