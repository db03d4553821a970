"""The overview: its texts, and that no name in it becomes markup."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired import load
from reconciler.model.desired import DesiredState
from reconciler.model.groups import PendingTorrent
from reconciler.model.plan import Change, Outcome, Verb
from reconciler.model.position import Excerpt, Position, Problem
from reconciler.model.rows import InstanceRows
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.web import StatusBoard, WebContext
from reconciler.web.app import make_app
from reconciler.web.loop_view import LoopView
from reconciler.web.pages.overview import OverviewDigest, build_digest
from tests.support.asgi_calls import call_app
from tests.support.example_runs import (
    HOSTILE_NAME,
    PLAN_HASH,
    SHORT_CASES,
    applied,
    converged,
    faulty,
    make_instance_result,
    make_position,
    make_torrent_action,
    mass,
    placed,
    planned,
    refused,
)
from tests.support.examples import run_examples
from tests.support.fake_time import FakeTime
from tests.support.html_pages import HtmlPage, get_context_page, get_page
from tests.support.magnets import make_infohash
from tests.support.service_calls import FixedRows
from tests.support.status_site import BACKOFF, NOON, PROBLEM, make_finished_run

DESIRED = """\
version: 1
policy: upsert
instances:
  home: {url: "http://home:8080/qbt/"}
  attic: {url: "http://attic:8080"}
