"""The history: the time line with its actions, filters, pages, plots, and what it says when there is nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.journal import JOURNAL_FILE_NAME, JournalHistory
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import ActionResult, RunMode
from reconciler.web import StatusBoard
from tests.support.example_runs import HOSTILE_NAME, converged, make_infohash, planned
from tests.support.html_pages import HtmlPage, get_page
from tests.support.journal_runs import (
    DESIRED,
    JournalRecorder,
    make_action_result,
    make_read_instance,
    make_unread_instance,
)
from tests.support.status_site import NOON, make_finished_run


@pytest.fixture
def diary(tmp_path: Path) -> JournalRecorder:
    """A journal shortly before the time of the board."""
    diary = JournalRecorder(tmp_path / "state")
    diary.now = NOON - timedelta(hours=30)
    return diary


def read_page(board: StatusBoard, diary: JournalRecorder, query: str = "", status: int = 200) -> HtmlPage:
    """The page with this journal."""
    history = JournalHistory(diary.folder)
    return get_page(board, f"/history{query}", status, history=history, get_desired=lambda: DESIRED)


def make_named(name: str, number: int = 1, outcome: Outcome = Outcome.APPLIED) -> ActionResult:
    """An update of a torrent of that name."""
    result = make_action_result(Verb.UPDATE, number, outcome, None if outcome is Outcome.APPLIED else name)
    object.__setattr__(result.action, "name", name)
    return result


def test_runs_are_a_time_line_with_their_actions(board: StatusBoard, diary: JournalRecorder) -> None:
    failed = make_action_result(Verb.UPDATE, 2, Outcome.FAILED, "409 Conflict")
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), failed), exit_code=1)
    diary.now += timedelta(days=1)
    diary.record(make_unread_instance("box: no connection", "box"), exit_code=1)
    diary.record(make_read_instance())
    page = read_page(board, diary)
    assert page.text.index("Friday, 2026-01-02") < page.text.index("Thursday, 2026-01-01")
    assert "1 added, 1 failed interval · took 1.5 s · exit code 1" in page.text
    assert "update, failed t2" in page.text and "paused: false → true 409 Conflict" in page.text
    assert "nothing changed interval · took 1.5 s · exit code 1 box : no connection" in page.text
    assert "./torrents/" + make_infohash(1) in page.links
    assert "run-1" in page.ids and "run-2" not in page.ids, "what can be expanded has an id, to stay open"
    assert page.text.count("took 1.5 s") == 2, "a run in sync is not listed"


def test_plots_are_drawn_with_a_title_a_sentence_and_a_table(board: StatusBoard, diary: JournalRecorder) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), make_action_result(Verb.ADD, 2)))
    page = read_page(board, diary)
    assert {"plot-drift", "plot-actions", "plot-convergence"} <= set(page.ids)
    described = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-labelledby")]
    assert len(described) == 3 and all(set(ids.split()) <= set(page.ids) for ids in described)
    assert "At most 2 changes to make, from 2026-01-01 06:00 UTC; now unknown." in page.text
    assert "2 actions done." in page.text
    assert "An instance was out of sync once, for 1.5 s." in page.text
    assert "changes to make, at most instances not read 2026-01-01 06:00 2 0" in page.text
    assert "2 actions done." not in read_page(board, diary, "?span=day").text
    assert "No run is known in this time." in read_page(board, diary, "?span=day").text
    assert "2 actions done." in read_page(board, diary, "?span=forever").text


def test_filters_select_runs_actions_and_plots(board: StatusBoard, diary: JournalRecorder) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1), make_action_result(Verb.ADD, 2)))
    diary.record(make_read_instance(make_action_result(Verb.UPDATE, 3), name="box"))
    box = read_page(board, diary, "?instance=box")
    assert "1 changed" in box.text and "2 added" not in box.text and "1 action done." in box.text
    torrent = read_page(board, diary, f"?text={make_infohash(2)[:12]}&span=month")
    assert "1 added" in torrent.text and "t2" in torrent.text and "t1" not in torrent.text
    assert "plot-actions" in torrent.ids and "plot-drift" not in torrent.ids, "drift is that of instances"
    assert "No run matches. Clear the filters" in read_page(board, diary, "?text=nobody").text
    evil = read_page(board, diary, "?instance=%22%3E%3Cscript%3E&text=%22%3E%3Cb%3E&before=-1&run=x&page=9e9")
    assert "No run matches" in evil.text and "<b>" not in evil.html


def test_it_has_pages(board: StatusBoard, diary: JournalRecorder) -> None:
    for number in range(45):
        diary.record(make_read_instance(make_action_result(Verb.ADD, number)))
    query, seen = "", []
    for is_last in (False, False, True):
        page = read_page(board, diary, query)
        seen += re.findall(r' id="run-(\d+)"', page.html)
        assert ("plot-drift" in page.ids) is (query == "")
        assert ("Newest" in page.text) is (query != "")
        older = [link.removeprefix("./history") for link in page.links if link.startswith("./history?before=")]
        assert bool(older) is not is_last
        query = "".join(older)
    assert seen == [str(number) for number in range(45, 0, -1)]


def test_all_actions_of_a_large_run_can_be_reached(board: StatusBoard, diary: JournalRecorder) -> None:
    diary.record(make_read_instance(*(make_action_result(Verb.ADD, number) for number in range(450))))
    page = read_page(board, diary)
    assert len(page.html) < 60_000
    assert "All 450 actions" in page.text
    names = []
    for number in (1, 2, 3):
        page = read_page(board, diary, f"?run=1&page={number}")
        assert f"page {number} of 3" in page.text
        names += re.findall('<bdi class="name">(t[0-9]+)</bdi>', page.html)
    assert names == [f"t{number}" for number in range(450)]
    assert "This run is not in the journal" in read_page(board, diary, "?run=2", 404).text


def test_names_are_escaped(board: StatusBoard, diary: JournalRecorder) -> None:
    for name in (HOSTILE_NAME, "</table><script>alert(1)</script>", "{{ 7 * 7 }}", "'\"><a href=x>"):
        diary.record(make_read_instance(make_named(name), make_named(name, 2, Outcome.FAILED)))
    page = read_page(board, diary)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800]", page.html)
    assert "href=x" not in page.links and "{{ 7 * 7 }}" in page.text


def test_another_owner_is_named(board: StatusBoard, diary: JournalRecorder) -> None:
    diary.record(make_read_instance(make_action_result(Verb.ADD, 1)))
    assert "owner me" not in read_page(board, diary).text
    page = get_page(board, "/history", history=JournalHistory(diary.folder))
    assert "owner me" in page.text


def test_it_says_why_there_is_nothing(board: StatusBoard, diary: JournalRecorder) -> None:
    assert "keeps no journal" in get_page(board, "/history").text
    assert "--state-dir" in get_page(board, "/history").text
    assert "No run has changed anything yet" in read_page(board, diary).text
    board.on_run_end(make_finished_run(planned()))
    assert planned().mode is RunMode.DRY_RUN
    assert "This watch is a dry-run" in read_page(board, diary).text
    board.on_run_end(make_finished_run(converged()))
    assert "No run has changed anything yet" in read_page(board, diary).text


def test_a_damaged_journal_is_an_error_on_this_page_only(board: StatusBoard, diary: JournalRecorder) -> None:
    diary.folder.mkdir()
    (diary.folder / JOURNAL_FILE_NAME).write_bytes(b"no database" * 1000)
    text = read_page(board, diary).text
    assert "The history cannot be read" in text and "is damaged" in text and "safe to delete" in text
