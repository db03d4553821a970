"""Replies that never end, drip, or are far too long, from whatever stands before a server."""

from __future__ import annotations

import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest
from requests import PreparedRequest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError, SlowReplyError
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.limited_adapter import MAX_LIST_WITHOUT_ROWS, MAX_SMALL_REPLY, LimitedAdapter
from tests.support.dripping import dripping_server
from tests.support.instances import make_instance
from tests.support.magnets import make_magnet
from tests.support.proxy import Proxy, drip_answer, hang_before, send_endlessly

MakeProxy = Callable[..., Proxy]
MIB = 1 << 20
MODULE = "reconciler.qbittorrent.limited_adapter"
BOMB = gzip.compress(b" " * (8 * MIB))  # one member of a gzip file; members in a row are one long body
ROW = json.dumps({"hash": "0" * 40, "magnet_uri": "magnet:?xt=urn:btih:0", "priority": 0}).encode() + b","


def read(session: Session) -> None:
    """Log in and read everything."""
    session.open()
    session.read_snapshot()


@pytest.mark.parametrize("endpoint", ["auth/login", "app/version", "torrents/info"])
def test_a_byte_at_a_time_ends_soon_and_is_not_asked_again(
    server: QbittorrentServer, make_proxy: MakeProxy, endpoint: str
) -> None:
    proxy = make_proxy(server)
    proxy.add_fault(endpoint, drip_answer(0.05), times=9)
    session = Session(replace(make_instance(proxy, server), read_timeout=2.0))
    began = time.monotonic()
    with pytest.raises(SlowReplyError, match=rf"seedbox: {endpoint} at http://127.* answers too slowly.*timeout\.read"):
        read(session)
    session.close()
    assert time.monotonic() - began < 12
    assert proxy.count_requests(endpoint) == 1


@pytest.mark.parametrize(
    ("endpoint", "chunk", "encoding", "limit"),
    [
        ("auth/login", b"x" * MIB, "identity", MAX_SMALL_REPLY),
        ("auth/login", BOMB, "gzip", MAX_SMALL_REPLY),
        ("app/webapiVersion", BOMB, "gzip", MAX_SMALL_REPLY),
        ("torrents/info", BOMB, "gzip", MAX_LIST_WITHOUT_ROWS),
        ("torrents/categories", b'{"a": ' * (MIB // 6), "identity", MAX_SMALL_REPLY),
    ],
)
def test_a_body_that_is_too_long_is_refused_before_it_fills_the_memory(
    server: QbittorrentServer, make_proxy: MakeProxy, endpoint: str, chunk: bytes, encoding: str, limit: int
) -> None:
    proxy = make_proxy(server)
    proxy.add_fault(endpoint, send_endlessly(chunk, encoding))
    session = Session(make_instance(proxy, server))
    tracemalloc.start()
    with pytest.raises(InstanceError, match=rf"{endpoint} at .* sends more than {limit // MIB} MiB, which qBittorrent"):
        read(session)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    session.close()
    assert peak < limit * 1.6 + 32 * MIB


def test_a_compressed_reply_is_received_whole() -> None:
    body = gzip.compress(b" " * MIB)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with dripping_server(head.encode() + body, 0) as port:
        request = PreparedRequest()
        request.prepare("GET", f"http://127.0.0.1:{port}/api/v2/torrents/info")
        assert LimitedAdapter(None, None).send(request, timeout=20).content == b" " * MIB


def test_a_long_list_may_be_longer_the_more_rows_it_has(
    server: QbittorrentServer, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.MAX_LIST_WITHOUT_ROWS", MIB)
    proxy = make_proxy(server)
    rows = b"[" + ROW * (2 * MIB // len(ROW)) + b"null]"
    with Session(make_instance(proxy, server)) as session:
        proxy.add_fault("torrents/info", lambda handler, _: handler.send_answer(200, [], rows))
        with pytest.raises(InstanceError, match="unexpected shape"):
            session.read_snapshot()
        monkeypatch.setattr(f"{MODULE}.MAX_LIST", MIB)
        proxy.add_fault("torrents/info", lambda handler, _: handler.send_answer(200, [], rows))
        with pytest.raises(InstanceError, match="sends more than 1 MiB"):
            session.read_snapshot()


def test_the_first_wrong_row_of_many_is_enough(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    with Session(make_instance(proxy, server)) as session:
        proxy.add_fault("torrents/info", lambda handler, _: handler.send_answer(200, [], b"[" + b"{}," * MIB + b"1]"))
        tracemalloc.start()
        with pytest.raises(InstanceError, match="unexpected shape"):
            session.read_snapshot()
        assert tracemalloc.get_traced_memory()[1] < 50 * MIB
        tracemalloc.stop()


def test_a_connection_is_used_again_after_a_reply(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    with Session(make_instance(server)) as session:
        session.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False))
        adapter = session._connection._client._adapter
        for _ in range(5):
            session.read_snapshot()
        pools = adapter.poolmanager.pools
        assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - no mapping


def test_a_cancelled_session_ends_its_request_and_sends_no_other(
    server: QbittorrentServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(server)
    proxy.add_fault("torrents/info", hang_before(30))
    with Session(make_instance(proxy, server)) as session:
        threading.Timer(0.2, session.cancel).start()
        began = time.monotonic()
        for _ in range(2):
            with pytest.raises(SlowReplyError, match="other instances waited"):
                session.read_snapshot()
        assert time.monotonic() - began < 20
    assert proxy.count_requests("torrents/info") == 1


def test_a_hanging_request_ends_soon_after_the_stop(
    server: QbittorrentServer, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.reply_limits.STOP_GRACE", 1.0)
    proxy, stop = make_proxy(server), threading.Event()
    proxy.add_fault("torrents/info", hang_before(30))
    with Session(make_instance(proxy, server), stop=stop) as session:
        stopper = threading.Timer(0.2, stop.set)
        stopper.start()
        began = time.monotonic()
        with pytest.raises(SlowReplyError, match="asked to stop"):
            session.read_snapshot()
        assert 1 < time.monotonic() - began < 20
