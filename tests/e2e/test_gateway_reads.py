"""A gateway before a real qBittorrent 5.1.0 says what that says, and goes on while it is away."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from tests.conftest import MakeProxy, MakeServer
from tests.support.gateway import GatewayWorld, start_gateway
from tests.support.home import Home
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient

SAME = (
    "app/version",
    "app/webapiVersion",
    "app/buildInfo",
    "app/defaultSavePath",
    "torrents/count",
    "torrents/categories",
    "torrents/tags",
    "transfer/info",
    "transfer/speedLimitsMode",
    "torrents/nonsense",
    "nonsense/info",
    "torrents/properties",
)
DETAILS = ("properties", "files", "trackers", "webseeds", "export", "pieceStates", "pieceHashes", "downloadLimit")
METHODS = ("put", "delete", "head")


def test_it_reads_as_5_1_0_and_goes_on_while_that_is_away(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server("5.1.0")
    magnets = [f"{make_magnet(number)}&tr=http%3A%2F%2F127.0.0.9%2Fannounce" for number in range(4)]
    RawClient(server).add_magnets(magnets, category="tv", tags="a,b", stopped="true")
    with start_gateway(Home(tmp_path), server) as world:
        world.wait_until(lambda: world.gateway.get("torrents/count").text == "4")
        assert (world.gateway.login.status_code, world.gateway.login.text) == (200, "Ok.")
        for path in SAME:
            assert_same(world, path)
        for detail in DETAILS:
            for number in (1, 99):
                name = "hashes" if detail == "downloadLimit" else "hash"
                assert_same(world, f"torrents/{detail}", **{name: make_infohash(number)})
        assert_same(world, "sync/torrentPeers", hash=make_infohash(1))
        assert_same(world, "torrents/info", sort="name", limit=2, offset=1, includeTrackers="true")
        assert_same(world, "torrents/info", sort="nonsense")
        assert_same(world, "torrents/info", method="post", hashes=make_infohash(2))
        for method in METHODS:
            answers = [getattr(client.session, method)(f"{client.base}torrents/info") for client in clients(world)]
            assert answers[0].status_code == answers[1].status_code
        assert_same_main_data(world)
        preferences = [client.get("app/preferences").json() for client in clients(world)]
        assert preferences[1].items() <= {**preferences[0], "add_stopped_enabled": False}.items()
        server.kill()
        world.wait_until(lambda: {row["state"] for row in world.gateway.get("torrents/info").json()} == {"stoppedDL"})
        world.wait_until(lambda: all(row["comment"] for row in world.gateway.get("torrents/info").json()))
        assert world.gateway.get("torrents/files", hash=make_infohash(1)).status_code == 503
        assert world.gateway.get("app/preferences").json() == preferences[1]


def test_clients_cost_an_instance_a_request_in_two_seconds_and_no_login(
    make_server: MakeServer, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    server = make_server()
    proxy = make_proxy(server)
    with start_gateway(Home(tmp_path), server, proxy=proxy) as world:
        world.wait_until(lambda: proxy.count_requests("auth/login") == 2)  # the loop, and then what keeps rows at hand
        proxy.clear()
        started_at = time.monotonic()
        services = [world.connect() for _ in range(3)]
        for _ in range(20):
            for service in services:
                assert service.get("torrents/info").json() == []
                assert service.get("sync/maindata").json()["full_update"]
        seconds = time.monotonic() - started_at
        endpoints = [request.endpoint for request in proxy.requests]
        assert set(endpoints) <= {"app/version", "app/webapiVersion", "sync/maindata"}
        assert endpoints.count("sync/maindata") - 2 <= seconds / 2


def clients(world: GatewayWorld) -> tuple[Any, Any]:
    return world.direct, world.gateway


def assert_same(world: GatewayWorld, path: str, method: str = "get", **parameters: Any) -> None:
    """Wait until both answers are the same: those of the gateway are up to two seconds older."""

    def summarize(answer: requests.Response) -> object:
        return path, answer.status_code, answer.text, answer.headers["Content-Type"].lower()

    def ask() -> list[object]:
        return [summarize(answer) for answer in world.ask_both(path, method, **parameters)]

    with suppress(AssertionError):
        RawClient.wait_until(lambda: ask()[0] == ask()[1], 10)
        return
    direct, gateway = ask()
    assert gateway == direct


def assert_same_main_data(world: GatewayWorld) -> None:
    direct, gateway = (answer.json() for answer in world.ask_both("sync/maindata"))
    assert gateway["server_state"].keys() == direct["server_state"].keys()
    for reply in (direct, gateway):
        reply["trackers"] = {url: sorted(ids) for url, ids in reply["trackers"].items()}
        del reply["server_state"]  # the free space changes all the time
    assert gateway == direct
    assert world.gateway.get("sync/maindata", rid=1).json().keys() <= {"rid", "server_state"}
    assert world.connect().get("sync/maindata", rid=1).json()["full_update"]
