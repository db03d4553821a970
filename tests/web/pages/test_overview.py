"""The overview: its texts, and that no name in it becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.plan import Change, Outcome, Verb
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.web import StatusBoard
from tests.support.example_runs import (
    CASES,
    HOSTILE_NAME,
    PLAN_HASH,
    applied,
    converged,
    faulty,
    huge,
    make_instance_result,
    make_torrent_action,
    placed,
    planned,
    refused,
)
from tests.support.fake_time import FakeTime
from tests.support.html_pages import HtmlPage, get_page
from tests.support.status_site import BACKOFF, PROBLEM, make_finished_run

TRIES = [HOSTILE_NAME, "</style><script>alert(1)</script>", "{{ 7 * 7 }}", "'\"><a href=x>"]


def after(board: StatusBoard, run: Run, **rest: object) -> HtmlPage:
    """The page after a run."""
    board.on_run_end(make_finished_run(run, **rest))  # type: ignore[arg-type]
    return get_page(board)


def evil_everywhere(name: str) -> Run:
    """A run in which everything that comes from outside is the same text."""
    change = Change("category", name, name)
    action = make_torrent_action(Verb.UPDATE, name, name, change, number=1, disruptive=True)
    results = tuple(ActionResult(action, outcome, name) for outcome in Outcome)
    warnings = (Problem(Position(name, 1, 1), "E030", name, name),)
    home = make_instance_result(name, results, version=name, error=name, status=Status.ERROR)
    return Run(RunMode.APPLY, PLAN_HASH, 1, (home, InstanceResult("down", Status.UNREACHABLE, name)), warnings)


@pytest.mark.parametrize("case", CASES)
def test_every_run_makes_a_whole_page(board: StatusBoard, case: str) -> None:
    assert not after(board, CASES[case]()).foreign_links


def test_before_any_run(board: StatusBoard) -> None:
    assert "Starting no run has ended yet" in get_page(board).text


def test_refused_credentials_are_looked_at_and_not_tried(board: StatusBoard, time: FakeTime) -> None:
    time.moment = 10
    text = after(board, planned(), waiting={"attic": replace(BACKOFF, status=Status.AUTH_FAILED)}).text
    assert "connection refused; next look in a minute" in text


def test_page_shows_the_last_run(board: StatusBoard, time: FakeTime) -> None:
    time.moment = 10
    text = after(board, planned(), problems=(PROBLEM,), waiting={"attic": BACKOFF}).text
    assert "The desired state is invalid" in text
    assert 'desired.yaml:12:5 E030: unknown key "pausd" Did you mean "paused"?' in text
    assert "Last run 10 seconds ago interval, took 0.4 s" in text
    assert "Next in 50 seconds or earlier; every 1 minute" in text
    assert "attic waiting never read failed 3 times in a row: no connection to http://attic:8080" in text
    assert "connection refused; next try in a minute" in text
    assert "home needs attention qBittorrent v5.1.0 · read 9 seconds ago 12 owned · 3 not ours · 10 unchanged" in text
    assert "! blocked Cosmos Laundromat its files are missing" in text
    assert "delete older.iso with its data no longer declared" in text
    assert "seedbox in sync" in text
    assert "desired.yaml:4:5 W001: the password stands in the file Use {env: NAME}" in text


def test_a_refusal_names_the_hash_to_approve(board: StatusBoard) -> None:
    text = after(board, refused()).text
    assert f"accept_plan: {PLAN_HASH}" in text
    assert "guard: 12 deletions are more than max_delete 10" in text
    assert text.count("- delete") == 12
    assert "accept_plan" not in after(board, converged()).text


def test_the_last_change_stays(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(applied(), "files"))
    text = after(board, converged()).text
    assert "In sync Nothing to do" in text
    assert re.search(r"Last change .* \(files\) 1 added, .* \+ added Sintel", text)


def test_a_stuck_loop_is_the_headline(board: StatusBoard, time: FakeTime) -> None:
    board.on_run_end(make_finished_run(converged()))
    time.moment = 1000
    assert "The loop is stuck no run has begun for 1000 s" in get_page(board).text


def test_ten_thousand_changes_make_a_short_page(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(huge()))
    assert len(get_page(board).html) < 30_000
    assert "… and 9,979 more" in get_page(board).text


@given(st.text(min_size=1).filter(lambda text: text != "down") | st.sampled_from(TRIES))
def test_names_are_escaped(name: str) -> None:
    board = StatusBoard(60)
    run = evil_everywhere(name)
    board.on_run_end(make_finished_run(run, problems=run.warnings, waiting={"down": replace(BACKOFF, reason=name)}))
    page = get_page(board)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800]", page.text)
    assert not page.foreign_links
    assert "href=x" not in page.links


def test_pending_torrents_are_shown(board: StatusBoard) -> None:
    text = after(board, placed()).text
    assert "Pending ? tears.mkv resilient: waits until 10:02:00 UTC: attic has it and is down since" in text
    many = replace(placed(), pending=placed().pending * 15)
    assert "… and 10 more" in after(board, many).text
    assert " ? " not in after(board, converged()).text


def test_a_template_in_a_name_is_a_name(board: StatusBoard) -> None:
    assert "{{ 7 * 7 }}" in after(board, evil_everywhere("{{ 7 * 7 }}")).text


def test_torrents_that_do_not_work_are_shown(board: StatusBoard) -> None:
    text = after(board, faulty()).text
    assert "Something needs attention" in text
    assert "attic needs attention" in text
    assert "seedbox 1 fault" in text
    assert "in sync" not in text
    assert "! fault Sintel qBittorrent reports an error" in text
