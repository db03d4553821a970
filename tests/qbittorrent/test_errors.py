"""Failures of the network, a proxy or the server, and the errors that they become."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import (
    BrokenResponseError,
    InstanceError,
    RejectedError,
    RequestTooLargeError,
    ResponseTimeoutError,
    ServerFaultError,
    StopRequested,
    UnexpectedReplyError,
    UnreachableError,
)
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.support.instances import QBITTORRENT_ANSWERS, make_instance, serve_stub, text_answer, wait_for_endpoints
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import (
    Fault,
    Proxy,
    answer_with_status,
    cut_answer,
    hang_after,
    hang_before,
    reset_after,
    reset_before,
)
from tests.support.raw import RawClient

MakeProxy = Callable[..., Proxy]

FAULTS: dict[str, tuple[Fault, type[InstanceError]]] = {
    "cut at the start": (cut_answer(0.0), BrokenResponseError),
    "cut in the middle": (cut_answer(0.5), BrokenResponseError),
    "cut near the end": (cut_answer(0.99), BrokenResponseError),
    "hang": (hang_before(60), ResponseTimeoutError),
    "answer never arrives": (hang_after(60), ResponseTimeoutError),
    "reset": (reset_before, BrokenResponseError),
    "reset after": (reset_after, BrokenResponseError),
    "502": (answer_with_status(502, "<html>bad gateway"), ServerFaultError),
    "503": (answer_with_status(503), ServerFaultError),
    "500": (answer_with_status(500, "oops", "text/plain"), ServerFaultError),
    "429": (answer_with_status(429), ServerFaultError),
    "empty": (answer_with_status(200, "", "application/json"), BrokenResponseError),
    "blank": (answer_with_status(200, " ", "application/json"), BrokenResponseError),
    "garbled": (answer_with_status(200, "[{]", "application/json"), BrokenResponseError),
    "more": (answer_with_status(200, "[]]", "application/json"), BrokenResponseError),
    "a page": (answer_with_status(200, "<html>Please sign in"), UnexpectedReplyError),
    "404": (answer_with_status(404), RejectedError),
    "413": (answer_with_status(413, "too large", "text/plain"), RequestTooLargeError),
}


def _read_timeout(fault: str) -> float:
    """Return a short timeout in seconds where a fault ends with it, and a long one where a slow machine must not."""
    return 1.0 if FAULTS[fault][1] is ResponseTimeoutError else 60.0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_read_raises_after_one_request(
    any_server: QbittorrentServer, make_proxy: MakeProxy, fault: str
) -> None:
    RawClient(any_server).add_magnets(map(make_magnet, range(30)))
    proxy = make_proxy(any_server)
    proxy_fault, kind = FAULTS[fault]
    with Session(make_instance(proxy, any_server, read_timeout=_read_timeout(fault))) as session:
        for number, endpoint in enumerate(("torrents/info", "torrents/categories")):
            wait_for_endpoints(proxy, 3 - 2 * number)
            proxy.clear()
            proxy.add_fault(endpoint, proxy_fault)
            with pytest.raises(kind, match=r"seedbox: .*" + endpoint) as error:
                session.read_snapshot()
            assert type(error.value) is kind
            assert error.value.transient == (kind not in (UnexpectedReplyError, RejectedError, RequestTooLargeError))
            assert wait_for_endpoints(proxy, number + 1).count(endpoint) == 1
        assert len(session.read_snapshot().torrents) == 30


@pytest.mark.parametrize("fault", ["hang", "answer never arrives", "reset", "reset after", "500", "502", "429"])
def test_a_failed_mutation_is_sent_once_and_has_an_unknown_outcome(
    any_server: QbittorrentServer, make_proxy: MakeProxy, fault: str
) -> None:
    raw, proxy = RawClient(any_server), make_proxy(any_server)
    raw.add_magnets([make_magnet(1)])
    proxy_fault, kind = FAULTS[fault]
    with Session(make_instance(proxy, any_server, read_timeout=_read_timeout(fault))) as session:
        proxy.add_fault("torrents/addTags", proxy_fault)
        with pytest.raises(kind) as error:
            session.add_tags([make_infohash(1)], ["x"])
        assert error.value.unknown_outcome
    assert wait_for_endpoints(proxy, 5).count("torrents/addTags") == 1
    assert (raw.read_torrent(1)["tags"] == {"x"}) == (fault in ("answer never arrives", "reset after"))


def test_a_server_that_is_down_or_unknown_is_unreachable(any_server: QbittorrentServer) -> None:
    with Session(make_instance(any_server)) as session:
        any_server.kill()
        with pytest.raises(
            UnreachableError, match=r"no connection to http://127\.0\.0\.1:\d+\. Is qBittorrent"
        ) as error:
            session.read_snapshot()
    assert error.value.transient
    assert not error.value.unknown_outcome
    with pytest.raises(UnreachableError, match=r"host name in http://nowhere.invalid:8080 cannot be resolved"):
        Session(make_instance("http://nowhere.invalid:8080/")).open()


def test_a_host_that_does_not_take_connections_is_unreachable() -> None:
    with socket.socket() as full:  # its queue holds one connection, which is never accepted
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), pytest.raises(UnreachableError, match="in time"):
            Session(make_instance(f"http://127.0.0.1:{address[1]}", connect_timeout=0.3)).open()


def test_an_http_proxy_of_the_environment_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(UnreachableError, match=r"HTTP_PROXY.*NO_PROXY"):
        Session(make_instance("http://127.0.0.1:8")).open()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", ["length", "hang up"])
def test_a_truncated_list_is_an_error(packed: bool, ending: str) -> None:
    body = b"[" + b" " * 5000 + b"]"
    whole = gzip.compress(body) if packed else body
    data = len(whole) - 8 * packed  # gzip ends in 8 bytes that are not data
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip" if packed else ""}
    headers["Content-Length"] = str(len(whole)) if ending == "length" else ""
    headers["Connection"] = "close"
    for kept in (0, 1, data // 2, data - 1):
        answer = 200, {**headers, "Content-Length": headers["Content-Length"] or "-"}, whole[:kept]
        with (
            serve_stub({**QBITTORRENT_ANSWERS, "torrents/info": answer}) as url,
            Session(make_instance(url)) as session,
        ):
            _assert_raises(session.read_snapshot, BrokenResponseError)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "not found.*base path"),
        ({"app/version": (200, {"Content-Type": "text/html"}, b"<html>router")}, "web page"),
        ({"app/version": text_answer("hello")}, "did not give a version"),
        ({"app/version": text_answer("")}, "did not give a version"),
        ({"app/version": text_answer("v5.1.0"), "app/webapiVersion": text_answer("new")}, "did not give a version"),
        (
            {"app/version": (302, {"Location": "https://sso.example/login?rd=secret"}, b"")},
            "https://sso.example/login",
        ),
        ({"app/version": (301, {"Location": "https://127.0.0.1/qbt/api"}, b"")}, "https://127.0.0.1/qbt/api"),
        ({"app/version": (401, {"WWW-Authenticate": "Basic"}, b"<html>")}, "401 .* proxy"),
        ({"app/version": (401, {}, b"Unauthorized")}, "does not accept the host name or port"),
        ({"app/version": (418, {}, b"")}, "418"),
    ],
)
def test_the_error_says_if_it_is_not_qbittorrent(
    answers: dict[str, tuple[int, dict[str, str], bytes]], says: str
) -> None:
    with serve_stub(answers) as url:
        with pytest.raises(InstanceError, match=says) as error:
            Session(make_instance(url)).open()
        assert "secret" not in str(error.value)
        assert not error.value.transient


@pytest.mark.parametrize("reply", ["", "hello", "Fails", "ok."])
def test_an_unexpected_login_reply_is_no_login(reply: str) -> None:
    with serve_stub({**QBITTORRENT_ANSWERS, "auth/login": text_answer(reply)}) as url:
        session = Session(make_instance(url, username="admin", password=Secret("x")))
        with pytest.raises(InstanceError, match="did not answer as qBittorrent does"):
            session.open()


def test_a_refusal_has_the_reason_of_qbittorrent(server: QbittorrentServer) -> None:
    with Session(make_instance(server)) as session:
        with pytest.raises(RejectedError, match=r"409 Conflict \(Incorrect category name\)") as error:
            session.create_category("a//b", "")
        assert (error.value.http_status, error.value.transient) == (409, False)


def test_a_refusal_of_the_folder_is_no_lost_login() -> None:
    # qBittorrent <= 4.5.0 answers 403 for a folder that it cannot write
    answers = {**QBITTORRENT_ANSWERS, "torrents/setLocation": text_answer("Cannot write to directory", 403)}
    with serve_stub(answers) as url, Session(make_instance(url, username="admin", password=Secret("x"))) as session:
        with pytest.raises(RejectedError, match="Cannot write to directory"):
            session.set_location([make_infohash(1)], "/root")
        assert session.request_count == 4


def test_a_stopped_run_sends_only_its_logout(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy, stop = make_proxy(any_server), threading.Event()
    with Session(make_instance(proxy, any_server), stop=stop) as session:
        stop.set()
        wait_for_endpoints(proxy, 3)
        proxy.clear()
        options = AddOptions(stopped=True, auto_tmm=False)
        for call in (session.read_snapshot, session.open, lambda: session.add_magnets([make_magnet(1)], options)):
            with pytest.raises(StopRequested):
                call()
    assert wait_for_endpoints(proxy, 1) == ["auth/logout"]


def test_closing_never_raises_and_does_not_wait_for_long(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server)
    for fault in (hang_before(20), answer_with_status(500), reset_before, cut_answer()):
        session = Session(make_instance(proxy, any_server))
        session.open()
        proxy.add_fault("auth/logout", fault)
        session.close()
        session.close()
    Session(make_instance("http://127.0.0.1:1")).close()


def _assert_raises(call: Callable[[], object], kind: type[InstanceError]) -> None:
    with pytest.raises(kind):
        call()


def test_messages_show_the_base_path_without_the_key_of_a_proxy() -> None:
    with serve_stub({}) as url:
        key = "8f14e45fceea167a5a36dedd4bea2543"
        with pytest.raises(InstanceError, match=r"auth/login at http://127\S+/wrong/path was not found") as error:
            Session(make_instance(f"{url}/wrong/path/", username="a", password=Secret("b"))).open()
        assert error.value.transient is False
        with pytest.raises(InstanceError, match=r"at http://127\S+/proxy/\*\*\* was not found") as error:
            Session(make_instance(f"{url}/proxy/{key}", username="a", password=Secret("b"))).open()
    assert key not in str(error.value)


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("https://auth.example/?rd=x", "looks like a login page. Let requests below /api/v2/ pass it"),
        ("/outpost/sso/start", "looks like a login page"),
        ("https://seedbox.example/qbt/", "Give `url` as the address that finally answers"),
    ],
)
def test_a_login_page_before_qbittorrent_is_recognized(location: str, text: str) -> None:
    with (
        serve_stub({"auth/login": (302, {"Location": location}, b"")}) as url,
        pytest.raises(InstanceError, match=text),
    ):
        Session(make_instance(url, username="a", password=Secret("b"))).open()


def test_a_server_that_wants_tls_is_recognized() -> None:
    page = b"<html><title>400 The plain HTTP request was sent to HTTPS port</title>"
    with (
        serve_stub({"auth/login": (400, {"Content-Type": "text/html"}, page)}) as url,
        pytest.raises(InstanceError, match=r"wants TLS\. `url` must begin with https://"),
    ):
        Session(make_instance(url, username="a", password=Secret("b"))).open()
