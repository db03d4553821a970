"""Clients that ask nothing, or take for ever, keep nobody out."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from reconciler.web.connection_limits import ConnectionLimits
from tests.support.example_runs import huge
from tests.support.status_site import MakeStatusSite, StatusSite, make_finished_run

MODULE = "reconciler.web.connection_limits"


@contextmanager
def half_sent_requests(site: StatusSite, count: int) -> Iterator[list[socket.socket]]:
    """Open connections, each with the first line of a request."""
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", site.server.port), 5)) for _ in range(count)
        ]
        for connection in connections:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        yield connections


def is_closed(connection: socket.socket, seconds: float = 5) -> bool:
    """True if the server closes the connection in that time."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_half_sent_requests_make_room_for_others_and_are_logged_once(
    make_site: MakeStatusSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.MAX_CONNECTIONS", 8)
    site = make_site()
    with capture_logs() as logs, half_sent_requests(site, 40) as connections:
        for _ in range(3):
            assert site.request("/healthz/live").status == 200
        assert sum(is_closed(connection, 0.2) for connection in connections[:-8]) == 32
        assert not is_closed(connections[-1], 0.1)
    assert [line["limit"] for line in logs if line["log_level"] == "warning"] == [8]


def test_a_request_whose_headers_do_not_arrive_is_ended(
    make_site: MakeStatusSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.REQUEST_TIMEOUT", 0.3)
    with half_sent_requests(make_site(), 1) as (connection,):
        assert is_closed(connection)


def test_a_second_request_on_a_connection_must_arrive_too(
    make_site: MakeStatusSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.REQUEST_TIMEOUT", 0.5)
    with socket.create_connection(("127.0.0.1", make_site().server.port), 5) as connection:
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = b""
        while not response.endswith(b"\r\n\r\nok\n"):
            response += connection.recv(4096)
        began = time.monotonic()
        connection.sendall(b"GET /healthz/live HTTP/1.1\r\n")  # ends the keep-alive timeout of uvicorn
        assert is_closed(connection)
        assert time.monotonic() - began < 3


def test_a_client_that_reads_too_slowly_is_cut_off(make_site: MakeStatusSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.REQUEST_TIMEOUT", 0.2)
    monkeypatch.setattr(f"{MODULE}.EXCHANGE_TIMEOUT", 4.0)
    site = make_site()
    site.board.on_run_end(make_finished_run(huge()))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", site.server.port))
        connection.sendall(b"GET /api/v1/plan HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.settimeout(5)
        assert connection.recv(10) == b"HTTP/1.1 2"
        end = time.monotonic() + 20
        while site.server._background.server_state.connections and time.monotonic() < end:
            time.sleep(0.05)
        received = 0
        with suppress(ConnectionError):
            while chunk := connection.recv(65536):
                received += len(chunk)
    assert received < len(site.request("/api/v1/plan").body)


def test_a_body_that_trickles_is_cut_off(make_site: MakeStatusSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.REQUEST_TIMEOUT", 0.2)
    monkeypatch.setattr(f"{MODULE}.EXCHANGE_TIMEOUT", 0.2)
    site = make_site()
    with socket.create_connection(("127.0.0.1", site.server.port), 5) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\na")
        assert connection.recv(12) == b"HTTP/1.1 404"
        with suppress(ConnectionError):
            while connection.recv(4096):
                connection.sendall(b"a")
    assert site.request("/healthz/live").status == 200


def test_bodies_that_do_not_arrive_make_room_for_others(
    make_site: MakeStatusSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.MAX_CONNECTIONS", 4)
    site = make_site()
    with capture_logs(), half_sent_requests(site, 8) as connections:
        for connection in connections:
            with suppress(ConnectionError):
                connection.sendall(b"Host: localhost\r\nContent-Length: 100\r\n\r\n")
        assert site.request("/healthz/live").status == 200


def test_few_files_mean_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, expected in ((64, 16), (8, 4), (1024, 100), (-1, 100)):
        monkeypatch.setattr(f"{MODULE}.resource.getrlimit", lambda _, files=files: (files, files))
        assert ConnectionLimits().max_connections == expected


def test_errors_of_the_event_loop_are_logged_in_one_line() -> None:
    limits, loop = ConnectionLimits(), asyncio.new_event_loop()
    try:
        with capture_logs() as logs:
            for _ in range(100):
                limits.handle_loop_error(loop, {"message": "accept failed", "exception": OSError(24, "many files")})
            limits.handle_loop_error(loop, {"message": "odd"})
    finally:
        loop.close()
    assert [line["event"] for line in logs] == [
        "too many http connections; the longest waiting are closed",
        "http server",
    ]
