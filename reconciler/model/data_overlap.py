"""Where the files of a torrent are, for telling whether two torrents may have files in common.

Only paths are compared, so "may": a folder that two torrents share need not hold a file that both have. qBittorrent
before 4.3.1 does not tell where the content of a torrent is; there it is its name in its save path (which a person may
have renamed), and torrents of one size in one folder are taken for the same content.

See docs/decisions/0042-keep-data-that-other-torrents-may-use.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.model.paths import normalize_path
from reconciler.model.snapshot import LiveTorrent

MAX_OVERLAPS: Final = 10  # of those that share files with one torrent


def find_data_paths(torrent: LiveTorrent) -> tuple[str, ...]:
    """The places of its content, now and when it is complete; none without a path."""
    found = []
    if torrent.content_path:
        name = torrent.content_path.rpartition("/")[2]
        found = [normalize_data_path(torrent.content_path)]
        if torrent.progress < 1:  # it may still be in a folder for what is incomplete
            found.append(normalize_data_path(torrent.save_path, name))
    elif torrent.save_path:
        found = [normalize_data_path(torrent.save_path, torrent.name)]
        if torrent.size:
            found.append(f"{normalize_data_path(torrent.save_path)}\0{torrent.size}")
    return tuple(dict.fromkeys(found))


def normalize_data_path(folder: str, name: str = "") -> str:
    """A path in the form in which places are compared; Windows does not tell capitals."""
    path = normalize_path(f"{folder.rstrip('/')}/{name}" if name else folder)
    return path.casefold() if path[1:2] == ":" or path.startswith("//") else path


def iter_parent_folders(data_path: str) -> Iterator[str]:
    """The folders around a place."""
    while (data_path := data_path.rpartition("/")[0]) and "/" in data_path:
        yield data_path


class DataPathIndex:
    """Where the files of some torrents are, and in which folders, each place with whose it is."""

    def __init__(self, torrents: Iterable[LiveTorrent]) -> None:
        self._owners_at: defaultdict[str, set[str]] = defaultdict(set)
        self._owners_under: defaultdict[str, set[str]] = defaultdict(set)
        for torrent in torrents:
            for place in find_data_paths(torrent):
                self.add(place, str(torrent.infohashes))

    def add(self, data_path: str, infohash: str) -> None:
        """Somebody has, or will have, files there."""
        self._owners_at[data_path].add(infohash)
        for folder in iter_parent_folders(data_path):
            self._owners_under[folder].add(infohash)

    def find_overlaps(self, torrent: LiveTorrent) -> tuple[str, ...]:
        """Who has files at the same place, around it or within it: at most `MAX_OVERLAPS`, sorted."""
        found: set[str] = set()
        for place in find_data_paths(torrent):
            found |= self._owners_at.get(place, set()) | self._owners_under.get(place, set())
            for folder in iter_parent_folders(place):
                found |= self._owners_at.get(folder, set())
        return tuple(sorted(found - {str(torrent.infohashes)})[:MAX_OVERLAPS])
