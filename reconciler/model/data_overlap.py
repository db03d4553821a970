"""The paths of the data of torrents, and an index of them that finds torrents that may share files.

Only paths are compared, so "may": a folder that two torrents share need not contain a file of both. qBittorrent before
4.3.1 does not report the path of a torrent's content. There it is assumed to be the torrent's name in its save path
(which a user may have renamed), or where its files are, if they were read; and torrents of equal size in one folder are
assumed to have the same content.

See docs/decisions/0042-keep-data-that-other-torrents-may-use.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from reconciler.model.paths import normalize_path
from reconciler.model.snapshot import LiveTorrent

MAX_OVERLAPS: Final = 10  # torrents that are named for one torrent


def find_data_paths(torrent: LiveTorrent) -> tuple[str, ...]:
    """Return the paths of the data of a torrent, now and once it is complete; none without a path."""
    paths = []
    if torrent.content_path:
        name = torrent.content_path.rpartition("/")[2]
        paths = [normalize_data_path(torrent.content_path)]
        if torrent.progress < 1:  # the data may still be in the folder for incomplete downloads
            paths.append(normalize_data_path(torrent.save_path, name))
    elif torrent.save_path:
        names = dict.fromkeys((torrent.name, *(file.path.partition("/")[0] for file in torrent.files or ())))
        paths = [normalize_data_path(torrent.save_path, name) for name in names]
        if torrent.size:
            paths.append(f"{normalize_data_path(torrent.save_path)}\0{torrent.size}")
    return tuple(dict.fromkeys(paths))


def name_on_instance(infohash: str, instance: str) -> str:
    """Return what stands for a torrent of another instance among infohashes."""
    return f"{infohash} on {instance}"


def normalize_data_path(folder: str, name: str = "") -> str:
    """Return a path in the form in which data paths are compared; on Windows without regard to case."""
    path = normalize_path(f"{normalize_path(folder).rstrip('/')}/{name}" if name else folder)
    return path.casefold() if path[1:2] == ":" or path.startswith("//") else path


def iter_parent_folders(data_path: str) -> Iterator[str]:
    """Iterate over the parent folders of a data path, innermost first."""
    while (data_path := data_path.rpartition("/")[0]) and "/" in data_path:
        yield data_path


class DataPathIndex:
    """The torrents that have data at each path, and below each folder, by infohash."""

    def __init__(self, torrents: Iterable[LiveTorrent]) -> None:
        self._owners_at: defaultdict[str, set[str]] = defaultdict(set)
        self._owners_under: defaultdict[str, set[str]] = defaultdict(set)
        for torrent in torrents:
            for data_path in find_data_paths(torrent):
                self.add(data_path, str(torrent.infohashes))

    def add(self, data_path: str, infohash: str) -> None:
        """Record that a torrent has, or will have, data at a path."""
        self._owners_at[data_path].add(infohash)
        for folder in iter_parent_folders(data_path):
            self._owners_under[folder].add(infohash)

    def add_sharer(self, instance: str, torrents: Iterable[LiveTorrent]) -> None:
        """Record the torrents of another instance, which sees the same files: each by its infohash and that name."""
        for torrent in torrents:
            for data_path in find_data_paths(torrent):
                self.add(data_path, name_on_instance(str(torrent.infohashes), instance))

    def find_overlaps(self, torrent: LiveTorrent, besides: Collection[str] = ()) -> tuple[str, ...]:
        """Return the torrents with data at the same path, above or below it: at most `MAX_OVERLAPS`, sorted.

        `besides`: the infohashes of torrents that do not count.
        """
        own_infohash = str(torrent.infohashes)
        others = self._find_infohashes(find_data_paths(torrent))
        return _name_some(infohash for infohash in others if infohash != own_infohash and infohash not in besides)

    def find_at(self, data_paths: Iterable[str]) -> tuple[str, ...]:
        """Return the torrents with data at one of these paths, above or below it, in the same way."""
        return _name_some(self._find_infohashes(data_paths))

    def _find_infohashes(self, data_paths: Iterable[str]) -> set[str]:
        infohashes: set[str] = set()
        for data_path in data_paths:
            infohashes |= self._owners_at.get(data_path, set()) | self._owners_under.get(data_path, set())
            for folder in iter_parent_folders(data_path):
                infohashes |= self._owners_at.get(folder, set())
        return infohashes


def _name_some(infohashes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(infohashes)[:MAX_OVERLAPS])
