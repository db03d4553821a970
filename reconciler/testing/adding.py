"""Adding torrents in memory: what each version makes of links, files and metadata."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from reconciler.model.bencode import decode
from reconciler.model.errors import Rejected
from reconciler.model.fields import normal_path
from reconciler.model.files import LiveFile, Priority
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import links_part, with_links
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.metainfo import Metainfo, MetainfoError, read_metainfo
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.testing.categories import BAD_CATEGORY, MemoryCategories
from reconciler.testing.options import MemoryOptions

T = TypeVar("T")


class MemoryAdding(MemoryCategories, MemoryOptions):
    """A part of `MemoryInstance`."""

    _uploaded: dict[str, bytes]

    @property
    def tags_at_add(self) -> bool:
        """Does an add take tags? Before 4.3.2 it ignores them."""
        return self._api >= (2, 7)

    def add(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links; one that is there stays as it is, and one that the version does not know is left out."""

        def work() -> None:
            known = {key for torrent in self.torrents.values() for key in torrent.infohashes.ids}
            for uri in magnets:
                self._add(uri, options, known)

        self._request(work)

    def upload(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files. The first that is none ends it, with those before it added."""
        if not files:
            raise ValueError("no file would mean an add of nothing")

        def work() -> None:
            known = {key for torrent in self.torrents.values() for key in torrent.infohashes.ids}
            for data in files.values():
                try:
                    found = read_metainfo(data)
                except MetainfoError:
                    raise Rejected("not a valid torrent file", 415) from None
                if not (self._v2 or found.infohashes.v1):
                    raise Rejected("not a valid torrent file", 415)
                said = _said(data)
                if torrent := self._place(found.infohashes, found.name, options, known, said.links):
                    commented = replace(torrent, comment=said.comment if torrent.comment is not None else None)
                    self._informed(commented, found, whole=dict(options.more).get("skip_checking") is True)
                self._uploaded.setdefault(found.infohashes.ids[0] if self._v2 else str(found.infohashes.v1), data)

        self._request(work)

    def metadata_arrives(self, torrent_id: str, data: bytes) -> None:
        """The swarm sends the metadata of a running magnet link. A hybrid torrent then gets the id of its v2 hash.

        No request: it happens by itself.
        """
        found, torrent = read_metainfo(data), self.torrents.pop(torrent_id)
        hashes = found.infohashes if self._v2 else torrent.infohashes
        self._informed(replace(torrent, id=hashes.ids[0], infohashes=hashes), found)

    def _add(self, uri: str, options: AddOptions, known: set[str]) -> None:
        try:
            magnet = parse_magnet(uri)
        except MagnetError:
            return
        self._place(magnet.infohashes, magnet.name, options, known, links_part(magnet.uri))

    def _place(
        self, found: InfoHashes, name: str | None, options: AddOptions, known: set[str], links: str = ""
    ) -> LiveTorrent | None:
        """Put a torrent there, unless it is, or the version does not know its kind."""
        hashes = found if self._v2 else InfoHashes(found.v1) if found.v1 else None
        if hashes is None or not known.isdisjoint(hashes.ids):
            return None
        known.update(hashes.ids)
        category = "" if BAD_CATEGORY.search(options.category) else options.category
        if category and category not in self.live_categories:
            self._make_category(category, "")
        given = normal_path(options.save_path) if options.save_path else self.default_save_path
        save_path = self._path_of(category) if options.auto_tmm else given
        torrent = self.torrents[hashes.ids[0]] = LiveTorrent(
            hashes.ids[0],
            hashes,
            (options.name or "").strip() or name or str(hashes),
            options.stopped,
            self._state(options.stopped),
            category,
            trimmed(options.tags) if self.tags_at_add else frozenset(),
            save_path,
            options.auto_tmm,
            options=self._fresh_options(options),
            comment="" if self._api >= (2, 11) else None,
            links=links,
        )
        return torrent

    def _informed(self, torrent: LiveTorrent, found: Metainfo, *, whole: bool = False) -> None:
        """Give a torrent its metadata; it is `whole` where its data is there and not checked."""
        files = tuple(LiveFile(index, path, Priority.NORMAL) for index, path in enumerate(found.files))
        path = f"{torrent.save_path}/{found.name}" if self._api >= (2, 6, 1) else ""
        informed = replace(torrent, size=found.size, has_metadata=True, files=files, content_path=path)
        if whole:
            informed = replace(informed, progress=1.0, state=self._state(informed.stopped, True).replace("DL", "UP"))
        else:
            informed = replace(informed, state=self._state(informed.stopped, True))
        self.torrents[torrent.id] = informed

    def _state(self, stopped: bool, has_metadata: bool = False, progress: float = 0.0) -> str:
        way = "UP" if progress >= 1 else "DL"
        if not stopped:
            return f"stalled{way}" if has_metadata or way == "UP" else "metaDL"
        return f"{'stopped' if self._api >= (2, 11) else 'paused'}{way}"


@dataclass(frozen=True, slots=True)
class _Said:
    links: str
    comment: str


def _said(data: bytes) -> _Said:
    """What a .torrent file says besides: its trackers, web seeds and comment."""
    whole = decode(data)[0]
    about = whole if isinstance(whole, dict) else {}
    tiers, seeds, comment = about.get(b"announce-list", []), about.get(b"url-list", []), about.get(b"comment", b"")
    trackers = [url for tier in tiers for url in tier] if isinstance(tiers, list) else []  # type: ignore[union-attr]
    return _Said(
        with_links("", _texts(trackers), _texts(seeds)), comment.decode() if isinstance(comment, bytes) else ""
    )


def _texts(values: object) -> list[str]:
    return [value.decode() for value in values if isinstance(value, bytes)] if isinstance(values, list) else []


def trimmed(tags: Collection[str]) -> frozenset[str]:
    return frozenset(tag.strip() for tag in tags) - {""}
