"""What a network, a proxy or a server can do to a request, and which of our errors it becomes."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable

import pytest

from reconciler.demo.servers import Server
from reconciler.model.errors import (
    BrokenReply,
    InstanceError,
    Rejected,
    ServerFault,
    Stopped,
    TimedOut,
    TooLarge,
    Unreachable,
)
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.live.places import QBITTORRENT, instance, recorded, stub, text
from tests.support.magnets import infohash, magnet
from tests.support.proxy import Fault, Proxy, cut, hang, hang_after, reset_after, reset_before, status
from tests.support.raw import Raw

MakeProxy = Callable[..., Proxy]

FAULTS: dict[str, tuple[Fault, type[InstanceError]]] = {
    "cut at the start": (cut(0.0), BrokenReply),
    "cut in the middle": (cut(0.5), BrokenReply),
    "cut near the end": (cut(0.99), BrokenReply),
    "hang": (hang(2), TimedOut),
    "answer never arrives": (hang_after(2), TimedOut),
    "reset": (reset_before, BrokenReply),
    "reset after": (reset_after, BrokenReply),
    "502": (status(502, "<html>bad gateway"), ServerFault),
    "503": (status(503), ServerFault),
    "500": (status(500, "oops", "text/plain"), ServerFault),
    "429": (status(429), ServerFault),
    "empty": (status(200, "", "application/json"), BrokenReply),
    "blank": (status(200, " ", "application/json"), BrokenReply),
    "garbled": (status(200, "[{]", "application/json"), BrokenReply),
    "more": (status(200, "[]]", "application/json"), BrokenReply),
    "a page": (status(200, "<html>Please sign in"), InstanceError),
    "404": (status(404), Rejected),
    "413": (status(413, "too large", "text/plain"), TooLarge),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_that_fails_raises_once(any_server: Server, make_proxy: MakeProxy, fault: str) -> None:
    Raw(any_server).add(map(magnet, range(30)))
    proxy = make_proxy(any_server)
    what, kind = FAULTS[fault]
    with Session(instance(proxy, any_server, read_timeout=0.5)) as session:
        for number, endpoint in enumerate(("torrents/info", "torrents/categories")):
            recorded(proxy, 3 - 2 * number)
            proxy.clear()
            proxy.fail(endpoint, what)
            with pytest.raises(kind, match=r"seedbox: .*" + endpoint) as error:
                session.snapshot()
            assert type(error.value) is kind
            assert error.value.transient == (kind not in (InstanceError, Rejected, TooLarge))
            assert recorded(proxy, number + 1).count(endpoint) == 1
        assert len(session.snapshot().torrents) == 30


@pytest.mark.parametrize("fault", ["hang", "answer never arrives", "reset", "reset after", "500", "502", "429"])
def test_a_mutation_that_fails_is_sent_once_and_may_have_been_done(
    any_server: Server, make_proxy: MakeProxy, fault: str
) -> None:
    raw, proxy = Raw(any_server), make_proxy(any_server)
    raw.add([magnet(1)])
    what, kind = FAULTS[fault]
    with Session(instance(proxy, any_server, read_timeout=0.5)) as session:
        proxy.fail("torrents/addTags", what)
        with pytest.raises(kind) as error:
            session.add_tags([infohash(1)], ["x"])
        assert error.value.unknown_outcome
    assert recorded(proxy, 5).count("torrents/addTags") == 1
    assert (raw.torrent(1)["tags"] == {"x"}) == (fault in ("answer never arrives", "reset after"))


def test_a_server_that_is_down_or_unknown_is_unreachable(any_server: Server) -> None:
    with Session(instance(any_server)) as session:
        any_server.kill()
        with pytest.raises(Unreachable, match=r"no connection to http://127\.0\.0\.1:\d+\. Is qBittorrent") as error:
            session.snapshot()
    assert error.value.transient
    assert not error.value.unknown_outcome
    with pytest.raises(Unreachable, match=r"host name in http://nowhere.invalid:8080 cannot be resolved"):
        Session(instance("http://nowhere.invalid:8080/")).open()


def test_a_host_that_does_not_take_connections_is_unreachable() -> None:
    with socket.socket() as full:  # its queue holds one connection, and nobody takes it out
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), pytest.raises(Unreachable, match="in time"):
            Session(instance(f"http://127.0.0.1:{address[1]}", connect_timeout=0.3)).open()


def test_an_http_proxy_of_the_environment_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Unreachable, match=r"HTTP_PROXY.*NO_PROXY"):
        Session(instance("http://127.0.0.1:8")).open()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", ["length", "hang up"])
def test_a_truncated_list_is_never_taken_for_a_whole_one(packed: bool, ending: str) -> None:
    body = b"[" + b" " * 5000 + b"]"
    whole = gzip.compress(body) if packed else body
    data = len(whole) - 8 * packed  # gzip ends in 8 bytes that are not data
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip" if packed else ""}
    headers["Content-Length"] = str(len(whole)) if ending == "length" else ""
    headers["Connection"] = "close"
    for kept in (0, 1, data // 2, data - 1):
        answer = 200, {**headers, "Content-Length": headers["Content-Length"] or "-"}, whole[:kept]
        with stub({**QBITTORRENT, "torrents/info": answer}) as url, Session(instance(url)) as session:
            _fails(session.snapshot, BrokenReply)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "not found.*base path"),
        ({"app/version": (200, {"Content-Type": "text/html"}, b"<html>router")}, "web page"),
        ({"app/version": text("hello")}, "did not give a version"),
        ({"app/version": text("")}, "did not give a version"),
        ({"app/version": text("v5.1.0"), "app/webapiVersion": text("new")}, "did not give a version"),
        (
            {"app/version": (302, {"Location": "https://sso.example/login?rd=secret"}, b"")},
            "https://sso.example/login",
        ),
        ({"app/version": (301, {"Location": "https://127.0.0.1/qbt/api"}, b"")}, "https://127.0.0.1/qbt/api"),
        ({"app/version": (401, {"WWW-Authenticate": "Basic"}, b"<html>")}, "401"),
        ({"app/version": (418, {}, b"")}, "418"),
    ],
)
def test_what_is_not_qbittorrent_is_told_so(answers: dict[str, tuple[int, dict[str, str], bytes]], says: str) -> None:
    with stub(answers) as url:
        with pytest.raises(InstanceError, match=says) as error:
            Session(instance(url)).open()
        assert "secret" not in str(error.value)
        assert not error.value.transient


@pytest.mark.parametrize("reply", ["", "hello", "Fails", "ok."])
def test_a_login_that_answers_anything_else_is_no_login(reply: str) -> None:
    with stub({**QBITTORRENT, "auth/login": text(reply)}) as url:
        session = Session(instance(url, username="admin", password=Secret("x")))
        with pytest.raises(InstanceError, match="did not answer as qBittorrent does"):
            session.open()


def test_a_refusal_gives_the_reason_of_qbittorrent(server: Server) -> None:
    with Session(instance(server)) as session:
        with pytest.raises(Rejected, match=r"409 Conflict \(Incorrect category name\)") as error:
            session.create_category("a//b", "")
        assert (error.value.http_status, error.value.transient) == (409, False)


def test_a_refusal_of_the_folder_is_no_lost_login() -> None:
    # qBittorrent <= 4.5.0 answers 403 for a folder that it cannot write
    answers = {**QBITTORRENT, "torrents/setLocation": text("Cannot write to directory", 403)}
    with stub(answers) as url, Session(instance(url, username="admin", password=Secret("x"))) as session:
        with pytest.raises(Rejected, match="Cannot write to directory"):
            session.set_location([infohash(1)], "/root")
        assert session.requests == 4


def test_a_run_that_was_stopped_sends_nothing_more_but_its_logout(any_server: Server, make_proxy: MakeProxy) -> None:
    proxy, stop = make_proxy(any_server), threading.Event()
    with Session(instance(proxy, any_server), stop=stop) as session:
        stop.set()
        recorded(proxy, 3)
        proxy.clear()
        options = AddOptions(stopped=True, auto_tmm=False)
        for call in (session.snapshot, session.open, lambda: session.add([magnet(1)], options)):
            with pytest.raises(Stopped):
                call()
    assert recorded(proxy, 1) == ["auth/logout"]


def test_closing_never_raises_and_does_not_wait_for_long(any_server: Server, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server)
    for fault in (hang(20), status(500), reset_before, cut()):
        session = Session(instance(proxy, any_server))
        session.open()
        proxy.fail("auth/logout", fault)
        session.close()
        session.close()
    Session(instance("http://127.0.0.1:1")).close()


def _fails(call: Callable[[], object], kind: type[InstanceError]) -> None:
    with pytest.raises(kind):
        call()
