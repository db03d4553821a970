"""The limits hold wherever a service sends something: below /api/v2, for each adapter, and for REST."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_network
from typing import cast

import pytest
from structlog.testing import capture_logs

from reconciler.model.gateway import GatewaySettings, ServiceSettings
from reconciler.model.intake import Intake
from reconciler.model.secret import Secret
from reconciler.web import WebServer, serve
from reconciler.web.request_limits import MAX_BODY_BYTES, MAX_UPLOAD_BYTES
from tests.support.catalogues import POSITION, CatalogueWorld
from tests.support.service_calls import RecordingIntake
from tests.support.status_site import TOKEN

FORM, JSON, UPLOAD = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"
PLACES = {
    "gateway-form": ("/api/v2/torrents/delete", FORM, MAX_BODY_BYTES),
    "gateway-upload": ("/api/v2/torrents/add", UPLOAD, MAX_UPLOAD_BYTES),
    "downloader": ("/downloads", JSON, MAX_BODY_BYTES),
    "older-downloader": ("/download", JSON, MAX_BODY_BYTES),
    "router": ("/api/downloads", JSON, MAX_BODY_BYTES),
    "radarr": ("/api/v3/download", JSON, MAX_BODY_BYTES),
    "creator": ("/api/torrent/create", JSON, MAX_BODY_BYTES),
    "rest": ("/api/v1/torrents", JSON, MAX_BODY_BYTES),
}
everywhere = pytest.mark.parametrize(("path", "media_type", "limit"), PLACES.values(), ids=PLACES)


@pytest.fixture
def intake() -> RecordingIntake:
    """An intake that notes what reaches it."""
    return RecordingIntake()


@pytest.fixture
def server(intake: RecordingIntake) -> Iterator[WebServer]:
    """Serves a gateway and every adapter to peers on this machine, which need no credentials."""
    world = CatalogueWorld()
    services = ServiceSettings(True, None, True, True, "home")
    trusted = (ip_network("127.0.0.0/8"),)
    gateway = GatewaySettings(POSITION, "arr", Secret("right"), trusted=trusted, services=services)
    world.desired = replace(world.desired, gateway=gateway)
    context = replace(world.context, intake=cast("Intake", intake), token_reader=lambda: TOKEN)
    server = serve(context, "127.0.0.1:0")
    yield server
    server.stop()


def send(server: WebServer, path: str, media_type: str, headers: bytes, *pieces: bytes) -> str:
    """Send a request piece by piece, and return all that the server answers until it closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        start = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nConnection: close\r\n"
        token = f"Authorization: Bearer {TOKEN.reveal()}\r\n" if path.startswith("/api/v1") else ""
        with suppress(ConnectionError):
            for piece in (f"{start}{token}".encode() + headers + b"\r\n", *pieces):
                connection.sendall(piece)
            while chunk := connection.recv(65536):
                received += chunk
    return received.decode()


@everywhere
def test_a_body_that_says_it_is_too_large(
    server: WebServer, intake: RecordingIntake, path: str, media_type: str, limit: int
) -> None:
    answer = send(server, path, media_type, b"Content-Length: %d\r\n" % (limit + 1))
    assert answer.startswith("HTTP/1.1 413") and f"can have {limit >> 20} MiB" in answer
    assert not (intake.handed_in or intake.removals)


@everywhere
def test_a_body_that_turns_out_to_be_too_large(
    server: WebServer, intake: RecordingIntake, path: str, media_type: str, limit: int
) -> None:
    block = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    head = (
        b"--x\r\nContent-Disposition: form-data; name=torrents; filename=a\r\n\r\n" if media_type == UPLOAD else b"a="
    )
    first = b"%x\r\n" % len(head) + head + b"\r\n"
    answer = send(server, path, media_type, b"Transfer-Encoding: chunked\r\n", first, block * (limit // 0x10000 + 1))
    assert answer.startswith("HTTP/1.1 413"), answer[:300]
    assert not (intake.handed_in or intake.removals)


@everywhere
def test_too_many_requests_of_a_peer(
    server: WebServer, path: str, media_type: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.web.request_limits.MAX_BURST", 1.0)
    monkeypatch.setattr("reconciler.web.request_limits.REQUESTS_PER_SECOND", 0.001)
    with capture_logs():
        assert not send(server, path, media_type, b"Content-Length: 0\r\n").startswith("HTTP/1.1 429")
        answer = send(server, path, media_type, b"Content-Length: 0\r\n")
    assert answer.startswith("HTTP/1.1 429") and "retry-after: 1" in answer.lower()


@everywhere
def test_headers_that_are_too_large(server: WebServer, path: str, media_type: str, limit: int) -> None:
    answer = send(server, path, media_type, b"Content-Length: 0\r\nX: " + b"a" * (1 << 16) + b"\r\n")
    assert answer.startswith("HTTP/1.1 431")


@everywhere
def test_a_body_that_trickles(
    server: WebServer,
    intake: RecordingIntake,
    path: str,
    media_type: str,
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = server._background._limits
    monkeypatch.setattr(limits, "request_timeout", 0.1)
    monkeypatch.setattr(limits, "exchange_timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection, suppress(ConnectionError):
        start = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
        connection.sendall(f"{start}Content-Length: 1000\r\n\r\n".encode())
        connection.settimeout(0.02)
        while True:  # a byte at a time, until the server hangs up
            connection.sendall(b"a")
            with suppress(TimeoutError):
                if not connection.recv(4096):
                    break
    assert not (intake.handed_in or intake.removals)
