"""The fault proxy does what its faults are called; otherwise the tests that use it would prove nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from reconciler.demo.servers import Server
from tests.support import proxy as faults
from tests.support.magnets import infohash, magnet
from tests.support.proxy import Proxy
from tests.support.raw import Raw

MakeProxy = Callable[..., Proxy]


def _login(proxy: Proxy, server: Server) -> requests.Session:
    session = requests.Session()
    form = {"username": server.username, "password": server.password}
    session.post(f"{proxy.url}/api/v2/auth/login", form, timeout=5).raise_for_status()
    return session


def test_it_passes_on_and_records(any_server: Server, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server, base="/qbt")
    session = _login(proxy, any_server)
    assert session.get(f"{proxy.url}/api/v2/app/version", timeout=5).text == "v5.1.0"
    session.post(f"{proxy.url}/api/v2/torrents/createTags", {"tags": "x"}, timeout=5).raise_for_status()
    assert [request.endpoint for request in proxy.requests] == ["auth/login", "app/version", "torrents/createTags"]
    assert [(request.method, request.body) for request in proxy.mutations] == [("POST", b"tags=x")]


def test_it_cuts_an_answer(any_server: Server, make_proxy: MakeProxy) -> None:
    Raw(any_server).add([magnet(1)])
    proxy = make_proxy(any_server)
    session = _login(proxy, any_server)
    proxy.fail("torrents/info", faults.cut(0.5))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        session.get(f"{proxy.url}/api/v2/torrents/info", timeout=5)
    assert len(session.get(f"{proxy.url}/api/v2/torrents/info", timeout=5).json()) == 1


def test_it_answers_for_itself(any_server: Server, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server)
    proxy.fail("app/version", faults.status(502, "bad gateway"), times=2, after=1)
    codes = [requests.get(f"{proxy.url}/api/v2/app/version", timeout=5).status_code for _ in range(4)]
    assert codes == [403, 502, 502, 403]


@pytest.mark.parametrize(
    ("fault", "done", "error"),
    [
        pytest.param(faults.hang(3), False, requests.Timeout, id="hang"),
        pytest.param(faults.hang_after(3), True, requests.Timeout, id="hang after"),
        pytest.param(faults.reset_before, False, requests.ConnectionError, id="reset before"),
        pytest.param(faults.reset_after, True, requests.ConnectionError, id="reset after"),
    ],
)
def test_it_loses_answers(
    fault: faults.Fault, done: bool, error: type[Exception], any_server: Server, make_proxy: MakeProxy
) -> None:
    truth, proxy = Raw(any_server), make_proxy(any_server)
    session = _login(proxy, any_server)
    proxy.fail("torrents/add", fault)
    with pytest.raises(error):
        session.post(f"{proxy.url}/api/v2/torrents/add", {"urls": magnet(1)}, timeout=1)
    if done:
        truth.eventually(lambda: infohash(1) in truth.torrents())
    else:
        assert truth.torrents() == {}
