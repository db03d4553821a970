"""The faults of the proxy do what their names promise; otherwise tests that use them would prove nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from reconciler.demo.servers import QbittorrentServer
from tests.support import proxy as faults
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient

MakeProxy = Callable[..., Proxy]


def _login(proxy: Proxy, server: QbittorrentServer) -> requests.Session:
    session = requests.Session()
    form = {"username": server.username, "password": server.password}
    session.post(f"{proxy.url}/api/v2/auth/login", form, timeout=5).raise_for_status()
    return session


def test_the_proxy_forwards_and_records(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server, base_path="/qbt")
    session = _login(proxy, any_server)
    assert session.get(f"{proxy.url}/api/v2/app/version", timeout=5).text == any_server.version
    session.post(f"{proxy.url}/api/v2/torrents/createTags", {"tags": "x"}, timeout=5).raise_for_status()
    assert [request.endpoint for request in proxy.requests] == ["auth/login", "app/version", "torrents/createTags"]
    assert [(request.method, request.body) for request in proxy.mutations] == [("POST", b"tags=x")]


def test_the_proxy_serves_its_base_path_only(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server, base_path="/qbt")
    root = proxy.url.removesuffix("/qbt")
    form = {"username": any_server.username, "password": any_server.password}
    assert requests.post(f"{root}/api/v2/auth/login", form, timeout=5).status_code == 404
    assert requests.post(f"{root}/qbt/api/v2/auth/login", form, timeout=5).ok


def test_reads_are_no_mutations_whatever_their_method(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server)
    session = _login(proxy, any_server)
    for endpoint in ("torrents/info", "sync/maindata", "app/preferences", "torrents/tags"):
        session.post(f"{proxy.url}/api/v2/{endpoint}", timeout=5).raise_for_status()
    session.get(f"{proxy.url}/api/v2/torrents/info?filter=all", timeout=5).raise_for_status()
    assert proxy.mutations == []
    assert proxy.count_requests("torrents/info") == 2


def test_a_slow_link_only_takes_longer(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server)
    session = _login(proxy, any_server)
    proxy.add_fault("app/version", faults.delay_request(0.3))
    answer = session.get(f"{proxy.url}/api/v2/app/version", timeout=5)
    assert answer.ok
    assert answer.elapsed.total_seconds() >= 0.3


def test_the_proxy_cuts_an_answer(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    RawClient(any_server).add_magnets([make_magnet(1)])
    proxy = make_proxy(any_server)
    session = _login(proxy, any_server)
    proxy.add_fault("torrents/info", faults.cut_answer(0.5))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        session.get(f"{proxy.url}/api/v2/torrents/info", timeout=5)
    assert len(session.get(f"{proxy.url}/api/v2/torrents/info", timeout=5).json()) == 1


def test_the_proxy_can_answer_itself(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server)
    proxy.add_fault("app/version", faults.answer_with_status(502, "bad gateway"), times=2, after=1)
    codes = [requests.get(f"{proxy.url}/api/v2/app/version", timeout=5).status_code for _ in range(4)]
    assert codes == [403, 502, 502, 403]


@pytest.mark.parametrize(
    ("fault", "done", "error", "says"),
    [
        pytest.param(faults.hang_before(3), False, requests.Timeout, "timed out", id="hang"),
        pytest.param(faults.hang_after(3), True, requests.Timeout, "timed out", id="hang after"),
        pytest.param(faults.reset_before, False, requests.ConnectionError, "reset by peer", id="reset before"),
        pytest.param(faults.reset_after, True, requests.ConnectionError, "reset by peer", id="reset after"),
    ],
)
def test_the_proxy_can_lose_answers(
    fault: faults.Fault,
    done: bool,
    error: type[Exception],
    says: str,
    any_server: QbittorrentServer,
    make_proxy: MakeProxy,
) -> None:
    truth, proxy = RawClient(any_server), make_proxy(any_server)
    session = _login(proxy, any_server)
    proxy.add_fault("torrents/add", fault)
    with pytest.raises(error, match=says):
        session.post(f"{proxy.url}/api/v2/torrents/add", {"urls": make_magnet(1)}, timeout=1)
    assert [request.endpoint for request in proxy.mutations] == ["torrents/add"], "recorded before it is lost"
    if done:
        truth.wait_until(lambda: make_infohash(1) in truth.list_torrents())
    else:
        assert truth.list_torrents() == {}
