"""A user's folder with one instance in it: a real server behind a recording proxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeProxy
from tests.support.home import Home
from tests.support.proxy import Proxy
from tests.support.raw import RawClient


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty folder."""
    with Home(tmp_path) as home:
        yield home


@pytest.fixture
def proxy(server: QbittorrentServer, make_proxy: MakeProxy, home: Home) -> Proxy:
    """The recording proxy in front of the instance `box`."""
    proxy = make_proxy(server)
    home.add_instance(proxy.url, server.username, server.password)
    return proxy


@pytest.fixture
def truth(server: QbittorrentServer, proxy: Proxy) -> RawClient:
    """A direct client of the server, past the proxy, for checks and for changes by hand."""
    return RawClient(server)


@pytest.fixture
def box(any_server: QbittorrentServer, make_proxy: MakeProxy, home: Home) -> Proxy:
    """The instance `box`, for tests to which the version does not matter."""
    proxy = make_proxy(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    return proxy
