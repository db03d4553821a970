"""A torrent and entries for tests of single fields."""

from __future__ import annotations

from typing import Any, Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.position import Position
from reconciler.model.snapshot import LiveTorrent

TORRENT: Final = LiveTorrent(
    "a" * 40, InfoHashes("a" * 40), "debian.iso", False, "uploading", "linux", frozenset({"iso"}), "/data"
)


def make_entry(**fields: Any) -> DesiredTorrent:
    """An entry for that torrent, which declares these fields."""
    return DesiredTorrent(Position("desired.yaml", 1, 1), TORRENT.infohashes, None, "home", **fields)
