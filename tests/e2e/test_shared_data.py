"""Torrents that go from one real server to another which sees the same files: nothing is received, nothing is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from tests.conftest import MakeProxy, MakeServer
from tests.support.commands import StartedCommand
from tests.support.home import Home, ReportedRun
from tests.support.proxy import Proxy, forward_request
from tests.support.raw import RawClient
from tests.support.server_builds import Build, put_first
from tests.support.swarm import SESSION_SETTINGS, is_complete
from tests.support.torrents import make_content, make_torrent

SIZE: Final = 100_000


@dataclass
class Disk:
    """Servers that see one folder with the data of made-up torrents, and groups of two of them."""

    home: Home
    folder: Path
    servers: dict[str, QbittorrentServer] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)

    def add_server(self, name: str, server: QbittorrentServer, proxy: Proxy) -> None:
        self.servers[name], self.proxies[name] = server, proxy
        self.home.add_instance(proxy.url, server.username, server.password, name, "data: nas")

    def write_data(self, number: int) -> None:
        """Write a made-up torrent, and all its data."""
        data = make_torrent(number, size=SIZE)
        (self.home.folder / f"{number}.torrent").write_bytes(data)
        (self.folder / f"torrent-{number}").write_bytes(make_content(number, SIZE))
        self.keys[number] = str(parse_metainfo(data).infohashes.v1)

    def declare(self, pairs: Mapping[int, Sequence[str]], *, drain: bool, more: str = "") -> None:
        """Declare each torrent for a failover group of two servers. `drain`: the first of the two is drained."""
        entries = [f"{{torrent: {number}.torrent, instance: g{number}{more}}}" for number in pairs]
        groups = [
            f"  g{number}: {{strategy: failover, failover_after: 0s, "
            f"members: [{{name: {first}, drain: {str(drain).lower()}}}, {second}]}}"
            for number, (first, second) in pairs.items()
        ]
        self.home.write(*entries, head="\n".join(["delete_files: true", "groups:", *groups]))

    def raw(self, name: str) -> RawClient:
        return RawClient(self.servers[name])

    def await_copy(self, name: str, number: int) -> None:
        """Wait until a server has checked a torrent and seeds it."""
        raw = self.raw(name)
        raw.wait_until(lambda: is_complete(raw, self.keys[number]))

    def is_whole(self, number: int) -> bool:
        """Return True if the folder has every byte of a torrent, and nothing else of it."""
        return (self.folder / f"torrent-{number}").read_bytes() == make_content(number, SIZE)

    def settle(self, is_settled: Callable[[ReportedRun], bool]) -> ReportedRun:
        """Run until a run shows that a condition holds, and return that run. No byte is lost in between."""
        runs: list[ReportedRun] = []

        def run_and_check() -> bool:
            runs.append(self.home.run())
            assert all(map(self.is_whole, self.keys)), "data was lost"
            return is_settled(runs[-1])

        RawClient.wait_until(run_and_check)
        return runs[-1]


@pytest.fixture
def disk(home: Home, tmp_path: Path) -> Disk:
    (tmp_path / "nas").mkdir()
    return Disk(home, tmp_path / "nas")


def list_drains(ran: ReportedRun) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ran.report["drains"]
    return rows


def test_every_pair_of_versions_hands_over_without_a_byte(
    disk: Disk, make_server: MakeServer, make_proxy: MakeProxy
) -> None:
    for name, version in zip("abcd", QBITTORRENT_PACKAGES, strict=True):
        server = make_server(version, session=SESSION_SETTINGS)
        disk.add_server(name, server, make_proxy(server))
    pairs = dict(enumerate(permutations(disk.servers, 2), 1))
    for number in pairs:
        disk.write_data(number)
    raws = {name: disk.raw(name) for name in disk.servers}
    disk.declare(pairs, drain=False, more=f", save_path: {disk.folder}")
    assert disk.home.run().summary == {"add": len(pairs)}
    for number, (first, _) in pairs.items():
        disk.await_copy(first, number)

    disk.declare(pairs, drain=True)
    moving = disk.home.run()
    assert moving.summary == {"add": len(pairs), "spared": len(pairs)}, moving.report
    assert all((row["left"], row["moving"], row["empty"]) == (1, 1, False) for row in list_drains(moving))
    done = disk.settle(lambda ran: all(row["empty"] for row in list_drains(ran)))
    for number, (first, second) in pairs.items():
        assert is_complete(raws[second], disk.keys[number])
        assert disk.keys[number] not in raws[first].list_torrents()
    assert [raw.post("transfer/info").json()["dl_info_data"] for raw in raws.values()] == [0] * 4
    assert done.exit_code == 0
    at_rest = disk.home.run()
    assert (at_rest.exit_code, at_rest.summary) == (0, {"unchanged": len(pairs)})
    status = disk.home.run("status")
    assert all(row["empty"] for row in list_drains(status)) and len(list_drains(status)) == len(pairs)


@pytest.fixture
def pair(disk: Disk, make_server: MakeServer, make_proxy: MakeProxy, any_build: Build) -> Disk:
    for name, version in zip("ab", put_first(any_build, "4.5.2", "5.3.0"), strict=True):
        server = make_server(version, session=SESSION_SETTINGS)
        disk.add_server(name, server, make_proxy(server))
    disk.write_data(1)
    return disk


def test_killed_at_every_step(pair: Disk) -> None:
    """The torrent goes to and fro, and each time one of the three is killed before or after a request."""
    pair.declare({1: ("a", "b")}, drain=False, more=f", save_path: {pair.folder}")
    pair.home.run()
    pair.await_copy("a", 1)
    first, second = "a", "b"
    for victim in ("first", "second", "process"):
        for endpoint in ("torrents/add", "torrents/delete"):
            for is_done in (False, True):
                hand_over_with_a_kill(pair, first, second, victim, endpoint, is_done=is_done)
                first, second = second, first


def hand_over_with_a_kill(pair: Disk, first: str, second: str, victim: str, endpoint: str, *, is_done: bool) -> None:
    """Drain `first` into `second`, and kill one of them, or our process, before or after a request of the handover."""
    killed: list[str] = []
    started: list[StartedCommand] = []
    servers = {"first": pair.servers[first], "second": pair.servers[second]}
    target = second if endpoint == "torrents/add" else first

    def kill(handler: Any, body: bytes) -> None:
        killed.append(victim)
        if is_done:
            handler.ask_server(body)
        if victim == "process":
            started[-1].send_signal(signal.SIGKILL)
        else:
            servers[victim].kill()
        if is_done or victim == "process" or servers[victim] is pair.servers[target]:
            handler.hang_up(reset=True)
        else:
            forward_request(handler, body)

    pair.proxies[target].add_fault(endpoint, kill)
    pair.declare({1: (first, second)}, drain=True)

    def run_until_killed() -> bool:
        started.append(pair.home.start())
        started[-1].wait()
        assert pair.is_whole(1), "data was lost"
        return bool(killed)

    RawClient.wait_until(run_until_killed)
    if victim != "process":
        servers[victim].start()
    pair.settle(lambda ran: ran.exit_code == 0 and all(row["empty"] for row in list_drains(ran)))
    assert is_complete(pair.raw(second), pair.keys[1])
    assert pair.keys[1] not in pair.raw(first).list_torrents()
    assert pair.home.run().summary == {"unchanged": 1}


def test_data_goes_with_the_last_instance_that_uses_it(pair: Disk) -> None:
    entries = [f"torrent: 1.torrent, instance: {name}" for name in "ab"]
    pair.home.write(*(f"{{{entry}, save_path: {pair.folder}}}" for entry in entries), head="delete_files: true")
    pair.home.run()
    for name in "ab":
        pair.await_copy(name, 1)
    pair.home.write(*(f"{{{entry}, state: absent}}" for entry in entries), head="delete_files: true")
    first = pair.home.run()
    assert (first.exit_code, first.summary) == (0, {"delete": 1, "deferred": 1})
    assert pair.is_whole(1) and is_complete(pair.raw("b"), pair.keys[1])
    last = pair.home.run()
    assert (last.exit_code, last.summary) == (0, {"delete": 1, "unchanged": 1})
    assert not (pair.folder / "torrent-1").exists()
