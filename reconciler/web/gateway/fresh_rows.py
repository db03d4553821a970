"""Rows that are read for a change: what a client has just set in another way must not be undone by older rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic_core import from_json

from reconciler.model.rows import InstanceUnavailable, LiveRows
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.client_rows import make_client_row, overlay_entry
from reconciler.web.path_maps import PathMap

_TEXTS: Final = ("hash", "state", "category", "tags", "magnet_uri")


def refresh_torrents(
    targets: Sequence[KnownTorrent], rows: LiveRows, path_map_of: Callable[[str], PathMap]
) -> list[KnownTorrent]:
    """Return torrents with their rows as they are now: one request to each instance.

    Where an instance does not answer, the last known row counts.
    """
    ids_by_instance: dict[str, list[str]] = {}
    for known in targets:
        if known.instance:
            ids_by_instance.setdefault(known.instance, []).append(str(known.row["hash"]))
    fresh = {
        (instance, row["hash"]): make_client_row(row, path_map_of(instance))
        for instance, ids in ids_by_instance.items()
        for row in _read_rows(rows, instance, ids)
    }
    return [_replace_row(known, fresh.get((known.instance or "", known.row["hash"]))) for known in targets]


def _read_rows(rows: LiveRows, instance: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    try:
        answered = from_json(rows.ask(instance, "torrents/info", {"hashes": "|".join(ids)}).body, allow_inf_nan=False)
    except (InstanceUnavailable, ValueError):
        return []
    listed = answered if isinstance(answered, list) else []
    return [row for row in listed if isinstance(row, dict) and all(isinstance(row.get(name), str) for name in _TEXTS)]


def _replace_row(known: KnownTorrent, row: dict[str, Any] | None) -> KnownTorrent:
    if row is None:
        return known
    if known.entry:
        overlay_entry(row, known.entry)
    return replace(known, row=row)
