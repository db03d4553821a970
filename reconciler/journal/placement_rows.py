"""What placement knows, as rows. Only what has changed is written: processes that share a journal (shards, runs with
`--instance`) keep theirs side by side, and none overwrites what another knows.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from reconciler.model.desired import DesiredState
from reconciler.model.groups import Outage, PendingTorrent, PlacementFacts
from reconciler.model.position import Position

K = TypeVar("K")
V = TypeVar("V")


def read_placement_facts(connection: sqlite3.Connection, desired: DesiredState) -> PlacementFacts:
    """What was kept of the instances that there are, at the addresses that they have now, and of the groups."""
    urls = {name: one.url for name, one in desired.instances.items()}
    downs = connection.execute("SELECT instance, url, since, reason FROM down WHERE owner = ?", (desired.owner,))
    down = {
        name: Outage(_datetime_from_timestamp(since), why) for name, url, since, why in downs if urls.get(name) == url
    }
    helds = connection.execute("SELECT instance, url, ids FROM held WHERE owner = ?", (desired.owner,))
    held = {name: _decompress_ids(ids) for name, url, ids in helds if urls.get(name) == url}
    query = "SELECT grp, infohash, name, reason, file, line, col, until, since FROM pending WHERE owner = ?"
    found = [
        PendingTorrent(
            infohash,
            name,
            group,
            reason,
            Position(*at),
            until and _datetime_from_timestamp(until),
            _datetime_from_timestamp(since),
        )
        for group, infohash, name, reason, *at, until, since in connection.execute(query, (desired.owner,))
        if group in desired.groups
    ]
    return PlacementFacts(down, held, {(one.group, one.infohash): one for one in found})


def write_placement_facts(
    connection: sqlite3.Connection, desired: DesiredState, before: PlacementFacts, after: PlacementFacts
) -> None:
    """Keep what is known `after` and was not `before`."""
    owner = desired.owner
    for name, down in _diff_mappings(before.outages, after.outages):
        connection.execute("DELETE FROM down WHERE owner = ? AND instance = ?", (owner, name))
        if down:
            row = (owner, name, desired.instances[name].url, down.since.timestamp(), down.reason)
            connection.execute("INSERT INTO down VALUES (?, ?, ?, ?, ?)", row)
    for name, held in _diff_mappings(before.held_ids, after.held_ids):
        connection.execute("DELETE FROM held WHERE owner = ? AND instance = ?", (owner, name))
        if held is not None:
            connection.execute(
                "INSERT INTO held VALUES (?, ?, ?, ?)", (owner, name, desired.instances[name].url, _compress_ids(held))
            )
    for key, pending in _diff_mappings(before.pending, after.pending):
        connection.execute("DELETE FROM pending WHERE owner = ? AND grp = ? AND infohash = ?", (owner, *key))
        if pending:
            connection.execute(
                "INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (owner, *_make_pending_row(pending))
            )


def _diff_mappings(before: Mapping[K, V], after: Mapping[K, V]) -> Iterator[tuple[K, V | None]]:
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            yield key, after.get(key)


def _make_pending_row(pending: PendingTorrent) -> tuple[object, ...]:
    since = pending.since.timestamp() if pending.since else 0.0
    until = pending.until and pending.until.timestamp()
    at = (pending.position.file, pending.position.line, pending.position.column)
    return pending.group, pending.infohash, pending.name, pending.reason, *at, until, since


def _datetime_from_timestamp(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def _compress_ids(ids: frozenset[str]) -> bytes:
    return zlib.compress("\n".join(sorted(ids)).encode())


def _decompress_ids(ids: bytes) -> frozenset[str]:
    return frozenset(zlib.decompress(ids).decode().split())
