"""Tags in memory, of torrents and of the instance itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeVar

from reconciler.model.server_effects import trim_tags
from reconciler.model.snapshot import LiveTorrent

T = TypeVar("T")


class MemoryTags:
    """The tag calls of `MemoryInstance`. `tag_names`: the tags that were created, also for a torrent."""

    torrents: dict[str, LiveTorrent]
    tag_names: set[str]

    def read_tags(self) -> frozenset[str]:
        """Return all tags of the instance."""
        return self._run_request(
            lambda: frozenset[str]().union(self.tag_names, *(torrent.tags for torrent in self.torrents.values()))
        )

    def create_tags(self, tags: Collection[str]) -> None:
        """Create tags. An existing tag is no error."""
        names = trim_tags(check_items(tags))
        self._run_request(lambda: self.tag_names.update(names))

    def delete_tags(self, tags: Collection[str]) -> None:
        """Delete tags, also from torrents. A missing tag is no error."""
        names = trim_tags(check_items(tags))

        def work() -> None:
            self.tag_names -= names
            for key, torrent in self.torrents.items():
                self.torrents[key] = replace(torrent, tags=torrent.tags - names)

        self._run_request(work)

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Add tags to torrents, and create them."""
        names = trim_tags(check_items(tags))

        def change(torrent: LiveTorrent) -> LiveTorrent:
            self.tag_names |= names
            return replace(torrent, tags=torrent.tags | names)

        self._change_torrents(ids, change)

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Remove tags from torrents. They remain tags of the instance."""
        names = trim_tags(check_items(tags))

        def change(torrent: LiveTorrent) -> LiveTorrent:
            self.tag_names |= torrent.tags
            return replace(torrent, tags=torrent.tags - names)

        self._change_torrents(ids, change)

    def _run_request(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def _change_torrents(self, ids: Collection[str], change: Callable[[LiveTorrent], LiveTorrent]) -> None:
        raise NotImplementedError


def check_items(items: Collection[str]) -> list[str]:
    """Return ids or tags as a list; raise `ValueError` for none, or for the word that means all."""
    if not items or "all" in items:
        raise ValueError("ids and tags are a non-empty collection, without `all`")
    return list(items)