defaults: {instance: home}
"""
HOME_DOWN = InstanceResult("home", Status.UNREACHABLE, "home: no connection")
TRIES = [HOSTILE_NAME, "</style><script>alert(1)</script>", "{{ 7 * 7 }}", "'\"><a href=x>"]


@pytest.fixture
def desired(tmp_path: Path) -> DesiredState:
    """`home` and `attic`."""
    file = tmp_path / "desired.yaml"
    file.write_text(DESIRED, encoding="utf-8")
    return load([file], {})


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


@pytest.mark.parametrize("case", SHORT_CASES)
def test_every_run_makes_a_whole_page(board: StatusBoard, case: str) -> None:
    assert not after(board, SHORT_CASES[case]()).foreign_links
    assert get_page(board).ids


def test_before_any_run(board: StatusBoard) -> None:
    page = get_page(board)
    assert "Starting No run has ended yet. Wait for the first run." in page.text
    assert "No instance has been read yet." in page.text


def test_the_order_is_that_of_urgency(board: StatusBoard) -> None:
    ids = after(board, planned(), problems=(PROBLEM,), waiting={"attic": BACKOFF}).ids
    order = ["verdict", "needs", "problems", "down-attic", "blocked", "differences", "instances", "runs", "warnings"]
    assert [name for name in ids if name in order] == order


def test_invalid_files_are_shown_with_what_is_in_force(
    board: StatusBoard, time: FakeTime, desired: DesiredState
) -> None:
    board.on_run_start(desired)
    board.on_run_end(make_finished_run(converged()))
    excerpt = Excerpt("    ", "pausd", ": true")
    text = after(board, converged(), problems=(replace(PROBLEM, excerpt=excerpt),)).text
    assert (
        "The desired state is invalid 1 problem in the files; the desired state from before them stays in force."
        in text
    )
    assert (
        "In force is the last valid desired state, followed since 2026-01-02 12:00:00 UTC : 0 torrents, 2 instances"
        in text
    )
    assert 'desired.yaml:12:5 E030 unknown key "pausd". Did you mean "paused"?' in text
    assert "12 pausd : true" in text


def test_an_instance_that_is_down_shows_no_zero(board: StatusBoard, time: FakeTime) -> None:
    time.moment = 10
    page = after(board, planned(), waiting={"attic": BACKOFF})
    assert "attic: unreachable" in page.text
    assert "no connection to http://attic:8080: connection refused Next try in a minute ." in page.text
    assert "reconcile doctor --instance attic" in page.text
    cells = page.text[page.text.index("Read, and next attic") :].partition("home")[0]
    assert "unreachable for 9 seconds" in cells
    assert "no probes" not in cells
    assert "0" not in cells
    assert cells.count("not known") == 7


def test_refused_credentials_come_before_what_is_down(board: StatusBoard) -> None:
    waiting = {"attic": BACKOFF, "zoo": replace(BACKOFF, status=Status.AUTH_FAILED)}
    ids = after(board, converged(), waiting=waiting).ids
    assert ids.index("down-zoo") < ids.index("down-attic")
    assert "Next look in" in get_page(board).text


def test_a_refusal_names_its_approval(board: StatusBoard) -> None:
    page = after(board, refused())
    assert f"accept_plan: {PLAN_HASH}" in page.text
    assert "home : 12 deletions are more than max_delete 10" in page.text
    assert "12 × delete on home" in page.text
    assert "./plan" in page.links
    assert "accept_plan" not in after(board, converged()).text


def test_what_differs_and_why(board: StatusBoard) -> None:
    text = after(board, planned()).text
    assert "! 1 × update blocked on home its files are missing Cosmos Laundromat paused: true → false" in text
    assert "- 1 × delete on home ! with its data no longer declared older.iso" in text
    assert "desired.yaml:4:5 W001 the password stands in the file" in text


def test_only_the_torrents_of_others_are_no_sync(board: StatusBoard) -> None:
    page = after(board, Run(RunMode.APPLY, PLAN_HASH, 0, (make_instance_result("home", owned=0, foreign=8_000),)))
    assert "No torrent is managed 8,000 torrents on 1 instance, none of them declared or ours." in page.text
    assert "In sync" not in page.text
    assert "in sync" not in page.text


def test_many_changes_make_a_short_page(board: StatusBoard) -> None:
    page = after(board, mass(300))
    assert len(page.html) < 60_000
    assert "… and 2,080 more" in page.text


def test_free_space_and_rates_come_from_what_clients_have_read(board: StatusBoard, time: FakeTime) -> None:
    state = {"free_space_on_disk": 3 << 40, "dl_info_speed": 0, "up_info_speed": 5 << 20}
    rows = InstanceRows("home", server_state=state, is_read=True, read_at=NOON)
    board.on_run_end(make_finished_run(converged()))
    context = WebContext(board, is_public=True, rows=FixedRows({"home": rows}))
    text = HtmlPage(call_app(make_app(context, local_only=False), "GET", "/").text).text
    assert "3.0 TiB ↓ down 0 B/s ↑ up 5.0 MiB/s" in text


def test_the_address_of_an_instance_is_a_link(board: StatusBoard, desired: DesiredState) -> None:
    board.on_run_start(desired)
    assert after(board, converged()).foreign_links == ["http://attic:8080", "http://home:8080/qbt/"]


def test_the_last_change_stays(board: StatusBoard) -> None:
    board.on_run_end(make_finished_run(applied()))
    text = after(board, converged()).text
    assert re.search(r"The last change, .*: \d+ actions .*\+ 1 × added on home not on the instance Sintel", text)


def test_runs_alike_are_one_line(board: StatusBoard) -> None:
    for _ in range(3):
        board.on_run_end(make_finished_run(converged()))
    assert "nothing to do, 1,212 unchanged interval · 0.4 s · 3 runs alike since" in get_page(board).text


# None is "down", as the other instance is called. Few, but long, and in many places: a page takes most of the time
@run_examples(40)
@given(st.text(min_size=8, max_size=80) | st.text(min_size=1, max_size=3) | st.sampled_from(TRIES))
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
    assert "? 1 × pending on group resilient waits until 10:02:00 UTC: attic has it and is down since" in text


def test_a_pending_torrent_that_nothing_will_place_needs_a_person(board: StatusBoard) -> None:
    pending = PendingTorrent(make_infohash(1), "Sintel", "wide", "no member can take it", make_position(3))
    text = after(board, Run(RunMode.APPLY, PLAN_HASH, 1, (make_instance_result("home"),), pending=(pending,))).text
    assert "1 item cannot go on without a person: Sintel on group wide: no member can take it." in text
    assert "Needs you ? 1 × pending on group wide no member can take it Sintel" in text
    assert "Nothing to do" not in text


def test_code_in_a_sentence_is_code(board: StatusBoard) -> None:
    reason = "does `url` name <b>it</b>?"
    page = after(board, converged(), waiting={"attic": replace(BACKOFF, reason=reason)})
    assert 'does <code class="nowrap">url</code> name &lt;b&gt;it&lt;/b&gt;?' in page.html
    assert "`" not in page.text


def test_the_free_space_of_an_instance_that_is_down_has_an_age(board: StatusBoard, time: FakeTime) -> None:
    rows = InstanceRows("home", server_state={"free_space_on_disk": 3 << 40}, is_read=True, read_at=NOON)
    board.on_run_end(make_finished_run(converged()))
    time.moment = 600
    context = WebContext(board, rows=FixedRows({"home": rows}))
    assert "3.0 TiB ↓" in get_context_page(context, "/").text
    board.on_run_end(make_finished_run(Run(RunMode.APPLY, PLAN_HASH, 1, (HOME_DOWN,))))
    assert "3.0 TiB 10 minutes ago" in get_context_page(context, "/").text


def test_the_digest_is_made_when_the_run_ends_and_not_by_who_looks(
    board: StatusBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, threads = make_app(WebContext(board), local_only=True), []

    def build(view: LoopView) -> OverviewDigest:
        threads.append(threading.get_ident())
        return build_digest(view)

    monkeypatch.setattr("reconciler.web.pages.overview.build_digest", build)
    board.on_run_end(make_finished_run(mass(10)))
    assert threads == [threading.get_ident()]
    assert "to delete" in call_app(app, "GET", "/").text
    assert len(threads) == 1


def test_a_digest_that_cannot_be_made_does_not_stop_the_loop(
    board: StatusBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(WebContext(board), local_only=True)
    monkeypatch.setattr("reconciler.web.pages.overview.build_digest", lambda view: 1 / 0)
    board.on_run_end(make_finished_run(converged()))
    assert call_app(app, "GET", "/").status == 500
    assert call_app(app, "GET", "/plan").status == 200


def test_a_template_in_a_name_is_a_name(board: StatusBoard) -> None:
    assert "{{ 7 * 7 }}" in after(board, evil_everywhere("{{ 7 * 7 }}")).text


def test_torrents_that_do_not_work_are_shown(board: StatusBoard) -> None:
    text = after(board, faulty()).text
    assert "4 items cannot go on without a person, such as Sintel on attic: qBittorrent reports an error." in text
    assert "! 1 × does not work on attic qBittorrent reports an error Sintel" in text
    assert "in sync, with faults" in text
