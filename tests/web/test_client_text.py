"""The status of a loop as text for a terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.report.text.lines import Style
from reconciler.web.client import LoopStatus
from reconciler.web.client_text import (
    STATE_HEADLINES,
    elapsed_text,
    interval_text,
    remaining_text,
    render_loop_status,
)
from reconciler.web.loop_view import LoopState
from tests.support.status_site import NOON

INSTANCE: dict[str, Any] = {
    "name": "home",
    "url": "http://home:8080",
    "status": "ok",
    "up": True,
    "error": None,
    "version": "v5.1.0",
    "owned": 1200,
    "foreign": 3,
    "drift": 0,
    "guard": {"refused": False, "reasons": []},
    "waiting": None,
}


def make_loop(instances: list[dict[str, Any]] | None = None, **values: Any) -> LoopStatus:
    """The status of a loop, in sync and without a run unless `values` differ."""
    status = {
        "format_version": 1,
        "exit_code": 0,
        "version": "0.1.0",
        "state": "in_sync",
        "reasons": [],
        "now": NOON,
        "runs": 0,
        "interval": 60.0,
        "last_success": None,
        "next": None,
        "last_run": None,
        "desired_state": {"valid": True, "problems": []},
        "instances": instances or [],
    }
    return LoopStatus.model_validate({**status, **values})


def render_texts(loop: LoopStatus) -> list[str]:
    """The lines without their colours."""
    return ["".join(text for text, _ in line).rstrip() for line in render_loop_status(loop)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "every 1 minute"), (90, "every 1 minute and 30 seconds"), (0.5, "every 0.5 seconds"), (3600, "every 1 hour")],
)
def test_an_interval_is_exact(seconds: float, text: str) -> None:
    assert interval_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "past", "future"),
    [
        (-5, "just now", "now"),
        (0, "just now", "now"),
        (0.9, "just now", "now"),
        (1, "a second ago", "in a second"),
        (300, "5 minutes ago", "in 5 minutes"),
    ],
)
def test_a_time_is_relative_and_less_than_a_second_is_now(seconds: float, past: str, future: str) -> None:
    distance = timedelta(seconds=seconds)
    assert elapsed_text(NOON - distance, NOON) == past
    assert remaining_text(NOON + distance, NOON) == future


def test_every_state_has_a_headline_and_a_colour() -> None:
    assert set(STATE_HEADLINES) == set(LoopState)
    colours = {
        state: [style for text, style in next(render_loop_status(make_loop(state=state))) if text == headline]
        for state, (headline, _) in STATE_HEADLINES.items()
    }
    assert colours[LoopState.IN_SYNC] == [Style.GOOD]
    assert colours[LoopState.PENDING] == colours[LoopState.STARTING] == [Style.WAIT]
    assert colours[LoopState.STUCK] == colours[LoopState.ATTENTION] == [Style.ALARM]


def test_without_a_run_only_the_headline_and_the_reasons_are_shown() -> None:
    loop = make_loop(state="starting", reasons=["no run has ended yet"])
    assert render_texts(loop) == ["reconcile 0.1.0  Starting", "  no run has ended yet"]


def test_a_run_that_never_succeeded_says_never() -> None:
    last_run = {
        "trigger": "files",
        "began": NOON - timedelta(minutes=5),
        "seconds": 0.44,
        "exit_code": 1,
        "sentence": "1 failed",
    }
    loop = make_loop(state="attention", last_run=last_run, next=NOON + timedelta(seconds=30))
    assert render_texts(loop) == [
        "reconcile 0.1.0  Something needs attention",
        "  last run   5 minutes ago (files), took 0.4 s: 1 failed",
        "  success    never",
        "  next run   in 30 seconds or earlier; every 1 minute",
    ]


def test_the_errors_of_instances_follow_the_table() -> None:
    until = NOON + timedelta(seconds=20)
    waiting = {"failures": 2, "reason": "attic: connection refused", "until": until}
    attic = {**INSTANCE, "name": "attic", "status": "unreachable", "up": False, "waiting": waiting, "owned": None}
    guard = {"refused": True, "reasons": ["too many deletions"]}
    texts = render_texts(make_loop([attic, {**INSTANCE, "guard": guard}], state="refused"))
    assert [text.split() for text in texts[3:5]] == [
        ["attic", "waiting", "v5.1.0", "-", "3", "0", "in", "20", "seconds", "http://home:8080"],
        ["home", "ok", "v5.1.0", "1,200", "3", "0", "-", "http://home:8080"],
    ]
    assert texts[5:] == ["  attic: connection refused", "  home: guard: too many deletions"]


def test_a_problem_is_shown_with_its_position_and_hint() -> None:
    problem = {"file": "a.yaml", "line": 3, "column": 5, "message": 'unknown key "x"', "hint": 'Did you mean "y"?'}
    with_code = {**problem, "hint": "", "code": "E030"}
    loop = make_loop(state="invalid", desired_state={"valid": False, "problems": [problem, with_code]})
    assert render_texts(loop)[1:] == [
        'a.yaml:3:5: error: unknown key "x". Did you mean "y"?',
        'a.yaml:3:5: error[E030]: unknown key "x"',
    ]


def test_a_suspension_says_until_when() -> None:
    until = NOON + timedelta(hours=2)
    lines = render_texts(make_loop([{**INSTANCE, "status": "suspended", "suspended_until": until}]))
    assert lines[-1] == "  home: suspended until 2026-01-02 14:00 UTC"
