"""Two processes share three real servers, and together do exactly the work of a single process."""

from __future__ import annotations

from typing import Any

import requests

from reconciler.model.lease import LeaseTags
from tests.conftest import MakeProxy, MakeServer
from tests.support.gateway import wait_for_url
from tests.support.home import Home, ReportedRun, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import hang_before
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


def test_shards_together_do_the_work_of_one(
    home: Home, make_server: MakeServer, make_proxy: MakeProxy, reserved_port: int
) -> None:
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

    with (
        start_watch(
            home, "--shard", SHARDS[0], "--listen", "0", "--peer", f"http://127.0.0.1:{reserved_port}"
        ) as watch,
        start_watch(home, "--shard", SHARDS[1], "--listen", str(reserved_port)) as other,
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


VERSIONS = ("4.2.5", "4.5.2", "5.1.0", "5.3.0")
GROUP = [f"m{number}" for number in range(12)]  # of the shards 2, 0, 3, 2, 1, 0, 2, 2, 1, 3, 1 and 0 of 4
KILLED = "2/4"
ADOPTIONS = {("adopt", "applied"), ("adopt", "deferred")}  # on 4.2, of what another process has not tagged yet


class Fleet:
    """Twelve servers of four versions in one group, behind proxies."""

    def __init__(self, home: Home, make_server: MakeServer, make_proxy: MakeProxy) -> None:
        self.home = home
        servers = {name: make_server(VERSIONS[number % 4]) for number, name in enumerate(GROUP)}
        self.truths = {name: RawClient(server) for name, server in servers.items()}
        self.proxies = {name: make_proxy(server) for name, server in servers.items()}
        for name, server in servers.items():
            home.add_instance(self.proxies[name].url, server.username, server.password, name)

    def declare(self, count: int) -> None:
        """Declare torrents of the group."""
        entries = (make_entry(number, instance="g", paused=True) for number in range(count))
        self.home.write(*entries, head=f"groups:\n  g: {{strategy: spread, members: [{', '.join(GROUP)}]}}")

    def run(self, *shards: str) -> list[dict[str, Any]]:
        """Run these shards at the same time. Return their reports."""
        commands = [self.home.start("--shard", shard) for shard in shards]
        results = [command.wait() for command in commands]
        assert [result.exit_code for result in results] == [0] * len(shards), [result.messages for result in results]
        return [result.report for result in results]

    def list_holders(self) -> dict[str, list[str]]:
        """Return the members that have each torrent."""
        holders: dict[str, list[str]] = {}
        for name, truth in self.truths.items():
            for infohash in truth.list_torrents():
                holders.setdefault(infohash, []).append(name)
        return holders

    def list_placed(self, count: int) -> dict[str, list[str]]:
        """Return the members that have each torrent. Each of the declared ones has to be on exactly one."""
        holders = self.list_holders()
        assert holders.keys() == set(map(make_infohash, range(count)))
        assert {len(names) for names in holders.values()} == {1}, holders
        return holders


def list_actions(reports: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the verbs and outcomes of all actions."""
    instances = (instance for report in reports for instance in report["instances"])
    return sorted((action["verb"], action["outcome"]) for instance in instances for action in instance["actions"])


def test_four_shards_share_a_group_of_twelve_although_one_is_killed_and_their_number_changes(
    home: Home, make_server: MakeServer, make_proxy: MakeProxy
) -> None:
    fleet = Fleet(home, make_server, make_proxy)
    fleet.declare(36)
    fleet.proxies["m0"].add_fault("torrents/add", hang_before(60))
    command = home.start("--shard", KILLED)
    RawClient.wait_until(lambda: fleet.proxies["m0"].count_requests("torrents/add") == 1)
    command.kill()
    fleet.run("0/4", "1/4", "3/4")
    missing = set(map(make_infohash, range(36))) - fleet.list_holders().keys()
    assert 0 < len(missing) < 36, "all others are there"
    assert set(list_actions(fleet.run(KILLED))) == {("add", "applied")}
    holders = fleet.list_placed(36)
    assert len({name for names in holders.values() for name in names}) > 8, "all shards have some"

    for number in range(6):
        home_index = GROUP.index(holders[make_infohash(number)][0])
        other = fleet.truths[GROUP[(home_index + 1 + number) % 12]]
        other.add_magnets([make_magnet(number)])
        other.add_tags([number], "reconcile:home")
    done = list_actions(fleet.run("0/3", "1/3", "2/3", "3/4"))  # one that has not heard of the change yet
    fleet.list_placed(36)
    assert set(done) <= {("delete", "applied"), ("delete", "deferred")}
    assert list_actions(fleet.run("0/3", "1/3", "2/3")) == []

    fleet.declare(48)
    done = list_actions(fleet.run("0/3", "1/3", "2/3", "0/4", "1/4", "2/4", "3/4"))
    assert done.count(("add", "applied")) == 12, done
    assert set(done) <= {("add", "applied"), ("add", "deferred"), *ADOPTIONS}
    after = fleet.list_placed(48)
    assert list_actions(fleet.run("0/4", "1/4", "2/4", "3/4")) == []
    assert fleet.list_placed(48) == after
    tags = [tag for truth in fleet.truths.values() for tag in truth.post("torrents/tags").json()]
    assert not LeaseTags.parse(tags).holds, "all leases were given back"


def read_states(url: str) -> set[tuple[str, str]]:
    """Return the states of all torrents by their instance, as the page of one shard knows them."""
    rows = requests.get(f"{url}/api/v1/torrents", timeout=10).json()["torrents"]
    return {(row["instance"], row["sync"]) for row in rows}
