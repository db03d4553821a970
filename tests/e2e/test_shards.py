"""Two processes share three real servers, and together do exactly the work of a single process."""

from __future__ import annotations

from typing import Any

import requests

from reconciler.demo.servers import find_free_port
from tests.conftest import MakeProxy, MakeServer
from tests.support.gateway import wait_for_url
from tests.support.home import Home, ReportedRun, make_entry
from tests.support.magnets import make_infohash
from tests.support.raw import RawClient
from tests.support.watch_process import start_watch

NAMES = ("attic", "box", "cellar")
SHARDS = ("0/2", "1/2")


def instances(*runs: ReportedRun) -> dict[str, Any]:
    """Return the results of the runs by instance. No two runs may report the same instance."""
    rows = [
        (instance["name"], instance["status"], instance["actions"])
        for ran in runs
        for instance in ran.report["instances"]
    ]
    assert len({name for name, *_ in rows}) == len(rows)
    return {name: (status, actions) for name, status, actions in rows}


def test_shards_together_do_the_work_of_one(home: Home, make_server: MakeServer, make_proxy: MakeProxy) -> None:
    servers = {name: make_server() for name in NAMES}
    proxies = {name: make_proxy(server) for name, server in servers.items()}
    for name, server in servers.items():
        home.add_instance(proxies[name].url, server.username, server.password, name)
    wanted = {name: make_entry(number, instance=name, tags=[name]) for number, name in enumerate(NAMES)}
    home.write(*wanted.values(), make_entry(8, instance="box", category="c"))

    whole = home.run("--dry-run")
    halves = [home.run("--dry-run", "--shard", shard) for shard in SHARDS]
    assert whole.exit_code == 0, whole.err
    assert all(half.report["instances"] for half in halves), "each has its share"
    assert instances(*halves) == instances(whole)
    for proxy in proxies.values():
        assert proxy.count_requests("auth/login") == 2, "the whole, and one of the halves"
        proxy.clear()

    first = home.run("--shard", SHARDS[0])
    assert first.exit_code == 0
    held = {instance["name"] for instance in first.report["instances"]}
    for name, server in servers.items():
        assert bool(RawClient(server).list_torrents()) == (name in held)
        assert bool(proxies[name].requests) == (name in held), "what is another's is not even contacted"
    assert home.run("--shard", SHARDS[1]).exit_code == 0
    after = home.run("--dry-run", "--detailed-exitcode")
    assert (after.exit_code, after.summary) == (0, {"unchanged": 4})

    port = find_free_port("127.0.0.1")
    with (
        start_watch(home, "--shard", SHARDS[0], "--listen", "0", "--peer", f"http://127.0.0.1:{port}") as watch,
        start_watch(home, "--shard", SHARDS[1], "--listen", str(port)) as other,
    ):
        url = wait_for_url(watch)
        watch.wait_until(
            lambda: requests.get(f"{url}/healthz/ready", timeout=10).ok
        )  # its own share is all it waits for
        assert {
            instance["name"] for instance in requests.get(f"{url}/api/v1/status", timeout=10).json()["instances"]
        } == held
        home.write(*wanted.values(), *(make_entry(9, instance=name, name="late") for name in NAMES))
        watch.wait_until(
            lambda: all(make_infohash(9) in RawClient(server).list_torrents() for server in servers.values())
        )
        watch.wait_until(lambda: read_states(url) == {(name, "in_sync") for name in NAMES})
        assert other.stop() < 20
        watch.wait_until(
            lambda: read_states(url) == {(name, "in_sync" if name in held else "unknown") for name in NAMES}
        )
        assert "Shard 1/2 does not answer" in requests.get(url, timeout=10).text
        assert watch.stop() < 20


def read_states(url: str) -> set[tuple[str, str]]:
    """Return the states of all torrents by their instance, as the page of one shard knows them."""
    rows = requests.get(f"{url}/api/v1/torrents", timeout=10).json()["torrents"]
    return {(row["instance"], row["sync"]) for row in rows}
