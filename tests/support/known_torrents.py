"""Torrents of a catalogue, for tests of what shows them."""

from __future__ import annotations

import hashlib
from typing import Any

from reconciler.model.desired import DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.position import Position
from reconciler.web.catalogue import KnownTorrent


def make_hash(number: int) -> str:
    """Return an invented infohash."""
    return hashlib.sha1(f"torrent {number}".encode()).hexdigest()


def make_known_torrent(number: int, *, instance: str | None = "home", **row: Any) -> KnownTorrent:
    """Return a torrent that one instance has, or none; keys of its row can be given."""
    infohash = make_hash(number)
    full_row = {
        "hash": infohash,
        "infohash_v1": infohash,
        "infohash_v2": "",
        "name": f"Film {number}",
        "state": "stalledUP",
        "category": "films",
        "tags": "a, b",
        "save_path": "/data/films",
        "progress": 1.0,
        "eta": 8_640_000,
        "ratio": 0.5,
        "size": 1000,
        "dlspeed": 0,
        "upspeed": 7,
        "added_on": 1_767_355_200,
        "completion_on": -1,
        "tracker": "https://tracker.example/0123456789abcdef/announce",
        "magnet_uri": f"magnet:?xt=urn:btih:{infohash}&tr=https%3A%2F%2Ftracker.example%2F0123456789abcdef",
        **row,
    }
    entry = DesiredTorrent(
        Position("desired.yaml", number + 1, 5), InfoHashes(v1=infohash), None, "all", labels={"movie_id": str(number)}
    )
    return KnownTorrent(
        row=full_row,
        instance=instance,
        instances=(instance,) if instance else (),
        entry=entry,
        is_owned=True,
        sync_state="in_sync" if instance else "pending",
        reason="" if instance else "no healthy member",
        position=entry.position,
    )
