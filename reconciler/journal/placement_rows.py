"""What placement knows, as rows. Only what has changed is written: processes that share a journal (shards, runs with
`--instance`) keep theirs side by side, and none overwrites what another knows.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from reconciler.model.desired import Desired
from reconciler.model.groups import Down, Known, Pending
from reconciler.model.position import Position

K = TypeVar("K")
V = TypeVar("V")


def read_known(file: sqlite3.Connection, desired: Desired) -> Known:
    """What was kept of the instances that there are, at the addresses that they have now, and of the groups."""
    urls = {name: one.url for name, one in desired.instances.items()}
    downs = file.execute("SELECT instance, url, since, reason FROM down WHERE owner = ?", (desired.owner,))
    down = {name: Down(_time(since), why) for name, url, since, why in downs if urls.get(name) == url}
    helds = file.execute("SELECT instance, url, ids FROM held WHERE owner = ?", (desired.owner,))
    held = {name: _unpacked(ids) for name, url, ids in helds if urls.get(name) == url}
    query = "SELECT grp, infohash, name, reason, file, line, col, until, since FROM pending WHERE owner = ?"
    found = [
        Pending(infohash, name, group, reason, Position(*at), until and _time(until), _time(since))
        for group, infohash, name, reason, *at, until, since in file.execute(query, (desired.owner,))
        if group in desired.groups
    ]
    return Known(down, held, {(one.group, one.infohash): one for one in found})


def write_known(file: sqlite3.Connection, desired: Desired, before: Known, after: Known) -> None:
    """Keep what is known `after` and was not `before`."""
    owner = desired.owner
    for name, down in _changes(before.down, after.down):
        file.execute("DELETE FROM down WHERE owner = ? AND instance = ?", (owner, name))
        if down:
            row = (owner, name, desired.instances[name].url, down.since.timestamp(), down.reason)
            file.execute("INSERT INTO down VALUES (?, ?, ?, ?, ?)", row)
    for name, held in _changes(before.held, after.held):
        file.execute("DELETE FROM held WHERE owner = ? AND instance = ?", (owner, name))
        if held is not None:
            file.execute(
                "INSERT INTO held VALUES (?, ?, ?, ?)", (owner, name, desired.instances[name].url, _packed(held))
            )
    for key, pending in _changes(before.pending, after.pending):
        file.execute("DELETE FROM pending WHERE owner = ? AND grp = ? AND infohash = ?", (owner, *key))
        if pending:
            file.execute("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (owner, *_row(pending)))


def _changes(before: Mapping[K, V], after: Mapping[K, V]) -> Iterator[tuple[K, V | None]]:
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            yield key, after.get(key)


def _row(one: Pending) -> tuple[object, ...]:
    since = one.since.timestamp() if one.since else 0.0
    until = one.until and one.until.timestamp()
    at = (one.source.file, one.source.line, one.source.column)
    return one.group, one.infohash, one.name, one.reason, *at, until, since


def _time(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def _packed(ids: frozenset[str]) -> bytes:
    return zlib.compress("\n".join(sorted(ids)).encode())


def _unpacked(ids: bytes) -> frozenset[str]:
    return frozenset(zlib.decompress(ids).decode().split())
