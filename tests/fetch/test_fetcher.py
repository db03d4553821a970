"""Many URLs: side by side, each once, and again only where there is hope."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from reconciler.fetch import Fetcher, fetcher
from reconciler.model.errors import StopRequested
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from tests.support.fake_time import FakeTime
from tests.support.torrents import make_torrent
from tests.support.web import FixedWebServer, WebHandler


@pytest.fixture
def web() -> Iterator[FixedWebServer]:
    with FixedWebServer() as server:
        yield server


def quick() -> Fetcher:
    """One that waits for nothing."""
    return Fetcher(clock=FakeTime().clock)


def file(found: TorrentFile | TorrentFileError) -> TorrentFile:
    """It was found."""
    assert isinstance(found, TorrentFile), found
    return found


def test_each_url_is_fetched_once_as_long_as_it_is_asked_for(web: FixedWebServer) -> None:
    web.answers = {f"/{n}": make_torrent(n) for n in range(30)}
    urls = [web.url_of(f"/{n}") for n in range(30)]
    fetch = quick()
    first = fetch(urls)
    assert [file(first[url]).name for url in urls] == [f"torrent-{n}" for n in range(30)]
    assert fetch(urls) == first
    assert len(web.requests) == 30
    assert [file(found).read_bytes() for found in first.values()] == [make_torrent(n) for n in range(30)]
    assert len(web.requests) == 30, "what was fetched for its identity is there for the add"
    fetch(urls[:29])
    fetch(urls)
    assert len(web.requests) == 31


def test_what_is_not_kept_is_fetched_again_when_it_is_added(
    web: FixedWebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "MAX_CACHED_BYTES", 2 * len(make_torrent(0)))
    web.answers = {f"/{n}": make_torrent(n) for n in range(5)}
    found = quick()([web.url_of(f"/{n}") for n in range(5)])
    assert [file(one).read_bytes() for one in found.values()] == [make_torrent(n) for n in range(5)]
    assert len(web.requests) == 5 + 3
    web.answers = {f"/{n}": make_torrent(n + 100) for n in range(5)}
    with pytest.raises(TorrentFileError, match="another torrent now"):
        file(found[web.url_of("/0")]).read_bytes()


def test_what_may_pass_is_tried_again(web: FixedWebServer) -> None:
    answers = iter([(503, b""), (429, b""), (200, make_torrent(1))])

    def flaky(handler: WebHandler) -> None:
        handler.send_answer(*next(answers))

    web.answers["/"] = flaky
    assert file(quick()([web.url_of()])[web.url_of()]).name == "torrent-1"
    assert web.count_requests("/") == 3


def test_what_lasts_is_not_tried_again(web: FixedWebServer) -> None:
    web.answers["/page"] = b"<html>"
    found = quick()([web.url_of("/gone"), web.url_of("/page")])
    messages = [str(error) for error in found.values()]
    assert messages[0] == f"127.0.0.1:{web.port} answered 404 Not Found"
    assert messages[1].endswith(
        "is no .torrent file that can be used: it is a web page, perhaps one that asks for a login"
    )
    assert all(isinstance(error, TorrentFileError) and error.remote for error in found.values())
    assert len(web.requests) == 2


def test_a_server_that_is_down_is_not_asked_for_every_file(web: FixedWebServer) -> None:
    web.answers = {f"/{n}": 503 for n in range(100)}
    found = quick()([web.url_of(f"/{n}") for n in range(100)])
    assert {str(error) for error in found.values()} == {f"127.0.0.1:{web.port} answered 503 Service Unavailable"}
    assert len(web.requests) <= 3 * fetcher.MAX_CONCURRENT_REQUESTS


def test_a_failure_is_forgotten(web: FixedWebServer) -> None:
    fetch = quick()
    assert isinstance(fetch([web.url_of()])[web.url_of()], TorrentFileError)
    web.answers["/"] = make_torrent(1)
    assert file(fetch([web.url_of()])[web.url_of()]).name == "torrent-1"


def test_patience_ends(web: FixedWebServer) -> None:
    web.answers["/"] = 503
    moments = count(0, 20)
    fetch = Fetcher(clock=replace(FakeTime().clock, now=lambda: float(next(moments))))
    assert isinstance(fetch([web.url_of()])[web.url_of()], TorrentFileError)
    assert web.count_requests("/") == 1


def test_it_can_be_stopped(web: FixedWebServer) -> None:
    stop = threading.Event()

    def last(handler: WebHandler) -> None:
        stop.set()
        handler.send_answer(503, b"")

    web.answers["/"] = last
    with pytest.raises(StopRequested):
        Fetcher(stop)([web.url_of()])
    assert web.count_requests("/") == 1
