"""Made-up torrents that a real server seeds, so that another one can get their metadata and data over loopback."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.support.instances import make_instance
from tests.support.raw import RawClient
from tests.support.torrents import TorrentKind, make_content, make_torrent

DEFAULT_SIZE = 100_000


def seed_torrent(server: QbittorrentServer, number: int, kind: TorrentKind) -> InfoHashes:
    """The infohashes of a made-up torrent, which that server seeds from now on."""
    data = make_torrent(number, kind, size=DEFAULT_SIZE)
    (server.downloads / f"torrent-{number}").write_bytes(make_content(number, DEFAULT_SIZE))
    hashes, raw = parse_metainfo(data).infohashes, RawClient(server)
    with Session(make_instance(server)) as session:
        session.add_torrent_files({"a": data}, AddOptions(stopped=False, auto_tmm=False))
    raw.wait_until(
        lambda: any(row["state"] == "stalledUP" for key, row in raw.list_torrents().items() if key in hashes.ids)
    )
    return hashes


def make_magnet_link(hashes: InfoHashes) -> str:
    """A magnet link of the v1 hash alone."""
    return f"magnet:?xt=urn:btih:{hashes.v1}"


def introduce_peer(server: QbittorrentServer, key: str, seeder: QbittorrentServer, timeout: float = 60.0) -> None:
    """Add a peer as soon as the server lists the torrent, repeatedly until it has the metadata: it may be busy."""
    raw = RawClient(server)
    is_added = False

    def has_metadata() -> bool:
        nonlocal is_added
        row = raw.list_torrents().get(key)
        if row and row["size"] == 0:
            raw.post("torrents/addPeers", hashes=key, peers=f"127.0.0.1:{seeder.listen_port}")
        is_added = is_added or bool(row)
        return is_added and (not row or row["size"] > 0)

    raw.wait_until(has_metadata, timeout)


@contextmanager
def introduce_peer_in_background(server: QbittorrentServer, key: str, seeder: QbittorrentServer) -> Iterator[None]:
    """Introduce a peer during the block, so that the metadata arrives as early as possible."""
    with ThreadPoolExecutor(1) as pool:
        met = pool.submit(introduce_peer, server, key, seeder)
        yield
        met.result()


def upload_torrent(server: QbittorrentServer, number: int, size: int) -> str:
    """Give a server the .torrent file of a made-up torrent, running; return its infohash."""
    data = make_torrent(number, size=size)
    with Session(make_instance(server)) as session:
        session.add_torrent_files({"a": data}, AddOptions(stopped=False, auto_tmm=False))
    key = parse_metainfo(data).infohashes.v1
    assert key
    return key


def seed_torrent_slowly(server: QbittorrentServer, number: int, size: int, rate: int) -> str:
    """The infohash of a made-up torrent that the server seeds with so many bytes a second."""
    (server.downloads / f"torrent-{number}").write_bytes(make_content(number, size))
    raw, key = RawClient(server), upload_torrent(server, number, size)
    raw.wait_until(lambda: raw.list_torrents().get(key, {}).get("progress") == 1)
    raw.post("torrents/setUploadLimit", hashes=key, limit=rate)
    return key


@contextmanager
def keep_introducing_peer(server: QbittorrentServer, key: str, seeder: QbittorrentServer) -> Iterator[None]:
    """Introduce a peer to a server repeatedly until the block ends: a server that checks its files ignores peers."""
    raw, over = RawClient(server), Event()

    def introduce_repeatedly() -> None:
        while not over.wait(0.3):
            if key in raw.list_torrents():
                raw.post("torrents/addPeers", hashes=key, peers=f"127.0.0.1:{seeder.listen_port}")

    with ThreadPoolExecutor(1) as pool:
        introducing = pool.submit(introduce_repeatedly)
        try:
            yield
        finally:
            over.set()
        introducing.result()
