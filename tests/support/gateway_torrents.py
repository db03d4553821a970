"""Torrents as the gateway knows them, and an intake that remembers what it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.model.desired import DesiredCategory, DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.intake import EntryChanges, HandedIn, HandInResult
from reconciler.model.magnet import parse_magnet
from reconciler.model.position import Position
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.client_rows import EMPTY_ROW
from tests.support.magnets import make_infohash, make_magnet


def make_entry(number: int, file: str = "intake.yaml", **fields: Any) -> DesiredTorrent:
    """The entry of a made-up torrent, in a line with its number."""
    given = {
        "position": Position(file, number, 5),
        "infohashes": InfoHashes(v1=make_infohash(number)),
        "source": parse_magnet(make_magnet(number)),
        "instance": "home",
    }
    return DesiredTorrent(**{**given, **fields})


def make_known(
    number: int, entry: DesiredTorrent | None = None, row: Mapping[str, Any] | None = None, **fields: Any
) -> KnownTorrent:
    """A made-up torrent, handed in unless the fields say otherwise."""
    given = {"instance": "home", "instances": ("home",), "is_handed_in": True, "is_owned": True}
    values = {**given, **fields}
    return KnownTorrent(row={**EMPTY_ROW, "hash": make_infohash(number), **(row or {})}, entry=entry, **values)


class RecordingIntake:
    """Remembers what it is asked for. `error`: what it raises instead."""

    def __init__(self, entries: Sequence[DesiredTorrent]) -> None:
        self.entries = {torrent_id: entry for entry in entries for torrent_id in entry.ids}
        self.categories = {"own": DesiredCategory("own", Position("intake.yaml", 9, 1), "/data/own")}
        self.calls: list[Any] = []
        self.error: Exception | None = None

    def _record(self, *call: Any) -> None:
        if self.error:
            raise self.error
        self.calls.append(call)

    def hand_in(self, torrents: Sequence[HandedIn]) -> list[HandInResult]:
        """Take everything."""
        self._record("hand_in", [(torrent.link, dict(torrent.keys)) for torrent in torrents])
        return [HandInResult("a" * 40, Position("intake.yaml", 9, 1)) for _ in torrents]

    def change(
        self, infohashes: Sequence[str], changes: EntryChanges | Callable[[DesiredTorrent], EntryChanges]
    ) -> None:
        """Compute the changes."""
        entries = {infohash: self.entries[infohash] for infohash in infohashes}
        changed = {key: changes(entry) if callable(changes) else changes for key, entry in entries.items()}
        self._record("change", changed)

    def remove(self, infohashes: Sequence[str], *, delete_files: bool) -> None:
        """Delete at once."""
        self._record("remove", list(infohashes), delete_files)
        for infohash in infohashes:
            del self.entries[infohash]

    def set_category(self, name: str, save_path: str | None, *, download_path: str | bool | None = None) -> None:
        """Remember."""
        self._record("set_category", name, save_path, download_path)

    def remove_categories(self, names: Sequence[str]) -> None:
        """Remember."""
        self._record("remove_categories", list(names))
