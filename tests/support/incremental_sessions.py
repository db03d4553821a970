"""Helpers for incremental sessions: compare snapshots, count requests, and wait until a server is idle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.snapshot import Snapshot
from reconciler.model.versions import INCREMENTAL_SYNC
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.incremental_session import IncrementalSession
from tests.support.instances import write_torrent_file
from tests.support.proxy import Proxy
from tests.support.raw import RawClient

INCREMENTAL = pytest.mark.builds("5.1.0", "5.3.0", having=INCREMENTAL_SYNC)


class ManualMonotonicClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def snapshot_content(snapshot: Snapshot) -> Any:
    """Return the content of a snapshot, independent of the order of its torrents."""
    torrents = {torrent.id: torrent for torrent in snapshot.torrents}
    assert len(torrents) == len(snapshot.torrents)
    return snapshot.version, snapshot.web_api, snapshot.libtorrent, torrents, snapshot.categories


def wait_until_equal(mirror: IncrementalSession, session: Session, within: float = 60.0) -> None:
    """Wait until the mirror equals a full read: a rename, stop or start shows with the next refresh."""
    RawClient.wait_until(
        lambda: snapshot_content(mirror.read_snapshot()) == snapshot_content(session.read_snapshot()), within
    )


def count_full_reads(proxy: Proxy) -> int:
    """Return the number of requests for all torrents."""
    return sum(r.endpoint == "torrents/info" and b"hashes" not in r.body for r in proxy.requests)


def wait_until_settled(mirror: IncrementalSession) -> Snapshot:
    """Return a snapshot once two reads are equal."""
    RawClient.wait_until(lambda: mirror.read_snapshot() is mirror.read_snapshot() and count_read_requests(mirror) <= 2)
    return mirror.read_snapshot()


def seed_random_file(server: QbittorrentServer, folder: Path) -> str:
    """The id of a torrent that the server seeds, from now on."""
    raw, data = RawClient(server), os.urandom(60_000)
    (server.downloads / "seeded").write_bytes(data)
    key, file = write_torrent_file(folder, "seeded", data)
    raw.add_magnets([str(file)], paused="false", stopped="false")
    raw.wait_until(lambda: raw.list_torrents()[key]["state"] == "stalledUP")
    return key


def count_read_requests(mirror: IncrementalSession) -> int:
    before = mirror.request_count
    mirror.read_snapshot()
    return mirror.request_count - before
