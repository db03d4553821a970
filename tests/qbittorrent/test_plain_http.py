"""Plain requests and replies are sent and read as by the HTTP libraries, and what is not plain goes through these."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import SKIP_HEADER, parse_url

from reconciler.demo.servers import QbittorrentServer
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.plain_http import (
    PlainHttpConnection,
    PlainHttpPool,
    PlainHttpsConnection,
    PlainHttpsPool,
    PlainResponse,
)
from reconciler.reply_limits import LimitedResponse, ReplyLimits, limit_replies
from tests.support.dripping import dripping_server
from tests.support.instances import make_instance

OPTIONS = {"chunked": False, "preload_content": False, "decode_content": False, "enforce_content_length": True}
HEADERS = {"User-Agent": "test", "Accept-Encoding": "identity"}
OK_REPLY = b"HTTP/1.1 200 \r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


class ReceivedBytes:
    """A socket at which these bytes have arrived."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the bytes as a file."""
        return io.BufferedReader(io.BytesIO(self._data))


def describe_reply(response_class: type[HTTPResponse], data: bytes) -> Any:
    """Return everything that a response says about these bytes, or the type of its error."""
    response: Any = response_class(ReceivedBytes(data), method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        headers = response.headers
        items = [(name, re.sub(r"[ \t]*\r\n[ \t]+", " ", value)) for name, value in headers.items()]
        framing = response.version, response.chunked, response.length, response.will_close
        cookies = [re.sub(r"[ \t]*\r\n[ \t]+", " ", cookie) for cookie in headers.get_all("Set-Cookie", [])]
        head = response.status, response.code, response.reason, list(HTTPHeaderDict(items).items()), cookies
        return head, framing, response.read()
    except Exception as error:
        return type(error)


status_lines = st.one_of(
    st.sampled_from(["HTTP/1.1 200 ", "HTTP/1.1 200 OK", "HTTP/1.1 200  All  well "]),
    st.sampled_from(
        ["HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 204 ", "HTTP/1.1 403 No", "HTTP/2 200 OK", "http", ""]
    ),
)
names = st.sampled_from(
    ["Date", "Content-Length", "content-length", "Transfer-Encoding", "Connection", "Set-Cookie", "set-cookie", "X_1"]
)
values = st.one_of(
    st.sampled_from(
        ["0", "2", "2", "02", "+2", "-1", "2, 2", "²", "9999999", "chunked", "close", "Keep-Alive", "a=b; c"]
    ),
    st.sampled_from(
        ["", " 2", "2 ", "\t2", "two  words", "é", "\x00", "a\rb", "a\nb", "fold\r\n ed", "a:b", "=?utf-8?q?x?="]
    ),
    st.text(st.characters(max_codepoint=255), max_size=4),
)
lines = st.one_of(
    st.builds("{}: {}".format, names, values),
    st.builds("{}{}{}".format, names, st.sampled_from([":", " : ", ":\t", ""]), values),
    st.text(st.characters(max_codepoint=255), max_size=6),
)
line_ends = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n"])
bodies = st.sampled_from([b"", b"ok", b"2\r\nok\r\n0\r\n\r\n", b"ok and more"])


@example(OK_REPLY)
@example(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 99 + b"content-length: 0\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(98)) + b"content-length: 0\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(99)) + b"content-length: 0\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLong: " + b"x" * 9000 + b"\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"2" * 5000 + b"\r\n\r\nok")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nConnection: close\r\n\r\nok")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nok")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=\r\n b\r\n\r\nok")
@given(
    st.builds(
        lambda status, end, lines, blank, body: (end.join([status, *lines, ""]) + blank).encode("latin-1") + body,
        status_lines,
        line_ends,
        st.lists(lines, max_size=4),
        line_ends,
        bodies,
    )
)
def test_a_reply_is_read_as_the_standard_library_reads_it(data: bytes) -> None:
    assert describe_reply(PlainResponse, data) == describe_reply(HTTPResponse, data)


