"""An incremental session returns what a full read returns, with one request if nothing changed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import INCREMENTAL_SYNC
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.main_data_polls import FULL_READ_INTERVAL
from tests.conftest import MakeServer
from tests.support.incremental_sessions import (
    INCREMENTAL,
    ManualMonotonicClock,
    count_full_reads,
    count_read_requests,
    seed_random_file,
    snapshot_content,
    wait_until_equal,
    wait_until_settled,
)
from tests.support.instances import is_saved, make_instance, write_torrent_file
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy, forward_request
from tests.support.random_edits import RandomEditor
from tests.support.raw import RawClient
from tests.support.server_builds import Build

MakeProxy = Callable[..., Proxy]


@pytest.mark.parametrize("seed", [1, 2])
def test_it_returns_what_a_full_read_returns_after_any_changes(
    server: QbittorrentServer, build: Build, make_proxy: MakeProxy, seed: int
) -> None:
    proxy, dice = make_proxy(server), random.Random(seed)
    with IncrementalSession(make_instance(proxy, server)) as mirror, Session(make_instance(server)) as session:
        hand = RandomEditor(server, dice)
        for number in range(12):
            if number % 4 == 0:
                mirror.read_full_snapshot()
            for _ in range(dice.randrange(1, 5)):
                hand.change()
            wait_until_equal(mirror, session)
        assert count_full_reads(proxy) < 8 or not build.has(INCREMENTAL_SYNC)


@INCREMENTAL
def test_what_was_read_ahead_misses_no_change(make_server: MakeServer, make_proxy: MakeProxy, version: str) -> None:
    server = make_server(version)
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(3)))
    with IncrementalSession(make_instance(proxy, server)) as mirror, Session(make_instance(server)) as session:
        mirror.read_ahead()
        raw.post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        raw.add_magnets([make_magnet(7)])
        raw.wait_until(lambda: set(raw.list_torrents()) == {make_infohash(number) for number in (0, 2, 7)})
        assert {torrent.id for torrent in mirror.read_snapshot().torrents} == {*map(make_infohash, range(3))}
        assert proxy.count_requests("torrents/info") == 1
        assert snapshot_content(mirror.read_snapshot()) == snapshot_content(session.read_snapshot())


@INCREMENTAL
def test_the_deltas_begin_with_the_read_after_a_full_one(
    make_server: MakeServer, make_proxy: MakeProxy, version: str
) -> None:
    server = make_server(version)
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(5)))
    with IncrementalSession(make_instance(proxy, server)) as mirror, Session(make_instance(server)) as session:
        proxy.clear()
        mirror.read_snapshot()
        assert mirror.has_full_snapshot
        assert [request.endpoint for request in proxy.requests] == ["torrents/info", "torrents/categories"]
        raw.post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        raw.add_magnets([make_magnet(7)])
        raw.add_tags([2], "new")
        raw.post("torrents/createCategory", category="linux", savePath="/tmp/linux")
        raw.wait_until(lambda: set(raw.list_torrents()) == {make_infohash(number) for number in (0, 2, 3, 4, 7)})
        proxy.clear()
        assert snapshot_content(mirror.read_snapshot()) == snapshot_content(session.read_snapshot())
        assert not mirror.has_full_snapshot, "a deletion needs another read"
        endpoints = [request.endpoint for request in proxy.requests]
        assert endpoints == ["sync/maindata", "app/version", "torrents/info", "torrents/info", "torrents/categories"]
        assert count_full_reads(proxy) == 0, "only what differs, and what is no longer there, is read again"


@INCREMENTAL
@pytest.mark.parametrize("count", [0, 200])
def test_without_changes_it_sends_one_request_and_returns_the_same_object(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, count: int
) -> None:
    server = make_server(version)
    raw, proxy = RawClient(server), make_proxy(server)
    if count:
        raw.add_magnets(map(make_magnet, range(count)))
    raw.add_magnets([make_magnet(-1), make_magnet(-2)])
    with IncrementalSession(make_instance(proxy, server)) as mirror:
        first = wait_until_settled(mirror)
        proxy.clear()
        for _ in range(20):
            assert mirror.read_snapshot() is first
        rid = raw.post("sync/maindata", rid=0).json()["rid"]
        raw.post("torrents/bottomPrio", hashes=make_infohash(-1))  # changes nothing that is read
        RawClient.wait_until(lambda: "torrents" in raw.post("sync/maindata", rid=rid).json())
        assert mirror.read_snapshot() is first
        assert [request.endpoint for request in proxy.requests] == ["sync/maindata"] * 21


@INCREMENTAL
def test_torrents_that_wait_for_metadata_are_read_first(
    make_server: MakeServer, make_proxy: MakeProxy, version: str
) -> None:
    server = make_server(version)
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(5)))
    with IncrementalSession(make_instance(proxy, server)) as mirror:
        wait_until_settled(mirror)
        raw.start_torrents(1)
        RawClient.wait_until(lambda: "metaDL" in {torrent.state for torrent in mirror.read_snapshot().torrents})
        first = wait_until_settled(mirror)
        proxy.clear()
        assert mirror.read_snapshot() is first
        assert [request.endpoint for request in proxy.requests] == ["torrents/info", "sync/maindata"]
        assert count_full_reads(proxy) == 0
        raw.post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        assert len(mirror.read_snapshot().torrents) == 4
        assert count_full_reads(proxy) == proxy.count_requests("auth/login") == 1, "it could have got another id"


@INCREMENTAL
def test_starting_a_torrent_without_metadata_ends_the_deltas(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, tmp_path: Path
) -> None:
    server = make_server(version)
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(3)))
    seeded = seed_random_file(server, tmp_path)
    raw.post("torrents/stop", hashes=seeded)
    with IncrementalSession(make_instance(proxy, server)) as mirror:
        steps: list[tuple[Callable[[], None], bool]] = [
            (lambda: mirror.start_torrents([seeded]), False),
            (lambda: mirror.add_magnets([make_magnet(7)], AddOptions(stopped=True, auto_tmm=False)), False),
            (lambda: mirror.start_torrents([make_infohash(1)]), True),
            (lambda: mirror.add_magnets([make_magnet(8)], AddOptions(stopped=False, auto_tmm=False)), True),
        ]
        for act, ends in steps:
            wait_until_settled(mirror)
            proxy.clear()
            act()
            mirror.read_snapshot()
            assert count_full_reads(proxy) == proxy.count_requests("auth/login") == int(ends)


@pytest.mark.builds("4.2.5", "4.5.2", lacking=INCREMENTAL_SYNC)
def test_before_4_6_every_read_is_full(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets([make_magnet(1)])
    with IncrementalSession(make_instance(proxy, server)) as mirror:
        first = wait_until_settled(mirror)
        before = count_full_reads(proxy)
        assert mirror.read_snapshot() is mirror.read_full_snapshot() is first
        assert count_full_reads(proxy) == before + 2
        assert proxy.count_requests("sync/maindata") == 0


def test_its_own_changes_show(server: QbittorrentServer) -> None:
    with IncrementalSession(make_instance(server)) as mirror, Session(make_instance(server)) as session:
        assert mirror.read_snapshot().torrents == ()
        mirror.create_category("linux", "/tmp/linux")
        mirror.add_magnets([make_magnet(1), make_magnet(2)], AddOptions(stopped=True, auto_tmm=False, category="linux"))
        RawClient.wait_until(lambda: len(mirror.read_torrents([make_infohash(1), make_infohash(2)])) == 2)
        assert {torrent.id for torrent in mirror.read_snapshot().torrents} == {make_infohash(1), make_infohash(2)}
        mirror.add_tags([make_infohash(1)], ["x"])
        assert {torrent.id: torrent.tags for torrent in mirror.read_snapshot().torrents}[make_infohash(1)] == {"x"}
        mirror.edit_category(mirror.read_categories()["linux"], "/tmp/other")
        assert mirror.read_snapshot().categories["linux"].save_path == "/tmp/other"
        mirror.delete_torrents([make_infohash(1)], delete_files=False)
        assert [torrent.id for torrent in mirror.read_snapshot().torrents] == [make_infohash(2)]
        wait_until_equal(mirror, session)


@INCREMENTAL
def test_a_full_read_comes_every_15_minutes_and_on_request(
    make_server: MakeServer, make_proxy: MakeProxy, version: str
) -> None:
    server, clock = make_server(version), ManualMonotonicClock()
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(3)))
    with IncrementalSession(make_instance(proxy, server), now=clock) as mirror:
        first = wait_until_settled(mirror)
        for passed, full, expected in (
            (FULL_READ_INTERVAL - 1, False, 0),
            (1, False, 1),
            (FULL_READ_INTERVAL - 1, False, 0),
            (0, True, 1),
            (FULL_READ_INTERVAL - 1, False, 0),
        ):
            clock.time += passed
            proxy.clear()
            assert (mirror.read_full_snapshot() if full else mirror.read_snapshot()) is first, (
                "nothing changed for either read"
            )
            assert count_full_reads(proxy) == expected


@INCREMENTAL
def test_a_change_between_the_two_reads_is_not_missed(
    make_server: MakeServer, make_proxy: MakeProxy, version: str
) -> None:
    # a delta never reports a value that is back at its first value in sync/maindata
    server = make_server(version)
    raw, proxy, renamed = RawClient(server), make_proxy(server), {"hash": make_infohash(1)}
    raw.add_magnets(map(make_magnet, range(3)))

    def rename_and_forward(*request: Any) -> None:
        raw.post("torrents/rename", name="for a moment", **renamed)
        raw.add_tags([2], "for a moment")
        forward_request(*request)

    with IncrementalSession(make_instance(proxy, server)) as mirror, Session(make_instance(server)) as session:
        wait_until_settled(mirror)
        proxy.add_fault("torrents/info", rename_and_forward)
        assert {torrent.name for torrent in mirror.read_full_snapshot().torrents} == {
            "torrent-0",
            "for a moment",
            "torrent-2",
        }
        raw.post("torrents/rename", name="torrent-1", **renamed)
        raw.remove_tags([2], "for a moment")
        assert snapshot_content(mirror.read_snapshot()) == snapshot_content(session.read_snapshot())
        RawClient.wait_until(lambda: count_read_requests(mirror) == 1)
        assert snapshot_content(mirror.read_snapshot()) == snapshot_content(session.read_snapshot())


@INCREMENTAL
def test_the_stop_intent_is_known_while_the_state_hides_it(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, tmp_path: Path
) -> None:
    server = make_server(version)
    raw, proxy = RawClient(server), make_proxy(server)
    data = os.urandom(60_000)
    (server.downloads / "lost").write_bytes(data)
    key, file = write_torrent_file(tmp_path, "lost", data)
    raw.add_magnets([str(file)], paused="false", stopped="false")
    raw.add_magnets([make_magnet(1)])
    raw.wait_until(lambda: is_saved(server, key))
    (server.downloads / "lost").unlink()
    server.restart()
    proxy.port, raw = server.port, RawClient(server)
    raw.wait_until(lambda: raw.list_torrents()[key]["state"] == "missingFiles")
    with IncrementalSession(make_instance(proxy, server)) as mirror:
        first = wait_until_settled(mirror)
        assert {torrent.id: torrent.stopped for torrent in first.torrents} == {key: False, make_infohash(1): True}
        proxy.clear()
        raw.post("torrents/stop", hashes=key)  # neither its state nor a delta shows it
        shown = mirror.read_snapshot()
        assert [(t.stopped, t.state) for t in shown.torrents if t.id == key] == [(True, "missingFiles")]
        assert mirror.read_snapshot() is shown
        assert [request.endpoint for request in proxy.requests] == ["sync/maindata", "torrents/info"] * 2
        assert count_full_reads(proxy) == 0
