"""The differences between a projected snapshot and one that was read: none, in the fields that we manage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from reconciler.model.links import TRACKERS, WEB_SEEDS, parse_link_urls
from reconciler.model.preferences import reveal_value
from reconciler.model.snapshot import LiveTorrent, Snapshot

_READ_FIELDS = ("infohashes", "name", "stopped", "category", "tags", "auto_tmm", "comment")


def list_differences(projected: Snapshot, read: Snapshot, added_ids: Collection[str] = ()) -> list[str]:
    """Return what differs. The files of the torrents in `added_ids` and their own trackers are not projected."""
    paths = {torrent.id: torrent.save_path for torrent in read.torrents}
    torrents = [  # a path that the projection does not know is the one that was read
        torrent if torrent.save_path else replace(torrent, save_path=paths.get(torrent.id, ""))
        for torrent in projected.torrents
    ]
    sides = [
        {torrent.id: _describe_torrent(torrent, torrent.id in added_ids) for torrent in side}
        for side in (torrents, read.torrents)
    ]
    categories = [
        {name: {"download_path": category.download_path, "save_path": category.save_path} for name, category in shown}
        for shown in (projected.categories.items(), read.categories.items())
    ]
    return [*_compare(*sides), *_compare(*categories)]


def list_preference_differences(projected: Snapshot, read: Snapshot, names: Collection[str]) -> list[str]:
    """Return which of these preferences differ."""
    before, after = projected.preferences or {}, read.preferences or {}
    shown = [name for name in names if name in before or name in after]
    return [name for name in shown if reveal_value(before[name]) != reveal_value(after[name])]


def _describe_torrent(torrent: LiveTorrent, is_added: bool) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(torrent, name) for name in _READ_FIELDS}
    values |= {name: getattr(torrent.options, name) for name in torrent.options.__slots__}
    values["save_path"] = torrent.save_path
    if torrent.options.download_path == torrent.save_path:
        values["download_path"] = ""
    if torrent.auto_tmm:
        values.pop("download_path")  # it is that of the category then, and no entry can declare it
    if is_added and torrent.has_metadata:
        values.pop("name")  # the .torrent files of tests have other names than their entries
    if not is_added:
        values |= {field: sorted(parse_link_urls(torrent.links, field)) for field in (TRACKERS, WEB_SEEDS)}
        values["files"] = torrent.files
    return values


def _compare(projected: dict[str, dict[str, Any]], read: dict[str, dict[str, Any]]) -> list[str]:
    differences = [f"{key}: {'not there' if key in projected else 'there'}" for key in projected.keys() ^ read.keys()]
    for key in projected.keys() & read.keys():
        for name, value in projected[key].items():
            if value != read[key].get(name):
                differences.append(f"{key}: {name}: projected {value!r}, read {read[key].get(name)!r}")
    return differences
