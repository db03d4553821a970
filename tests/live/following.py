"""What tests of the mirror share: how to compare it, to count what it asks, and to wait until all is calm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import Server
from reconciler.model.snapshot import Snapshot
from reconciler.qbittorrent import Mirror, Session
from tests.live.places import torrent_file
from tests.support.proxy import Proxy
from tests.support.raw import Raw

INCREMENTAL = pytest.mark.parametrize("new", ["5.1.0", "5.3.0"])  # the versions that tell deltas


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def content(snapshot: Snapshot) -> Any:
    """All that a snapshot says, but for the order of its torrents."""
    torrents = {torrent.id: torrent for torrent in snapshot.torrents}
    assert len(torrents) == len(snapshot.torrents)
    return snapshot.version, snapshot.web_api, snapshot.v2, torrents, snapshot.categories


def agree(mirror: Mirror, session: Session, within: float = 10.0) -> None:
    """Wait until the mirror shows what a full read shows: a rename, stop or start is told with the next refresh."""
    Raw.eventually(lambda: content(mirror.snapshot()) == content(session.snapshot()), within)


def full_reads(proxy: Proxy) -> int:
    """How often all torrents were asked for."""
    return sum(r.endpoint == "torrents/info" and b"hashes" not in r.body for r in proxy.requests)


def settled(mirror: Mirror) -> Snapshot:
    """A snapshot once nothing moves any more."""
    Raw.eventually(lambda: mirror.snapshot() is mirror.snapshot() and cost(mirror) <= 2)
    return mirror.snapshot()


def seeding(server: Server, folder: Path) -> str:
    """The id of a torrent that the server seeds, from now on."""
    raw, data = Raw(server), os.urandom(60_000)
    (server.downloads / "seeded").write_bytes(data)
    key, file = torrent_file(folder, "seeded", data)
    raw.add([str(file)], paused="false", stopped="false")
    raw.eventually(lambda: raw.torrents()[key]["state"] == "stalledUP")
    return key


def cost(mirror: Mirror) -> int:
    before = mirror.requests
    mirror.snapshot()
    return mirror.requests - before
