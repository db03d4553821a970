"""One page shows all shards, and says which ones do not answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.web import StatusBoard
from reconciler.web.api import render_status_json
from reconciler.web.client import LoopStatus, parse_document
from reconciler.web.pages.fleet import Fleet, build_fleet, find_worse, judge_shards, list_shards
from reconciler.web.peers import NOT_ASKED_YET, Peer
from tests.support.catalogues import StubPeers
from tests.support.example_runs import converged, refused
from tests.support.fake_time import FakeTime
from tests.support.html_pages import HtmlPage, get_page
from tests.support.status_site import NOON, make_finished_run


def make_board(shard: str = "") -> StatusBoard:
    board = StatusBoard(60.0, clock=FakeTime(start=NOON).clock, shard=shard)
    board.on_run_end(make_finished_run(converged()))
    return board


def make_peer(shard: str | None = "1/3", *, is_refused: bool = False, reason: str = "") -> Peer:
    board = make_board(shard or "")
    if is_refused:
        board.on_run_end(make_finished_run(refused()))
    status = parse_document(render_status_json(board.get_view()), LoopStatus)
    return Peer(f"http://peer-{shard}:9470", status, reason=reason, answered_at=NOON)


def build(board: StatusBoard, *peers: Peer) -> Fleet:
    fleet = build_fleet(board.get_view(), peers, {})
    assert fleet
    return fleet


def show(board: StatusBoard, *peers: Peer) -> HtmlPage:
    return get_page(board, peers=StubPeers(peers))


def test_a_process_without_shards_and_peers_shows_no_fleet() -> None:
    assert build_fleet(make_board().get_view(), (), {}) is None
    assert judge_shards(make_board().get_view(), ()).headline == "In sync"
    assert "Shards" not in show(make_board()).html


def test_a_shard_without_peers_says_how_to_see_the_others() -> None:
    page = show(make_board("0/3"))
    assert "This page is about shard 0/3 only. Name the others with --peer to see" in page.text


@pytest.mark.parametrize(
    ("peers", "headline", "tone"),
    [
        ((make_peer("1/3"), make_peer("2/3")), "In sync", "good"),
        ((make_peer("1/3"), make_peer("2/3", is_refused=True)), "Shard 2/3: Refused by the guard", "bad"),
        ((make_peer("1/3"), make_peer("2/3", reason="no answer")), "Shard 2/3: does not answer", "bad"),
        ((make_peer("1/3"),), "Shard 2/3: does not answer", "bad"),
        ((make_peer("1/3"), Peer("http://x")), "http://x: has not answered yet", "wait"),
        ((make_peer("1/3"), Peer("http://x", reason="refused")), "http://x: does not answer", "bad"),
    ],
)
def test_the_verdict_is_that_of_the_worst_shard(peers: tuple[Peer, ...], headline: str, tone: str) -> None:
    board = make_board("0/3")
    verdict = judge_shards(board.get_view(), list_shards(board.get_view(), peers))
    assert (verdict.headline, verdict.tone) == (headline, tone)
    assert headline in show(board, *peers).html


def test_the_own_verdict_counts_where_no_other_is_worse() -> None:
    board = make_board("0/2")
    board.on_run_end(make_finished_run(refused()))
    shards = list_shards(board.get_view(), [make_peer("1/2", is_refused=True)])
    assert find_worse(shards) is None
    assert judge_shards(board.get_view(), shards).headline == "Refused by the guard"


def test_nothing_is_claimed_of_the_instances_of_a_shard_that_does_not_answer() -> None:
    page = show(make_board("0/2"), make_peer("1/2", reason="connection refused"))
    assert "not known; last: in sync" in page.html
    assert "connection refused" in page.html
    assert "See if that process runs" in page.html


def test_two_processes_of_one_shard_are_both_shown() -> None:
    twins = replace(make_peer("1/2"), url="http://a"), replace(make_peer("1/2"), url="http://b")
    assert [shard.link for shard in build(make_board("0/2"), *twins).shards] == ["", "http://a", "http://b"]


def test_a_peer_that_is_being_asked_hides_no_missing_shard_for_long() -> None:
    names = [shard.name for shard in build(make_board("0/3"), Peer("http://x", reason=NOT_ASKED_YET)).shards]
    assert names == ["Shard 0/3", "http://x"]


def test_the_head_says_what_the_page_explains_although_a_shard_answers_in_between() -> None:
    answers = [(make_peer("1/2", reason="no answer"),), (make_peer("1/2"),)]

    class ChangingPeers(StubPeers):
        def read(self) -> tuple[Peer, ...]:
            return answers.pop(0)

    page = get_page(make_board("0/2"), peers=ChangingPeers())
    assert page.html.count("Shard 1/2: does not answer") == 3
    assert "Shard 1/2 does not answer: no answer." in page.text
