"""The plan: the guard's counts as bars, the approval of a refused plan, filters, and pages of its actions."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reconciler.model.plan import Change, GuardCount, GuardVerdict, Outcome, Verb
from reconciler.model.run import ActionResult, Run, RunMode, Status
from reconciler.web import StatusBoard
from reconciler.web.pages.plan import build_card
from tests.support.example_runs import (
    HOSTILE_NAME,
    PLAN_HASH,
    SHORT_CASES,
    accepted,
    applied,
    converged,
    huge,
    make_infohash,
    make_instance_result,
    make_torrent_action,
    planned,
    refused,
)
from tests.support.html_pages import HtmlPage, get_page
from tests.support.status_site import BACKOFF, PROBLEM, make_finished_run

COMMAND = "reconcile -f desired.yaml"


def read_page(board: StatusBoard, query: str = "") -> HtmlPage:
    """The page."""
    return get_page(board, f"/plan{query}", command=COMMAND)


def after(board: StatusBoard, run: Run, query: str = "", **rest: object) -> HtmlPage:
    """The page after a run."""
    board.on_run_end(make_finished_run(run, **rest))  # type: ignore[arg-type]
    return read_page(board, query)


def list_names(page: HtmlPage) -> list[str]:
    """Return the names in the table."""
    return re.findall('<bdi class="name">(.*?)</bdi>', page.html)


@pytest.mark.parametrize("case", SHORT_CASES)
def test_every_run_makes_a_whole_page(board: StatusBoard, case: str) -> None:
    page = after(board, SHORT_CASES[case]())
    assert not page.foreign_links
    assert len(page.html) < 100_000


def test_before_any_run(board: StatusBoard) -> None:
    assert "There is no plan yet: no run has ended yet." in read_page(board).text


def test_a_refused_plan_says_why_and_how_to_approve_exactly_it(board: StatusBoard) -> None:
    page = after(board, refused())
    assert "home: 12 deletions are more than max_delete 10" in page.text
    assert f"run: {COMMAND} --accept-plan {PLAN_HASH}" in page.text
    assert f"add this line to the desired state: accept_plan: {PLAN_HASH}" in page.text
    assert "home REFUSED by the guard, nothing executed here" in page.text
    assert list_names(page)[:12] == [f"{number}.iso" for number in range(12)]
    assert "accept_plan" not in after(board, converged()).text


def test_counts_of_the_guard_are_bars_against_their_limits(board: StatusBoard) -> None:
    page = after(board, refused())
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("meter", "aria-label")]
    assert labels == ["deletions: 12, at most 10", "owned torrents to delete: 12 of 60 (20 %), at most 20 %"]
    shares = [value for tag, name, value in page.attributes if (tag, name) == ("meter", "value")]
    assert shares == ["100.0", "100.0"]
    assert "✗ deletions 12 more than 10" in page.text
    assert "The guard counts no deletions with data, no torrents to move." in page.text


@pytest.mark.parametrize(
    ("count", "value", "limit", "share", "tone"),
    [
        (GuardCount("deletions", 3, "max_delete", 10), "3", "10", 30.0, ""),
        (GuardCount("deletions", 1, "max_delete", 0), "1", "0", 100.0, "bad"),
        (GuardCount("torrents to move", 20_000, "max_move", 10_000), "20,000", "10,000", 100.0, "bad"),
        (GuardCount("owned", 5, "max_delete_percent", 12.5, owned=100), "5 of 100 (5 %)", "12.5 %", 40.0, ""),
    ],
)
def test_a_bar(count: GuardCount, value: str, limit: str, share: float, tone: str) -> None:
    instance = make_instance_result("home", verdict=GuardVerdict(False, (), (count,)))
    (bar,) = build_card(instance, RunMode.APPLY).bars
    assert (bar.value, bar.limit, bar.share, bar.tone) == (value, limit, share, tone)


def test_an_accepted_plan_is_not_refused(board: StatusBoard) -> None:
    text = after(board, accepted()).text
    assert "guard: 1 deletion is more than max_delete 0; accepted by its hash" in text
    assert "suspended: shown, not executed" in text
    assert "Refused" not in text


def test_filters_select_rows_and_count_kinds(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(planned()))
    assert list_names(read_page(board, "?kind=moves")) == ["Tears of Steel"]
    assert list_names(read_page(board, "?text=OLD")) == ["older.iso", "old.iso"]
    assert list_names(read_page(board, f"?text={make_infohash(40)}")) == ["old.iso"]
    assert list_names(read_page(board, "?outcome=blocked")) == ["Cosmos Laundromat"]
    assert "all 2 deletions 2" in read_page(board, "?text=old").text
    assert "kind=deletions&text=old" in " ".join(read_page(board, "?text=old").links)
    nothing = read_page(board, "?instance=%22%3E%3Cscript%3E&page=-3")
    assert "Nothing in the plan matches" in nothing.text and "<script>" not in nothing.html
    assert len(list_names(read_page(board, "?kind=%00&outcome=x&page=9e9"))) == 12


def test_all_of_ten_thousand_actions_can_be_reached(board: StatusBoard) -> None:
    page = after(board, huge())
    assert "page 1 of 200" in page.text and len(page.html) < 100_000
    assert list_names(page)[0] == "linux-7777.iso", "the one that failed is first"
    last = read_page(board, "?kind=changes&page=100")
    assert "page 100 of 100" in last.text and len(list_names(last)) == 100
    assert list_names(read_page(board, "?kind=changes&page=5000")) == list_names(last)
    assert list_names(read_page(board, "?text=linux-1234.iso")) == ["linux-1234.iso"]


def test_what_was_not_read_is_not_in_sync(board: StatusBoard) -> None:
    page = after(board, planned(), waiting={"cellar": replace(BACKOFF, reason="cellar: no connection")})
    assert "attic UNREACHABLE" in page.text
    assert "cellar not in this plan no connection; next try" in page.text
    assert "Nothing to do on seedbox" in page.text


def test_it_says_what_it_rests_on(board: StatusBoard) -> None:
    text = after(board, planned(), "", problems=(PROBLEM,)).text
    assert "A dry-run: nothing is ever changed." in text
    assert "The files are invalid, so it follows the last valid desired state." in text


def test_with_nothing_to_do_it_names_the_last_change(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(applied()))
    text = after(board, converged()).text
    assert "Nothing to do: everything that was read is as declared." in text
    assert "The last change was" in text and "1 added" in text
    down = make_instance_result("home", status=Status.UNREACHABLE, error="home: no connection")
    assert "No action is planned." in after(board, Run(RunMode.APPLY, PLAN_HASH, 1, (down,))).text


@pytest.mark.parametrize("name", [HOSTILE_NAME, "</td><script>alert(1)</script>", "{{ 7 * 7 }}", "'\"><a href=x>"])
def test_names_are_escaped(board: StatusBoard, name: str) -> None:
    action = make_torrent_action(Verb.UPDATE, name, name, Change("category", name, name), number=1, disruptive=True)
    results = tuple(ActionResult(action, outcome, name) for outcome in Outcome)
    instance = make_instance_result(name, results, version=name, error=name, status=Status.ERROR)
    page = after(board, Run(RunMode.APPLY, PLAN_HASH, 1, (instance,)))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800]", page.html)
    assert "href=x" not in page.links and not page.foreign_links
