"""The sidecars of other shards, over real HTTP on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from reconciler.model.secret import Secret
from reconciler.retry import system_clock
from reconciler.web import StatusBoard, WebContext, serve
from reconciler.web.auth import TokenError
from reconciler.web.client import InvalidLoopUrl
from reconciler.web.loop_view import LoopState
from reconciler.web.peers import NOT_ASKED_YET, Peer, PeerReader, check_peer_urls
from reconciler.web.sync_states import RunFindings
from tests.support.example_runs import converged, planned
from tests.support.raw import RawClient
from tests.support.status_site import TOKEN, make_finished_run


@contextmanager
def serving(loop_id: str, shard: str = "") -> Iterator[tuple[StatusBoard, int]]:
    """The server of a sidecar: its board and its port."""
    board = StatusBoard(60.0, loop_id=loop_id, shard=shard)
    with serve(WebContext(board), "127.0.0.1:0") as server:
        yield board, server.port


def make_reader(*urls: str, own_id: str = "me", addresses: Sequence[str] = ("127.0.0.1",)) -> PeerReader:
    return PeerReader(urls, own_id, None, system_clock(), resolve=lambda _host, _port: addresses)


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def read_one(reader: PeerReader) -> Peer:
    (peer,) = reader.read()
    return peer


def test_a_peer_tells_its_state_and_what_its_last_run_found() -> None:
    with serving("other", "1/4") as (board, port):
        board.on_run_end(make_finished_run(planned()))
        reader = make_reader(f"http://127.0.0.1:{port}")
        RawClient.wait_until(lambda: not read_one(reader).reason)
        peer = read_one(reader)
        reader.close()
    assert peer.status
    assert (peer.status.shard, peer.status.state, peer.reason) == ("1/4", LoopState.DEGRADED, "")
    assert peer.findings.on_instances
    assert peer.findings.instances == {instance.name for instance in planned().instances}
    assert peer.answered_at


def test_a_peer_before_its_first_run_has_found_nothing() -> None:
    with serving("other") as (_, port):
        reader = make_reader(f"http://127.0.0.1:{port}")
        RawClient.wait_until(lambda: not read_one(reader).reason)
        assert read_one(reader).findings == RunFindings()
        reader.close()


def test_a_peer_that_stops_keeps_its_last_status_and_no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.web.peers.POLL_INTERVAL", 0.01)
    with serving("other", "1/4") as (board, port):
        board.on_run_end(make_finished_run(converged()))
        reader = make_reader(f"http://127.0.0.1:{port}")
        RawClient.wait_until(lambda: not read_one(reader).reason)
    RawClient.wait_until(lambda: "no " in read_one(reader).reason)
    peer = read_one(reader)
    reader.close()
    assert peer.status
    assert peer.status.shard == "1/4"
    assert peer.findings == RunFindings()


def test_a_dead_peer_does_not_hide_the_others() -> None:
    with serving("other") as (_, port):
        reader = make_reader(f"http://127.0.0.1:{find_free_port()}", f"http://127.0.0.1:{port}")
        RawClient.wait_until(lambda: all(peer.reason != NOT_ASKED_YET for peer in reader.read()))
        reasons = sorted(bool(peer.reason) for peer in reader.read())
        reader.close()
    assert reasons == [False, True]


def test_a_name_stands_for_every_address_but_our_own() -> None:
    with serving("me") as (_, port):
        reader = make_reader(f"http://fleet:{port}", addresses=("127.0.0.1", "127.0.0.2"))
        RawClient.wait_until(lambda: [peer.url for peer in reader.read()] == [f"http://127.0.0.2:{port}"])
        assert reader.read()[0].reason, "nobody listens there"
        reader.close()


def test_an_address_of_ipv6_is_in_brackets() -> None:
    reader = make_reader(f"http://fleet:{find_free_port()}/base", addresses=("::1", "::2"))
    RawClient.wait_until(lambda: len(reader.read()) == 2)
    assert [peer.url.partition("[")[2][:4] for peer in reader.read()] == ["::1]", "::2]"]
    assert all(peer.url.endswith("/base") for peer in reader.read())
    reader.close()


@pytest.mark.parametrize(
    ("token", "reason"),
    [(TOKEN, ""), (None, "it needs a token"), (Secret("another-token-of-a-good-length"), "does not accept this token")],
)
def test_a_peer_beyond_loopback_wants_the_token(token: Secret | None, reason: str) -> None:
    context = WebContext(StatusBoard(60.0, loop_id="other"), token_reader=lambda: TOKEN)
    with serve(context, "0.0.0.0:0") as server:
        urls = (f"http://127.0.0.1:{server.port}",)
        reader = PeerReader(urls, "me", (lambda: token) if token else None, system_clock())
        RawClient.wait_until(lambda: read_one(reader).reason != NOT_ASKED_YET)
        assert (reason in read_one(reader).reason) if reason else (read_one(reader).reason == "")
        reader.close()


def test_a_token_that_cannot_be_read_is_the_reason() -> None:
    def read_token() -> Secret:
        raise TokenError("/run/token: No such file or directory")

    reader = PeerReader(("http://127.0.0.1:1",), "me", read_token, system_clock())
    RawClient.wait_until(lambda: read_one(reader).reason == "/run/token: No such file or directory")
    reader.close()


def test_urls_of_peers_are_checked_at_the_start() -> None:
    assert check_peer_urls(["http://a:9470/", "https://b/base"]) == ("http://a:9470", "https://b/base")
    for url in ("a:9470", "ftp://a", "http://user:word@a"):
        with pytest.raises(InvalidLoopUrl, match="--peer"):
            check_peer_urls([url])
