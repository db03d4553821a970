"""Listening: addresses, the beginning and the end."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from structlog.testing import capture_logs

from reconciler.web import ListenError, StatusBoard, serve
from reconciler.web.server import parse_listen
from tests.support.example_runs import huge
from tests.support.status_site import TOKEN, MakeStatusSite, StatusSite, make_finished_run

ENDS_WITHIN = 1.0


def nothing() -> None:
    """Ignore the request."""


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9470", "127.0.0.1", 9470),
        ("9470", "127.0.0.1", 9470),
        ("0.0.0.0:0", "0.0.0.0", 0),
        ("[::1]:80", "::1", 80),
        (" localhost:1 ", "localhost", 1),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_listen(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", ":9470", "::1:80", "localhost", "localhost:", "localhost:http", "a:65536", "a:-1"]
)
def test_no_addresses(text: str, board: StatusBoard) -> None:
    with pytest.raises(ListenError, match=r"write HOST:PORT, such as 127\.0\.0\.1:9470"):
        serve(board, text, nothing, None)


def test_address_in_use_is_reported(site: StatusSite) -> None:
    listen = f"127.0.0.1:{site.server.port}"
    with pytest.raises(ListenError, match=f"^cannot listen on {listen}: Address already in use$"):
        serve(site.board, listen, nothing, None)


def test_address_of_another_machine_is_reported(board: StatusBoard) -> None:
    with pytest.raises(ListenError, match=r"^cannot listen on 192\.0\.2\.1:0: Cannot assign"):
        serve(board, "192.0.2.1:0", nothing, None)


def test_the_same_port_again_at_once(board: StatusBoard) -> None:
    with serve(board, "127.0.0.1:0", nothing, None) as server:
        StatusSite(board, server, []).request("/healthz/live")
        port = server.port
    with serve(board, f"127.0.0.1:{port}", nothing, None) as again:
        assert StatusSite(board, again, []).request("/healthz/live").status == 200


def ended(server_threads: int, began: float) -> None:
    """It took less than a second and left no thread of the server."""
    assert time.monotonic() - began < ENDS_WITHIN
    assert [thread.name for thread in threading.enumerate()].count("http") == server_threads


def test_server_stops_while_clients_are_connected(make_site: MakeStatusSite) -> None:
    site = make_site()
    site.board.on_run_end(make_finished_run(huge()))
    clients = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(4)]
    clients[1].sendall(b"GET / HTTP/1.1\r\nHost: localh")  # never ends its request
    clients[2].sendall(b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n")  # keeps its connection
    clients[3].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    clients[3].sendall(b"GET /api/v1/plan HTTP/1.1\r\nHost: localhost\r\n\r\n")  # never reads its answer
    assert clients[2].recv(100).startswith(b"HTTP/1.1 200")
    assert clients[3].recv(10) == b"HTTP/1.1 2"
    before = [thread.name for thread in threading.enumerate()].count("http")
    began = time.monotonic()
    site.server.stop()
    ended(before - 1, began)
    site.server.stop()  # once more is no error
    for client in clients:
        client.close()


def test_stopped_server_accepts_no_connection(board: StatusBoard) -> None:
    with serve(board, "127.0.0.1:0", nothing, None) as server:
        port = server.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_nonsense_is_refused_and_not_logged(site: StatusSite) -> None:
    with capture_logs() as logs:
        with socket.create_connection(("127.0.0.1", site.server.port)) as client:
            client.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400")
        assert site.request("/healthz/live").status == 200
    assert logs == []


def test_public_address_is_a_warning(board: StatusBoard) -> None:
    with capture_logs() as logs, serve(board, "0", nothing, None) as server:
        url = server.url
    assert url == f"http://127.0.0.1:{server.port}"
    assert logs == [{"event": "http listening", "url": url, "log_level": "info"}]
    with capture_logs() as logs, serve(board, "0.0.0.0:0", nothing, lambda: TOKEN):
        pass
    assert [log["log_level"] for log in logs] == ["info", "warning"]
    assert "other machines can reach this server" in logs[1]["event"]
    assert TOKEN.reveal() not in str(logs)


def test_idle_server_does_not_wake_up(site: StatusSite) -> None:
    site.request("/healthz/live")
    before = time.process_time()
    time.sleep(1)
    assert time.process_time() - before < 0.02
