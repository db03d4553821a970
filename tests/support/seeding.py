"""Made-up torrents that a real server seeds, so that another one can get their metadata and data over loopback."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from reconciler.demo.servers import Server
from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import read_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.live.places import instance
from tests.support.raw import Raw
from tests.support.torrents import Kind, content, torrent

SIZE = 100_000


def seeded(server: Server, number: int, kind: Kind) -> InfoHashes:
    """The infohashes of a made-up torrent, which that server seeds from now on."""
    data = torrent(number, kind, size=SIZE)
    (server.downloads / f"torrent-{number}").write_bytes(content(number, SIZE))
    hashes, raw = read_metainfo(data).infohashes, Raw(server)
    with Session(instance(server)) as session:
        session.upload({"a": data}, AddOptions(stopped=False, auto_tmm=False))
    raw.eventually(lambda: any(row["state"] == "stalledUP" for key, row in raw.torrents().items() if key in hashes.ids))
    return hashes


def link(hashes: InfoHashes) -> str:
    """A magnet link of the v1 hash alone."""
    return f"magnet:?xt=urn:btih:{hashes.v1}"


def meet(server: Server, key: str, seeder: Server, within: float = 60.0) -> None:
    """Tell a server of a peer, as soon as it has the torrent and until it has the metadata: it may be busy queueing."""
    raw = Raw(server)
    there = False

    def has_metadata() -> bool:
        nonlocal there
        row = raw.torrents().get(key)
        if row and row["size"] == 0:
            raw.post("torrents/addPeers", hashes=key, peers=f"127.0.0.1:{seeder.listen_port}")
        there = there or bool(row)
        return there and (not row or row["size"] > 0)

    raw.eventually(has_metadata, within)


@contextmanager
def meeting(server: Server, key: str, seeder: Server) -> Iterator[None]:
    """The same meanwhile: the metadata comes as early as it can."""
    with ThreadPoolExecutor(1) as pool:
        met = pool.submit(meet, server, key, seeder)
        yield
        met.result()


def upload(server: Server, number: int, size: int) -> str:
    """Give a server the .torrent file of a made-up torrent, running; gives its infohash."""
    data = torrent(number, size=size)
    with Session(instance(server)) as session:
        session.upload({"a": data}, AddOptions(stopped=False, auto_tmm=False))
    key = read_metainfo(data).infohashes.v1
    assert key
    return key


def seeded_slowly(server: Server, number: int, size: int, rate: int) -> str:
    """The infohash of a made-up torrent that the server seeds with so many bytes a second."""
    (server.downloads / f"torrent-{number}").write_bytes(content(number, size))
    raw, key = Raw(server), upload(server, number, size)
    raw.eventually(lambda: raw.torrents().get(key, {}).get("progress") == 1)
    raw.post("torrents/setUploadLimit", hashes=key, limit=rate)
    return key


@contextmanager
def introduced(server: Server, key: str, seeder: Server) -> Iterator[None]:
    """Meanwhile a server is told of a peer again and again: one that checks its files takes none."""
    raw, over = Raw(server), Event()

    def tell() -> None:
        while not over.wait(0.3):
            if key in raw.torrents():
                raw.post("torrents/addPeers", hashes=key, peers=f"127.0.0.1:{seeder.listen_port}")

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(tell)
        try:
            yield
        finally:
            over.set()
        told.result()
