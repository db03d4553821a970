"""Listening: addresses, the beginning and the end."""

from __future__ import annotations

import socket
import sys

import pytest
from structlog.testing import capture_logs

from reconciler.web import ListenError, StatusBoard, WebContext, serve
from reconciler.web.server import parse_listen
from tests.support.status_site import TOKEN, StatusSite


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
        serve(WebContext(board), text)


def test_address_in_use_is_reported(site: StatusSite) -> None:
    listen = f"127.0.0.1:{site.server.port}"
    with pytest.raises(ListenError, match=f"^cannot listen on {listen}: Address already in use$"):
        serve(WebContext(site.board), listen)


def test_address_of_another_machine_is_reported(board: StatusBoard) -> None:
    with pytest.raises(ListenError, match=r"^cannot listen on 192\.0\.2\.1:0: Cannot assign"):
        serve(WebContext(board), "192.0.2.1:0")


def test_the_same_port_again_at_once(board: StatusBoard) -> None:
    with serve(WebContext(board), "127.0.0.1:0") as server:
        StatusSite(board, server, []).request("/healthz/live")
        port = server.port
    with serve(WebContext(board), f"127.0.0.1:{port}") as again:
        assert StatusSite(board, again, []).request("/healthz/live").status == 200


def test_a_response_waits_neither_for_the_client_nor_for_a_busy_thread(site: StatusSite) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port), 5) as client:
        client.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        (connection,) = site.server._background.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert sys.getswitchinterval() <= 0.001


def test_stopped_server_accepts_no_connection(board: StatusBoard) -> None:
    with serve(WebContext(board), "127.0.0.1:0") as server:
        port = server.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_public_address_is_a_warning(board: StatusBoard) -> None:
    with capture_logs() as logs, serve(WebContext(board), "0") as server:
        url = server.url
    assert url == f"http://127.0.0.1:{server.port}"
    assert logs == [{"event": "http listening", "url": url, "log_level": "info"}]
    for context, warning in (
        (WebContext(board, token_reader=lambda: TOKEN), ""),
        (WebContext(board, token_reader=lambda: TOKEN, is_public=True), "other machines can reach this server"),
        (WebContext(board), "nobody can read the pages and REST"),
    ):
        with capture_logs() as logs, serve(context, "0.0.0.0:0"):
            pass
        assert [log["log_level"] for log in logs] == ["info", *(["warning"] if warning else [])]
        assert warning in logs[-1]["event"]
        assert TOKEN.reveal() not in str(logs)
