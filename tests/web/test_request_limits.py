"""Requests that are too large, too many or too slow are refused, and others are still answered."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope
from structlog.testing import capture_logs

from reconciler.web import WebServer
from reconciler.web.background_server import BackgroundServer
from reconciler.web.request_limits import (
    MAX_BODY_BYTES,
    MAX_BURST,
    MAX_PEERS,
    MAX_UPLOAD_BYTES,
    PeerRate,
    RequestLimits,
    find_body_limit,
)
from tests.support.fake_time import FakeTime
from tests.support.status_site import StatusSite

MODULE = "reconciler.web.request_limits"
RELOAD = b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\n"


async def count_body(request: Request) -> Response:
    """Answer with the size of the body."""
    return PlainTextResponse(str(len(await request.body())))


def make_refusal(_scope: Scope, status: int, text: str) -> Response:
    """Return a refusal as text."""
    return PlainTextResponse(text, status)


@pytest.fixture
def counting_port() -> Iterator[int]:
    """Serves an application that reads bodies, and returns its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    routes = Starlette(routes=[Route("/", count_body, methods=["POST"])])
    server = WebServer(BackgroundServer(RequestLimits(routes, make_refusal)), listening, "127.0.0.1")
    yield server.port
    server.stop()


@contextmanager
def connect(site: StatusSite) -> Iterator[socket.socket]:
    """Open a connection to the server."""
    with socket.create_connection(("127.0.0.1", site.server.port), 10) as connection:
        yield connection


def read_to_end(connection: socket.socket) -> str:
    """Return all that the server sends until it closes the connection."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received.decode()


@pytest.mark.parametrize(
    "headers",
    [b"".join(b"X-%d: a\r\n" % number for number in range(100)), b"X: " + b"a" * 65536 + b"\r\n"],
    ids=["too many", "too long"],
)
def test_headers_have_a_limit(site: StatusSite, headers: bytes) -> None:
    with connect(site) as connection:
        connection.sendall(
            b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + b"\r\n"
        )
        assert connection.recv(12) == b"HTTP/1.1 431"


def test_headers_that_never_end_are_refused(site: StatusSite) -> None:
    with connect(site) as connection:
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nX: " + b"a" * (1 << 17))
        assert connection.recv(12) == b"HTTP/1.1 431"


def test_long_lists_of_infohashes_are_within_the_limits(site: StatusSite) -> None:
    assert site.request("/healthz/live?hashes=" + "|".join(["a" * 40] * 1500)).status == 200


def test_a_large_body_is_refused_before_it_is_read(site: StatusSite) -> None:
    with connect(site) as connection:
        connection.sendall(RELOAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
        answer = read_to_end(connection)
    assert answer.startswith("HTTP/1.1 413")
    assert "connection: close" in answer.lower()
    assert "The body of this request can have 1 MiB." in answer


def test_a_client_that_sends_on_still_reads_the_refusal(site: StatusSite) -> None:
    with connect(site) as connection:
        connection.sendall(RELOAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES * 3))
        connection.sendall(b"a" * (MAX_BODY_BYTES * 3))
        assert read_to_end(connection).startswith("HTTP/1.1 413")


@pytest.mark.parametrize(("chunks", "status"), [(16, "200 OK"), (17, "413")])
def test_chunks_are_counted(counting_port: int, chunks: int, status: str) -> None:
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", counting_port), 10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(chunk * chunks + (b"0\r\n\r\n" if status == "200 OK" else b""))
        connection.shutdown(socket.SHUT_WR)
        answer = read_to_end(connection)
    assert answer.startswith(f"HTTP/1.1 {status}")
    assert answer.endswith("\r\n1048576" if status == "200 OK" else "can have 1 MiB.")


def test_what_may_be_uploaded_is_larger() -> None:
    def limit(path: str, kind: bytes) -> int:
        return find_body_limit({"path": path, "headers": [(b"content-type", kind)]})

    assert limit("/api/v2/torrents/add", b"Multipart/form-data; boundary=b") == MAX_UPLOAD_BYTES > MAX_BODY_BYTES
    assert limit("/api/v2/torrents/add", b"application/x-www-form-urlencoded") == MAX_BODY_BYTES
    assert limit("/api/v2/torrents/delete", b"multipart/form-data; boundary=b") == MAX_BODY_BYTES


def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(site: StatusSite) -> None:
    with capture_logs() as logs:
        with connect(site) as connection:
            connection.sendall(RELOAD + b"Content-Length: 1000\r\n\r\nabc")
        assert site.request("/healthz/live").status == 200
    assert logs == []


def test_peer_has_a_burst_and_then_a_rate() -> None:
    time = FakeTime()
    rate = PeerRate(lambda: time.moment)
    with capture_logs() as logs:
        assert [rate.admit(("10.0.0.1", 1)) for _ in range(int(MAX_BURST) + 3)].count(False) == 3
    assert [line["client"] for line in logs] == ["10.0.0.1"], "one line an hour"
    assert rate.admit(("10.0.0.2", 1)), "another peer is not concerned"
    time.moment += 1
    assert [rate.admit(("10.0.0.1", 2)) for _ in range(300)].count(True) == 250


def test_hundred_requests_a_second_always_pass() -> None:
    time = FakeTime()
    rate = PeerRate(lambda: time.moment)
    for _ in range(5000):
        time.moment += 0.01
        assert rate.admit(("10.0.0.1", 1))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_an_ipv6_network_is_one_peer(one: str, other: str, is_same: bool) -> None:
    rate = PeerRate(lambda: 0.0)
    with capture_logs():
        while rate.admit((one, 1)):
            pass
        assert rate.admit((other, 1)) is not is_same


def test_memory_of_peers_is_bounded() -> None:
    rate = PeerRate(lambda: 0.0)
    for number in range(MAX_PEERS * 2):
        rate.admit((f"peer {number}", 1))
    assert len(rate._buckets) == MAX_PEERS


def test_too_many_requests_get_429_and_health_is_still_answered(
    site: StatusSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.MAX_BURST", 3.0)
    monkeypatch.setattr(f"{MODULE}.REQUESTS_PER_SECOND", 0.001)
    with capture_logs():
        statuses = [site.request("/api/v1/status").status for _ in range(3)]
        refused = site.request("/api/v1/status")
        assert (statuses, refused.status, refused.headers["retry-after"]) == ([200] * 3, 429, "1")
        assert refused.json["error"].startswith("Too many requests")
        assert site.request("/healthz/live").status == 200