def test_the_replies_of_qbittorrent_are_plain(server: QbittorrentServer, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(make_instance(server))
    session.open()
    monkeypatch.setattr("http.client.parse_headers", None)
    session.read_snapshot()
    monkeypatch.undo()
    session.close()


class RecordingSocket:
    """A socket that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def settimeout(self, seconds: float | None) -> None:
        """Take the timeout."""

    def sendall(self, data: bytes) -> None:
        """Keep the data."""
        self.sent.append(data)


def send(
    connection: HTTPConnection, method: str, url: str, body: Any, headers: Mapping[str, str], **options: bool
) -> list[bytes]:
    """Send a request, and return the pieces."""
    recorder = RecordingSocket()
    connection.sock = recorder
    connection.request(method, url, body, headers, **OPTIONS | options)
    return recorder.sent


def describe_request(connection: HTTPConnection, *request: Any) -> Any:
    """Return the bytes that are sent, or the type of the error."""
    try:
        return b"".join(send(connection, *request))
    except Exception as error:
        return type(error)


targets = st.sampled_from(["/api/v2/sync/maindata", "/a?b=c", "/%20", "/a b", "/é", "/a\r\nb", "", "http://other/x"])
request_bodies = st.sampled_from([None, "", "rid=1", "ü", b"bytes"])
request_headers = st.dictionaries(
    st.sampled_from(["Cookie", "X-1", "Content-Length", "Host", "Transfer-Encoding", "a b", "a:b", "é", " a", ""]),
    st.sampled_from(["5", "", " a ", "a\nb", "a\r\nb", "a\r\n b", "\x00", "\t", "é", "€", "5", SKIP_HEADER, "a\x7f"]),
    max_size=3,
)


@example("POST", "/x", "rid=1", {**HEADERS, "Content-Length": "5"}, "box", 8080)
@example("GET", "/x", None, {**HEADERS, "Cookie": "SID=a\r\nX-Injected: 1"}, "box", 80)
@given(
    st.sampled_from(["GET", "POST", "HEAD", "get", "A B", "PUT"]),
    targets,
    request_bodies,
    st.builds(lambda all_headers, more: {**all_headers, **more}, st.sampled_from([HEADERS, {}]), request_headers),
    st.sampled_from(["box", "127.0.0.1", "::1", "bücher", "box.", "Box"]),
    st.sampled_from([80, 443, 8080]),
)
def test_a_request_is_the_one_that_the_library_sends(
    method: str, url: str, body: Any, headers: dict[str, str], host: str, port: int
) -> None:
    for plain, library in ((PlainHttpConnection, HTTPConnection), (PlainHttpsConnection, HTTPSConnection)):
        request = method, url, body, CaseInsensitiveDict(headers)
        assert describe_request(plain(host, port), *request) == describe_request(library(host, port), *request)


def test_a_request_through_a_proxy_is_the_one_that_the_library_sends() -> None:
    def send_through_tunnel(connection: HTTPSConnection) -> list[bytes]:
        connection.set_tunnel("box", 443)
        return send(connection, "GET", "/x", None, HEADERS)

    proxy = parse_url("http://proxy:3128")
    library = send_through_tunnel(HTTPSConnection("proxy", 3128, proxy=proxy))
    assert b"Host: box\r\n" in library[0]
    assert send_through_tunnel(PlainHttpsConnection("proxy", 3128, proxy=proxy)) == library


def test_a_body_in_chunks_is_sent_by_the_library() -> None:
    headers = {**HEADERS, "Content-Length": "5"}
    library = send(HTTPConnection("box"), "POST", "/x", "rid=1", headers, chunked=True)
    assert send(PlainHttpConnection("box"), "POST", "/x", "rid=1", headers, chunked=True) == library


def test_a_form_is_sent_in_one_piece() -> None:
    headers = {**HEADERS, "Content-Length": "5"}
    assert len(send(PlainHttpConnection("box", 8080), "POST", "/x", "rid=1", headers)) == 1
    assert len(send(HTTPConnection("box", 8080), "POST", "/x", "rid=1", headers)) == 2


def answer(connection: HTTPConnection, reply: bytes, body: Any) -> tuple[bytes, bool]:
    """Send a request, let the other side send the reply, and return its body, and True if the connection stays open."""
    connection.sock, other = socket.socketpair()
    with other:
        connection.request("POST", "/", body, {**HEADERS, "Content-Length": "1"}, **OPTIONS)
        other.sendall(reply)
        other.shutdown(socket.SHUT_WR)
        response = connection.getresponse()
        return response.read(), connection.sock is not None


@pytest.mark.parametrize("body", ["x", b"x"], ids=["plain", "library"])
def test_a_reply_that_ends_the_connection_is_read_before_it_is_closed(body: Any) -> None:
    closing = OK_REPLY.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    connection = PlainHttpConnection("box")
    assert answer(connection, closing, body) == (b"ok", False)
    assert answer(connection, OK_REPLY, body) == (b"ok", True)
    connection.close()


def test_after_a_plain_request_without_a_reply_others_go_through_the_library() -> None:
    connection = PlainHttpConnection("box")
    send(connection, "POST", "/", "x", {**HEADERS, "Content-Length": "1"})
    connection.sock = None
    for _ in range(2):
        assert answer(connection, OK_REPLY, b"x") == (b"ok", True)
    connection.close()


def exchange(port: int, body: Any) -> bytes:
    """Send a request to this machine, and return the body of the reply."""
    with PlainHttpPool("127.0.0.1", port, timeout=5) as pool:
        headers = {**HEADERS, "Content-Length": "1"}
        reply = pool.urlopen("POST", "/", body, headers, retries=False, preload_content=False, decode_content=False)
        return reply.read()


@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 999])
@pytest.mark.parametrize("body", ["x", b"x"], ids=["plain", "library"])
def test_a_dripping_reply_ends_at_the_deadline(reply: bytes, body: Any) -> None:
    with dripping_server(reply, 0.02) as port, limit_replies(ReplyLimits(5, 0.5)), pytest.raises(ReadTimeoutError):
        exchange(port, body)


def test_a_reply_that_is_no_http_is_an_error_of_the_library() -> None:
    with dripping_server(b"SSH-2.0-OpenSSH\r\n", 0) as port, pytest.raises(HTTPError, match="BadStatusLine"):
        exchange(port, "x")


def test_https_does_the_same_with_the_same_limits() -> None:
    assert PlainHttpsPool.ConnectionCls is PlainHttpsConnection
    assert PlainHttpsConnection.response_class is LimitedResponse
    assert PlainHttpsConnection.request is PlainHttpConnection.request
