"""Real servers that exchange made-up torrents over loopback: a tracker, and a seed outside the desired state."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.conftest import MakeServer
from tests.support.instances import make_instance
from tests.support.opentracker import Opentracker
from tests.support.raw import RawClient
from tests.support.torrents import make_content, make_torrent

DEFAULT_SIZE: Final = 200_000
# All peers are on one address, and none waits for its turn, nor for one that is down and that µTP would wait for. What
# has changed is shown at once (ms).
SESSION_SETTINGS: Final = {
    "Session\\MultiConnectionsPerIp": "true",
    "Session\\QueueingSystemEnabled": "false",
    "Session\\BTProtocol": "TCP",
    "Session\\RefreshInterval": "100",
}

SEED_OPTIONS: Final = AddOptions(stopped=False, auto_tmm=False, extra_options=(("skip_checking", True),))


class Swarm:
    """A tracker and the servers that use it."""

    def __init__(self, make_server: MakeServer) -> None:
        self._make_server = make_server
        self._tracker = Opentracker()

    def __enter__(self) -> Self:
        self._tracker.__enter__()
        self._seed = self.start_server()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tracker.__exit__(kind, error, traceback)

    def start_server(self, version: str | None = None) -> QbittorrentServer:
        """Start another peer, of a version if one is named."""
        return self._make_server(version, session=SESSION_SETTINGS)

    def make_torrent_file(self, number: int, size: int = DEFAULT_SIZE) -> bytes:
        """The .torrent file of a made-up torrent that the tracker knows."""
        data = make_torrent(number, size=size, trackers=(self._tracker.url,))
        self._tracker.allow_torrent(str(parse_metainfo(data).infohashes.v1))
        return data

    def seed_torrents(self, folder: Path, *numbers: int, size: int = DEFAULT_SIZE) -> dict[int, str]:
        """The infohashes of made-up torrents that are seeded from now on; `N.torrent` in the folder has each."""
        files = {number: self.make_torrent_file(number, size) for number in numbers}
        for number, data in files.items():
            (folder / f"{number}.torrent").write_bytes(data)
            write_data(self._seed, number, size)
        with Session(make_instance(self._seed)) as session:
            session.add_torrent_files({str(n): data for n, data in files.items()}, SEED_OPTIONS)
        hashes = {number: str(parse_metainfo(data).infohashes.v1) for number, data in files.items()}
        raw = RawClient(self._seed)
        raw.wait_until(lambda: all(is_complete(raw, key) for key in hashes.values()), 60)
        return hashes

    def write_unseeded_torrent(self, folder: Path, number: int) -> str:
        """Write a torrent file without a seed, and return its infohash."""
        data = self.make_torrent_file(number)
        (folder / f"{number}.torrent").write_bytes(data)
        return str(parse_metainfo(data).infohashes.v1)


def write_data(server: QbittorrentServer, number: int, size: int = DEFAULT_SIZE, share: float = 1.0) -> None:
    """The data of a made-up torrent, or the first part of it, in the server's folder."""
    (server.downloads / f"torrent-{number}").write_bytes(make_content(number, size)[: int(size * share)])


def has_file(server: QbittorrentServer, number: int) -> bool:
    """Return True if the server's folder has its file, with any contents."""
    return (server.downloads / f"torrent-{number}").exists()


def has_data(server: QbittorrentServer, number: int, size: int = DEFAULT_SIZE) -> bool:
    """Return True if the server's folder has every byte of it."""
    return has_file(server, number) and (server.downloads / f"torrent-{number}").read_bytes() == make_content(
        number, size
    )


def shut_down(server: QbittorrentServer) -> None:
    """Stop the server in order, so that it saves its progress; after a kill it may have lost that it was complete."""
    os.kill(server.pid, signal.SIGTERM)
    RawClient.wait_until(lambda: server.exit_text is not None)
    server.kill()


def is_complete(raw: RawClient, key: str) -> bool:
    """Return True if the torrent is complete and seeding on the server."""
    row = raw.list_torrents().get(key, {})
    whole = ("uploading", "stalledUP", "queuedUP", "pausedUP", "stoppedUP")
    return row.get("progress") == 1 and row["state"] in whole
