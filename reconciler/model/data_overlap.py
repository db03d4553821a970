"""Where the files of a torrent are, for telling whether two torrents may have files in common.

Only paths are compared, so "may": a folder that two torrents share need not hold a file that both have. qBittorrent
before 4.3.1 does not tell where the content of a torrent is; there it is its name in its save path (which a person may
have renamed), and torrents of one size in one folder are taken for the same content.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.model.paths import normal_path
from reconciler.model.snapshot import LiveTorrent

NAMED: Final = 10  # of those that share files with one torrent


def places(torrent: LiveTorrent) -> tuple[str, ...]:
    """The places of its content, now and when it is complete; none without a path."""
    found = []
    if torrent.content_path:
        name = torrent.content_path.rpartition("/")[2]
        found = [place_of(torrent.content_path)]
        if torrent.progress < 1:  # it may still be in a folder for what is incomplete
            found.append(place_of(torrent.save_path, name))
    elif torrent.save_path:
        found = [place_of(torrent.save_path, torrent.name)]
        if torrent.size:
            found.append(f"{place_of(torrent.save_path)}\0{torrent.size}")
    return tuple(dict.fromkeys(found))


def place_of(folder: str, name: str = "") -> str:
    """A path in the form in which places are compared; Windows does not tell capitals."""
    path = normal_path(f"{folder.rstrip('/')}/{name}" if name else folder)
    return path.casefold() if path[1:2] == ":" or path.startswith("//") else path


def ancestors(place: str) -> Iterator[str]:
    """The folders around a place."""
    while (place := place.rpartition("/")[0]) and "/" in place:
        yield place


class Places:
    """Where the files of some torrents are, and in which folders, each place with whose it is."""

    def __init__(self, torrents: Iterable[LiveTorrent]) -> None:
        self._at: defaultdict[str, set[str]] = defaultdict(set)
        self._under: defaultdict[str, set[str]] = defaultdict(set)
        for torrent in torrents:
            for place in places(torrent):
                self.put(place, str(torrent.infohashes))

    def put(self, place: str, infohash: str) -> None:
        """Somebody has, or will have, files there."""
        self._at[place].add(infohash)
        for folder in ancestors(place):
            self._under[folder].add(infohash)

    def sharing(self, torrent: LiveTorrent) -> tuple[str, ...]:
        """Who has files at the same place, around it or within it: at most `NAMED`, sorted."""
        found: set[str] = set()
        for place in places(torrent):
            found |= self._at.get(place, set()) | self._under.get(place, set())
            for folder in ancestors(place):
                found |= self._at.get(folder, set())
        return tuple(sorted(found - {str(torrent.infohashes)})[:NAMED])
