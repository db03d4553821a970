"""Many URLs: concurrently, each once, with retries only after transient failures."""

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


def make_fetcher() -> Fetcher:
    """Return a fetcher that never waits."""
    return Fetcher(clock=FakeTime().clock)


def check_file(result: TorrentFile | TorrentFileError) -> TorrentFile:
    """Return the file; fail the test for an error."""
    assert isinstance(result, TorrentFile), result
    return result


def test_each_url_is_fetched_once_while_it_is_requested(web: FixedWebServer) -> None:
    web.answers = {f"/{n}": make_torrent(n) for n in range(30)}
    urls = [web.url_of(f"/{n}") for n in range(30)]
    fetch = make_fetcher()
    first = fetch(urls)
    assert [check_file(first[url]).name for url in urls] == [f"torrent-{n}" for n in range(30)]
    assert fetch(urls) == first
    assert len(web.requests) == 30
    assert [check_file(result).read_bytes() for result in first.values()] == [make_torrent(n) for n in range(30)]
    assert len(web.requests) == 30, "a file that was fetched to identify it is cached for the add"
    fetch(urls[:29])
    fetch(urls)
    assert len(web.requests) == 31


def test_a_file_that_is_not_cached_is_fetched_again_for_the_add(
    web: FixedWebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "MAX_CACHED_BYTES", 2 * len(make_torrent(0)))
    web.answers = {f"/{n}": make_torrent(n) for n in range(5)}
    results = make_fetcher()([web.url_of(f"/{n}") for n in range(5)])
    assert [check_file(result).read_bytes() for result in results.values()] == [make_torrent(n) for n in range(5)]
    assert len(web.requests) == 5 + 3
    web.answers = {f"/{n}": make_torrent(n + 100) for n in range(5)}
    with pytest.raises(TorrentFileError, match="is now another torrent"):
        check_file(results[web.url_of("/0")]).read_bytes()


def test_a_transient_failure_is_retried(web: FixedWebServer) -> None:
    answers = iter([(503, b""), (429, b""), (200, make_torrent(1))])

    def flaky(handler: WebHandler) -> None:
        handler.send_answer(*next(answers))

    web.answers["/"] = flaky
    assert check_file(make_fetcher()([web.url_of()])[web.url_of()]).name == "torrent-1"
    assert web.count_requests("/") == 3


def test_a_permanent_failure_is_not_retried(web: FixedWebServer) -> None:
    web.answers["/page"] = b"<html>"
    results = make_fetcher()([web.url_of("/gone"), web.url_of("/page")])
    messages = [str(error) for error in results.values()]
    assert messages[0] == f"127.0.0.1:{web.port} answered 404 Not Found"
    assert messages[1].endswith(
        "is no .torrent file that can be used: it is a web page, perhaps one that asks for a login"
    )
    assert all(isinstance(error, TorrentFileError) and error.remote for error in results.values())
    assert len(web.requests) == 2


def test_a_server_that_is_down_gets_few_requests(web: FixedWebServer) -> None:
    web.answers = {f"/{n}": 503 for n in range(100)}
    results = make_fetcher()([web.url_of(f"/{n}") for n in range(100)])
    assert {str(error) for error in results.values()} == {f"127.0.0.1:{web.port} answered 503 Service Unavailable"}
    assert len(web.requests) <= 3 * fetcher.MAX_CONCURRENT_REQUESTS


def test_a_failure_is_forgotten(web: FixedWebServer) -> None:
    fetch = make_fetcher()
    assert isinstance(fetch([web.url_of()])[web.url_of()], TorrentFileError)
    web.answers["/"] = make_torrent(1)
    assert check_file(fetch([web.url_of()])[web.url_of()]).name == "torrent-1"


def test_retries_end_after_the_window(web: FixedWebServer) -> None:
    web.answers["/"] = 503
    moments = count(0, 20)
    fetch = Fetcher(clock=replace(FakeTime().clock, now=lambda: float(next(moments))))
    assert isinstance(fetch([web.url_of()])[web.url_of()], TorrentFileError)
    assert web.count_requests("/") == 1


def test_it_can_be_stopped(web: FixedWebServer) -> None:
    stop = threading.Event()

    def stop_and_fail(handler: WebHandler) -> None:
        stop.set()
        handler.send_answer(503, b"")

    web.answers["/"] = stop_and_fail
    with pytest.raises(StopRequested):
        Fetcher(stop)([web.url_of()])
    assert web.count_requests("/") == 1
