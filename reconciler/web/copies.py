"""The copies of a torrent on several instances. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from reconciler.model.rows import InstanceRows, Row
from reconciler.web.client_rows import list_row_ids

T = TypeVar("T")


def group_copies(
    instances: Iterable[InstanceRows],
) -> Iterator[tuple[str, Sequence[tuple[InstanceRows, Row]], tuple[str, ...]]]:
    """Yield each torrent with its copies, the best first, and all its ids."""
    groups: dict[str, tuple[str, list[tuple[InstanceRows, Row]], tuple[str, ...]]] = {}
    key_by_id: dict[str, str] = {}
    for rows in instances:
        for torrent_id, row in rows.rows.items():
            ids = list_row_ids(torrent_id, row)
            key = find_first(key_by_id, ids) or torrent_id
            group = groups.get(key)
            if group is None:
                groups[key] = key, [(rows, row)], ids
            else:
                group[1].append((rows, row))
                groups[key] = key, group[1], tuple(dict.fromkeys((*group[2], *ids)))
            for other_id in ids:
                key_by_id[other_id] = key
    for key, copies, ids in groups.values():
        yield key, sorted(copies, key=rank_copy) if len(copies) > 1 else copies, ids


def find_first(values: Mapping[str, T], ids: Iterable[str]) -> T | None:
    """Return the value of the first id that has one."""
    for torrent_id in ids:
        if (value := values.get(torrent_id)) is not None:
            return value
    return None


def rank_copy(copy: tuple[InstanceRows, Row]) -> tuple[bool, float]:
    """Rank a copy: of an instance that was read, then the most complete one. Equal ones keep their order."""
    rows, row = copy
    progress = row.get("progress")
    return not rows.is_read, -progress if isinstance(progress, (int, float)) else 0.0
