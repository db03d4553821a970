"""The server in its thread: its end, invalid requests, and its log."""

from __future__ import annotations

import logging
import socket
import threading
import time

from structlog.testing import capture_logs

from reconciler.web.background_server import BackgroundServer, forward_uvicorn_log
from tests.support.example_runs import huge
from tests.support.status_site import MakeStatusSite, StatusSite, make_finished_run

ENDS_WITHIN = 1.0  # seconds


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


def test_nonsense_is_refused_and_not_logged(site: StatusSite) -> None:
    with capture_logs() as logs:
        with socket.create_connection(("127.0.0.1", site.server.port)) as client:
            client.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 400")
        assert site.request("/healthz/live").status == 200
    assert logs == []


def test_idle_server_does_not_wake_up(site: StatusSite) -> None:
    site.request("/healthz/live")
    before = time.process_time()
    time.sleep(1)
    assert time.process_time() - before < 0.02


async def _answer_nothing(_scope: object, _receive: object, _send: object) -> None:
    """Answer no request."""


def test_a_request_to_stop_before_the_start_is_harmless() -> None:
    server = BackgroundServer(_answer_nothing)
    server.request_shutdown()
    server.request_shutdown()
    assert not server.running.is_set()


def test_the_log_of_uvicorn_is_forwarded_once_and_only_its_errors() -> None:
    forward_uvicorn_log()
    forward_uvicorn_log()
    logger = logging.getLogger("uvicorn.error")
    with capture_logs() as logs:
        logger.warning("Invalid HTTP request received.")
        logger.error("it broke \x1b[2J")
    assert [(line["event"], line["message"]) for line in logs] == [("http server", "it broke \\x1b[2J")]
