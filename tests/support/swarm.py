"""Real servers that exchange made-up torrents over loopback: a tracker, and a seed that belongs to nobody."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from reconciler.demo.servers import Server
from reconciler.model.metainfo import read_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.conftest import MakeServer
from tests.live.places import instance
from tests.support.opentracker import Opentracker
from tests.support.raw import Raw
from tests.support.torrents import content, torrent

SIZE: Final = 200_000
# All peers are on one address, and none waits for its turn, nor for one that is down and that µTP would wait for. What
# has changed is shown at once (ms).
SESSION: Final = {
    "Session\\MultiConnectionsPerIp": "true",
    "Session\\QueueingSystemEnabled": "false",
    "Session\\BTProtocol": "TCP",
    "Session\\RefreshInterval": "100",
}

SEEDS: Final = AddOptions(stopped=False, auto_tmm=False, more=(("skip_checking", True),))


class Swarm:
    """A tracker, and servers that meet by it."""

    def __init__(self, make_server: MakeServer) -> None:
        self._make_server = make_server
        self._tracker = Opentracker()

    def __enter__(self) -> Self:
        self._tracker.__enter__()
        self._seed = self.server()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tracker.__exit__(kind, error, at)

    def server(self, version: str = "5.1.0") -> Server:
        """One more peer."""
        return self._make_server(version, session=SESSION)

    def torrent(self, number: int, size: int = SIZE) -> bytes:
        """The .torrent file of a made-up torrent that the tracker knows."""
        data = torrent(number, size=size, trackers=(self._tracker.url,))
        self._tracker.allow(str(read_metainfo(data).infohashes.v1))
        return data

    def seeded(self, folder: Path, *numbers: int, size: int = SIZE) -> dict[int, str]:
        """The infohashes of made-up torrents that are seeded from now on; `N.torrent` in the folder has each."""
        files = {number: self.torrent(number, size) for number in numbers}
        for number, data in files.items():
            (folder / f"{number}.torrent").write_bytes(data)
            put(self._seed, number, size)
        with Session(instance(self._seed)) as session:
            session.upload({str(n): data for n, data in files.items()}, SEEDS)
        hashes = {number: str(read_metainfo(data).infohashes.v1) for number, data in files.items()}
        raw = Raw(self._seed)
        raw.eventually(lambda: all(complete(raw, key) for key in hashes.values()), 60)
        return hashes

    def unseeded(self, folder: Path, number: int) -> str:
        """The infohash of a torrent that nobody has."""
        data = self.torrent(number)
        (folder / f"{number}.torrent").write_bytes(data)
        return str(read_metainfo(data).infohashes.v1)


def put(server: Server, number: int, size: int = SIZE, share: float = 1.0) -> None:
    """The data of a made-up torrent, or the first part of it, in the server's folder."""
    (server.downloads / f"torrent-{number}").write_bytes(content(number, size)[: int(size * share)])


def holds_file(server: Server, number: int) -> bool:
    """Is its file in the server's folder, whatever is in it?"""
    return (server.downloads / f"torrent-{number}").exists()


def has_data(server: Server, number: int, size: int = SIZE) -> bool:
    """Is every byte of it in the server's folder?"""
    return holds_file(server, number) and (server.downloads / f"torrent-{number}").read_bytes() == content(number, size)


def complete(raw: Raw, key: str) -> bool:
    """Has the server all of it, and nothing else to do with it?"""
    row = raw.torrents().get(key, {})
    whole = ("uploading", "stalledUP", "queuedUP", "pausedUP", "stoppedUP")
    return row.get("progress") == 1 and row["state"] in whole
