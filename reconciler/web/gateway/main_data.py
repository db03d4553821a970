"""Replies of `sync/maindata`: everything, or what has changed since a reply that the client has. Pure."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Final

from pydantic_core import to_json

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.rows import Row
from reconciler.web.catalogue import KnownTorrent

MAX_RID: Final = 1_000_000  # after it, they begin at 1 again


@dataclass(frozen=True, slots=True)
class MainState:
    """All that a client can know at one moment."""

    torrents: Mapping[str, KnownTorrent] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    trackers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    server_state: Mapping[str, Any] = field(default_factory=dict)


class MainDataMemory:
    """The states that a session was sent last, by the `rid` of the reply. Thread-safe.

    `kept`: how many of them. A client needs two: the one that it has, and the one that it is sent, which may get lost.
    """

    def __init__(self, kept: int = 2) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._last_rid = 0
        self._states: dict[int, MainState] = {}

    def reply(self, rid: int, state: MainState) -> bytes:
        """Return the reply to a client that has the reply `rid`; an unknown one gets everything."""
        with self._lock:
            before = self._states.pop(rid, None) if rid > 0 else None
            self._last_rid = new_rid = self._last_rid % MAX_RID + 1
            known = {**self._states, rid: before} if before else self._states
            self._states = dict(list({**known, new_rid: state}.items())[-self._kept :])
        if before is None:
            return encode_full(new_rid, state)
        return to_json({**compute_changes(before, state), "rid": new_rid}, inf_nan_mode="null")


def compute_changes(before: MainState, after: MainState) -> dict[str, Any]:
    """Return the keys of a reply for all that has changed."""
    reply: dict[str, Any] = {}
    _add_changes(reply, "categories", before.categories, after.categories)
    if before.tags != after.tags:
        _add_lists(reply, "tags", before.tags, after.tags)
    if before.torrents is not after.torrents:
        changed = {}
        for key, known in after.torrents.items():
            old = before.torrents.get(key)
            if old is not known and (fields := _compare_rows(old, known)):
                changed[key] = fields
        _add_section(reply, "torrents", changed, before.torrents.keys() - after.torrents.keys())
    if before.trackers is not after.trackers:
        changed_trackers = {url: ids for url, ids in after.trackers.items() if before.trackers.get(url) != ids}
        _add_section(reply, "trackers", changed_trackers, before.trackers.keys() - after.trackers.keys())
    state = {key: value for key, value in after.server_state.items() if before.server_state.get(key) != value}
    if state:
        reply["server_state"] = state
    return reply


def encode_full(rid: int, state: MainState) -> bytes:
    """Return a full reply."""
    optional = {
        "categories": state.categories,
        "tags": state.tags,
        "torrents": {key: _copy_without_id(known.row) for key, known in state.torrents.items()},
        "trackers": state.trackers,
    }
    sections = {"full_update": True, "rid": rid, "server_state": state.server_state}
    return to_json({**sections, **{key: value for key, value in optional.items() if value}}, inf_nan_mode="null")


def index_trackers(torrents: Mapping[str, KnownTorrent]) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the torrents of each tracker."""
    ids_by_url: dict[str, list[str]] = {}
    for key, known in torrents.items():
        for url in known.trackers:
            ids_by_url.setdefault(url, []).append(key)
    return {url: tuple(ids) for url, ids in ids_by_url.items()}


def _copy_without_id(row: Row) -> Row:
    copy = dict(row)
    del copy["hash"]
    return copy


def _compare_rows(old: KnownTorrent | None, known: KnownTorrent) -> Row:
    before: Row = old.row if old else {}
    return {
        name: value
        for name, value in known.row.items()
        if name != "hash" and (name not in before or before[name] != value)
    }


def _add_changes(
    reply: dict[str, Any], name: str, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> None:
    if before is after:
        return
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    _add_section(reply, name, changed, before.keys() - after.keys())


def _add_lists(reply: dict[str, Any], name: str, before: Iterable[str], after: Iterable[str]) -> None:
    old, new = set(before), set(after)
    if added := [item for item in after if item not in old]:
        reply[name] = added
    if removed := [item for item in before if item not in new]:
        reply[f"{name}_removed"] = removed


def _add_section(reply: dict[str, Any], name: str, changed: Mapping[str, Any], removed: Iterable[str]) -> None:
    if changed:
        reply[name] = changed
    if gone := sorted(removed):
        reply[f"{name}_removed"] = gone
