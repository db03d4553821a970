"""Many URLs: concurrently, each once, with retries only after transient failures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.fetch import Fetcher, TorrentStore, fetcher
from reconciler.model.errors import StopRequested
from reconciler.model.magnet import parse_magnet
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile, TorrentFileError
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


def check_file(fetched: FetchedTorrent) -> TorrentFile:
    """Return the file; fail the test for an error."""
    assert isinstance(fetched.source, TorrentFile) and fetched.error is None, fetched
    return fetched.source


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
    assert sum(map(_is_now_another_torrent, results.values())) == 3  # the first to arrive


def _is_now_another_torrent(result: FetchedTorrent) -> bool:
    try:
        check_file(result).read_bytes()
    except TorrentFileError as error:
        return "is now another torrent" in str(error)
    return False


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
    messages = [str(fetched.error) for fetched in results.values()]
    assert messages[0] == f"127.0.0.1:{web.port} answered 404 Not Found"
    assert messages[1].endswith(
        "is no .torrent file that can be used: it is a web page, perhaps one that asks for a login"
    )
    assert all(fetched.source is None for fetched in results.values())
    assert len(web.requests) == 2


def test_a_server_that_is_down_gets_few_requests(web: FixedWebServer) -> None:
    web.answers = {f"/{n}": 503 for n in range(100)}
    results = make_fetcher()([web.url_of(f"/{n}") for n in range(100)])
    messages = {str(fetched.error) for fetched in results.values()}
    address = f"127.0.0.1:{web.port}"
    assert f"{address} answered 503 Service Unavailable" in messages
    assert all(text.endswith("503 Service Unavailable") or "other torrents" in text for text in messages)
    assert len(web.requests) <= 3 * (fetcher.MAX_CONCURRENT_REQUESTS + fetcher.MAX_FAILURES)


def test_one_dead_url_of_a_server_does_not_cost_the_others(web: FixedWebServer) -> None:
    web.answers = {f"/{n}": 503 if n < 3 else make_torrent(n) for n in range(30)}
    urls = [web.url_of(f"/{n}") for n in range(30)]
    results = make_fetcher()(urls)
    assert [url for url in urls if results[url].source is None] == urls[:3]


def test_a_failure_is_tried_again_on_request(web: FixedWebServer) -> None:
    fetch, url = make_fetcher(), web.url_of()
    assert fetch([url])[url].source is None
    assert not fetch.retry_failed()
    web.answers["/"] = make_torrent(1)
    assert fetch([url])[url].source is None
    assert len(web.requests) == 2
    assert fetch.retry_failed()
    assert check_file(fetch([url])[url]).name == "torrent-1"
    assert not fetch.retry_failed()
    assert len(web.requests) == 3


MAGNET = "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel&tr=http%3A%2F%2Ft.example%2Fs3cr3t"


def test_a_url_may_lead_to_a_magnet_link(web: FixedWebServer) -> None:
    web.answers = {"/redirect": MAGNET, "/body": f"{MAGNET}\n".encode(), "/bad": "magnet:?dn=s3cr3t"}
    urls = [web.url_of(path) for path in web.answers]
    results = make_fetcher()(urls)
    assert [results[url].source for url in urls] == [parse_magnet(MAGNET), parse_magnet(MAGNET), None]
    assert "leads to a magnet link that cannot be used: it identifies no torrent" in str(results[urls[2]].error)
    assert "s3cr3t" not in repr(results)


def make_store(folder: Path, *, read_only: bool = False) -> TorrentStore:
    """Return a store that must not warn."""
    return TorrentStore(folder / "fetched", pytest.fail, read_only=read_only)


@pytest.mark.parametrize("answer", [make_torrent(1), MAGNET])
def test_what_was_fetched_once_is_known(web: FixedWebServer, tmp_path: Path, answer: bytes | str) -> None:
    web.answers["/"] = answer
    url = web.url_of("/?passkey=s3cr3t")
    first = Fetcher(clock=FakeTime().clock, store=make_store(tmp_path))([url])[url]
    for failure in (404, 503, b"<html><form>login</form></html>", 401):
        web.answers["/"] = failure
        web.requests.clear()
        again = Fetcher(clock=FakeTime().clock, store=make_store(tmp_path, read_only=True))([url])[url]
        assert again.source == first.source and again.error is not None
        assert len(web.requests) == 1, "one attempt is enough where a copy is kept"
    if isinstance(again.source, TorrentFile):
        web.requests.clear()
        assert again.source.read_bytes() == answer
        assert web.requests == []
    web.answers["/"] = make_torrent(2)
    assert check_file(Fetcher(store=make_store(tmp_path))([url])[url]).name == "torrent-2"
    assert not any("s3cr3t" in path.name for path in (tmp_path / "fetched").iterdir())


def test_another_url_of_a_server_with_a_copy_still_gets_every_attempt(web: FixedWebServer, tmp_path: Path) -> None:
    web.answers = {"/1": make_torrent(1)}
    make_store(tmp_path).save(web.url_of("/1"), make_torrent(1))
    answers = iter([(503, b""), (200, make_torrent(2))])
    web.answers = {"/1": 503, "/2": lambda handler: handler.send_answer(*next(answers))}
    fetch = Fetcher(clock=FakeTime().clock, store=make_store(tmp_path))
    results = fetch([web.url_of("/1"), web.url_of("/2")])
    assert all(fetched.source for fetched in results.values())


def test_a_call_has_only_so_much_patience(web: FixedWebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MAX_CONCURRENT_REQUESTS", 1)
    monkeypatch.setattr(fetcher, "MAX_CONCURRENT_SERVERS", 1)
    time = FakeTime()

    def slow(handler: WebHandler) -> None:
        time.pass_(10)
        handler.send_answer(200, make_torrent(int(handler.path[1:])))

    web.answers = {f"/{n}": slow for n in range(8)}
    fetch, urls = Fetcher(clock=time.clock, patience=10), [web.url_of(f"/{n}") for n in range(8)]
    errors = [str(fetched.error) for fetched in fetch(urls).values() if fetched.source is None]
    assert errors == ["other downloads took too long; it is tried again soon"] * 7
    assert fetch.retry_failed()
    assert all(fetched.source for fetched in fetch(urls).values())


@pytest.mark.timeout(20)
def test_an_answer_that_never_ends_is_abandoned(web: FixedWebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "URL_TIMEOUT", 0.5)
    stopped = threading.Event()

    def drip_headers(handler: WebHandler) -> None:
        while not stopped.wait(0.05):
            handler.wfile.write(b"H")

    web.answers = {"/": drip_headers}
    fetched = Fetcher()([web.url_of()])[web.url_of()]
    stopped.set()
    assert fetched.source is None
    assert str(fetched.error) == f"127.0.0.1:{web.port} did not answer in time"


def test_retries_end_after_the_window(web: FixedWebServer) -> None:
    time = FakeTime()

    def fail_late(handler: WebHandler) -> None:
        time.pass_(fetcher.RETRY_WINDOW + 1)
        handler.send_error(503)

    web.answers["/"] = fail_late
    fetch = Fetcher(clock=time.clock)
    assert fetch([web.url_of()])[web.url_of()].source is None
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
