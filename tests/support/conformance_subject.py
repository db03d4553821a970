"""The subject of the conformance suite: a real or in-memory instance, and the means to wait for effects."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reconciler.engine.observation import OpenTarget
from reconciler.model.errors import BrokenResponseError
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.testing import MemoryInstance
from tests.support.server_builds import Build
from tests.support.torrents import make_content, make_created_torrent

EFFECT_TIMEOUT = 60.0  # seconds; on a quiet machine the slowest effect shows with the next refresh, after 1.5 s

STOPPED = AddOptions(stopped=True, auto_tmm=False)


@dataclass(frozen=True)
class ConformanceSubject:
    """One instance under test. Tests share it, so each uses torrents and categories of its own."""

    target: OpenTarget
    build: Build
    root: str  # a folder that the instance can write to

    def write_content(self, number: int) -> str:
        """The path of a new file with the data `content(number)`."""
        path = self.new_path() + ".bin"
        Path(path).write_bytes(make_content(number))
        if isinstance(self.target, MemoryInstance):
            self.target.disk[path] = partial(make_created_torrent, number)
        return path

    def new_path(self) -> str:
        """A folder that nothing else uses."""
        return f"{self.root}/{secrets.token_hex(4)}"

    def new_category(self, save_path: str | None = None) -> str:
        """A category that nothing else uses; made where a path (or "") is given."""
        name = f"c{secrets.token_hex(4)}"
        if save_path is not None:
            self.target.create_category(name, save_path)
        return name

    def add_torrents(self, count: int = 1, options: AddOptions = STOPPED) -> list[str]:
        """The ids of new torrents, once the instance shows them."""
        hashes = [secrets.token_hex(20) for _ in range(count)]
        self.target.add_magnets([make_v1_magnet(key) for key in hashes], options)
        self.wait_until(hashes, lambda torrents: len(torrents) == count)
        return hashes

    def read_torrent(self, key: str) -> LiveTorrent:
        """The torrent of this id."""
        (torrent,) = self.target.read_torrents([key])
        return torrent

    def wait_until(self, ids: Collection[str], holds: Callable[[tuple[LiveTorrent, ...]], bool]) -> None:
        """Read until it holds, or fail."""
        began = time.monotonic()
        while (torrents := self._try_read(ids)) is None or not holds(torrents):
            passed = time.monotonic() - began
            assert passed < EFFECT_TIMEOUT, torrents
            time.sleep(min(0.1, max(0.02, passed / 10)))  # a read costs both sides some milliseconds

    def _try_read(self, ids: Collection[str]) -> tuple[LiveTorrent, ...] | None:
        """Return the torrents, or None if the connection broke.

        A server that was busy for seconds closes its idle connections, even if a request arrives. A run repeats reads.
        """
        try:
            return self.target.read_torrents(ids)
        except BrokenResponseError:
            return None


def make_v1_magnet(key: str, name: str | None = None) -> str:
    """A magnet link of a v1 infohash."""
    return f"magnet:?xt=urn:btih:{key}" + (f"&dn={name}" if name else "")
