"""The rows of placement facts.

Only changes are written, so that processes that share a journal (shards, runs with `--instance`) do not overwrite each
other's facts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

from reconciler.journal.database import compress_ids, compress_paths, decompress_ids, decompress_paths, read_rows
from reconciler.model.desired import DesiredState
from reconciler.model.groups import Outage, PendingTorrent, PlacementFacts
from reconciler.model.position import Position

_PENDING_TYPES: Final = (str, str, str, str, str, int, int, float | None, float)
K = TypeVar("K")
V = TypeVar("V")


def read_placement_facts(connection: sqlite3.Connection, desired: DesiredState) -> PlacementFacts:
    """Return the saved facts about declared groups, and about declared instances that still have the same URL."""
    urls = {name: instance.url for name, instance in desired.instances.items()}
    owner = (desired.owner,)
    query = "SELECT instance, url, since, reason FROM down WHERE owner = ?"
    rows = read_rows(connection, query, owner, str, str, float, str)
    outages = {
        name: Outage(_datetime_from_timestamp(since), reason)
        for name, url, since, reason in rows
        if urls.get(name) == url
    }
    rows = read_rows(connection, "SELECT instance, url, ids FROM held WHERE owner = ?", owner, str, str, bytes)
    held_ids = {name: decompress_ids(ids) for name, url, ids in rows if urls.get(name) == url}
    rows = read_rows(connection, "SELECT instance, url, paths FROM held_paths WHERE owner = ?", owner, str, str, bytes)
    held_paths = {name: decompress_paths(paths) for name, url, paths in rows if urls.get(name) == url}
    query = "SELECT grp, infohash, name, reason, file, line, col, until, since FROM pending WHERE owner = ?"
    rows = read_rows(connection, query, owner, *_PENDING_TYPES)
    pending = [
        PendingTorrent(
            infohash,
            name,
            group,
            reason,
            Position(*position),
            _datetime_from_timestamp(until) if until else None,
            _datetime_from_timestamp(since),
        )
        for group, infohash, name, reason, *position, until, since in rows
        if group in desired.groups
    ]
    pending_by_key = {(entry.group, entry.infohash): entry for entry in pending}
    return PlacementFacts(outages, held_ids, pending_by_key, held_paths=held_paths)


def write_placement_facts(
    connection: sqlite3.Connection, desired: DesiredState, before: PlacementFacts, after: PlacementFacts
) -> None:
    """Write the difference between `before` and `after`."""
    owner = desired.owner
    for name, outage in _diff_mappings(before.outages, after.outages):
        connection.execute("DELETE FROM down WHERE owner = ? AND instance = ?", (owner, name))
        if outage:
            row = (owner, name, desired.instances[name].url, outage.since.timestamp(), outage.reason)
            connection.execute("INSERT INTO down VALUES (?, ?, ?, ?, ?)", row)
    for name, ids in _diff_mappings(before.held_ids, after.held_ids):
        connection.execute("DELETE FROM held WHERE owner = ? AND instance = ?", (owner, name))
        if ids is not None:
            connection.execute(
                "INSERT INTO held VALUES (?, ?, ?, ?)", (owner, name, desired.instances[name].url, compress_ids(ids))
            )
    for name, paths in _diff_mappings(before.held_paths, after.held_paths):
        connection.execute("DELETE FROM held_paths WHERE owner = ? AND instance = ?", (owner, name))
        if paths is not None:
            connection.execute(
                "INSERT INTO held_paths VALUES (?, ?, ?, ?)",
                (owner, name, desired.instances[name].url, compress_paths(paths)),
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
    position = (pending.position.file, pending.position.line, pending.position.column)
    return pending.group, pending.infohash, pending.name, pending.reason, *position, until, since


def _datetime_from_timestamp(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
