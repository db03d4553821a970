"""Many URLs: side by side, each once, and again only where there is hope."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from reconciler.fetch import Fetcher, fetcher
from reconciler.model.errors import Stopped
from reconciler.model.torrent_file import SourceError, TorrentFile
from tests.support.torrents import torrent
from tests.support.web import Handler, Web


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server


def quick(**options: object) -> Fetcher:
    """One that waits for nothing."""
    return Fetcher(random=lambda: 0.0, **options)  # type: ignore[arg-type]


def file(found: TorrentFile | SourceError) -> TorrentFile:
    """It was found."""
    assert isinstance(found, TorrentFile), found
    return found


def test_each_url_is_fetched_once_as_long_as_it_is_asked_for(web: Web) -> None:
    web.answers = {f"/{n}": torrent(n) for n in range(30)}
    urls = [web.url(f"/{n}") for n in range(30)]
    fetch = quick()
    first = fetch(urls)
    assert [file(first[url]).name for url in urls] == [f"torrent-{n}" for n in range(30)]
    assert fetch(urls) == first
    assert len(web.asked) == 30
    assert [file(found).content() for found in first.values()] == [torrent(n) for n in range(30)]
    assert len(web.asked) == 30, "what was fetched for its identity is there for the add"
    fetch(urls[:29])
    fetch(urls)
    assert len(web.asked) == 31


def test_what_is_not_kept_is_fetched_again_when_it_is_added(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "KEPT", 2 * len(torrent(0)))
    web.answers = {f"/{n}": torrent(n) for n in range(5)}
    found = quick()([web.url(f"/{n}") for n in range(5)])
    assert [file(one).content() for one in found.values()] == [torrent(n) for n in range(5)]
    assert len(web.asked) == 5 + 3
    web.answers = {f"/{n}": torrent(n + 100) for n in range(5)}
    with pytest.raises(SourceError, match="another torrent now"):
        file(found[web.url("/0")]).content()


def test_what_may_pass_is_tried_again(web: Web) -> None:
    answers = iter([(503, b""), (429, b""), (200, torrent(1))])

    def flaky(handler: Handler) -> None:
        handler.send(*next(answers))

    web.answers["/"] = flaky
    assert file(quick()([web.url()])[web.url()]).name == "torrent-1"
    assert web.count("/") == 3


def test_what_lasts_is_not_tried_again(web: Web) -> None:
    web.answers["/page"] = b"<html>"
    found = quick()([web.url("/gone"), web.url("/page")])
    messages = [str(error) for error in found.values()]
    assert messages[0] == f"127.0.0.1:{web.port} answered 404 Not Found"
    assert messages[1].endswith(
        "is no .torrent file that can be used: it is a web page, perhaps one that asks for a login"
    )
    assert all(isinstance(error, SourceError) and error.remote for error in found.values())
    assert len(web.asked) == 2


def test_a_server_that_is_down_is_not_asked_for_every_file(web: Web) -> None:
    web.answers = {f"/{n}": 503 for n in range(100)}
    found = quick()([web.url(f"/{n}") for n in range(100)])
    assert {str(error) for error in found.values()} == {f"127.0.0.1:{web.port} answered 503 Service Unavailable"}
    assert len(web.asked) <= 3 * fetcher.AT_A_TIME


def test_a_failure_is_forgotten(web: Web) -> None:
    fetch = quick()
    assert isinstance(fetch([web.url()])[web.url()], SourceError)
    web.answers["/"] = torrent(1)
    assert file(fetch([web.url()])[web.url()]).name == "torrent-1"


def test_patience_ends(web: Web) -> None:
    web.answers["/"] = 503
    moments = count(0, 20)
    fetch = quick(now=lambda: float(next(moments)))
    assert isinstance(fetch([web.url()])[web.url()], SourceError)
    assert web.count("/") == 1


def test_it_can_be_stopped(web: Web) -> None:
    stop = threading.Event()

    def last(handler: Handler) -> None:
        stop.set()
        handler.send(503, b"")

    web.answers["/"] = last
    with pytest.raises(Stopped):
        Fetcher(stop)([web.url()])
    assert web.count("/") == 1
