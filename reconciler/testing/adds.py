"""Adds in memory: of magnet links and .torrent files, as each version takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.model.bencode import decode_bencode
from reconciler.model.errors import RejectedError
from reconciler.model.files import LiveFile, Priority
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import (
    TRACKERS,
    WEB_SEEDS,
    append_links,
    extract_links,
    has_common_tracker_scheme,
    parse_link_urls,
)
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.metainfo import Metainfo, MetainfoError, parse_metainfo
from reconciler.model.paths import normalize_path
from reconciler.model.server_effects import build_added_options, name_state, trim_tags
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.model.versions import COMMENT_IN_LIST, CONTENT_PATH, LINK_TRACKER_FILTER, METADATA_BY_FILE, TAGS_AT_ADD
from reconciler.testing.categories import INVALID_CATEGORY, MemoryCategories
from reconciler.testing.options import MemoryOptions


class MemoryAdds(MemoryCategories, MemoryOptions):
    """The calls of `MemoryInstance` that add torrents."""

    tag_names: set[str]
    _uploaded: dict[str, bytes]
    _supports_v2: bool

    @property
    def can_tag_at_add(self) -> bool:
        """True if an add takes tags; before 4.3.2 it ignores them."""
        return TAGS_AT_ADD.is_available(self._api)

    def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links. Existing torrents stay as they are; links that the version does not support are ignored."""

        def work() -> None:
            known_ids = {key for torrent in self.torrents.values() for key in torrent.infohashes.ids}
            for uri in magnets:
                self._add_magnet(uri, options, known_ids)

        self._run_request(work)

    def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files. The first invalid file is refused (415), and no file after it is added."""
        if not files:
            raise ValueError("no file would mean an add of nothing")

        def work() -> None:
            known_ids = {key for torrent in self.torrents.values() for key in torrent.infohashes.ids}
            for data in files.values():
                try:
                    metainfo = parse_metainfo(data)
                except MetainfoError:
                    raise RejectedError("not a valid torrent file", 415) from None
                if not (self._supports_v2 or metainfo.infohashes.v1):
                    raise RejectedError("not a valid torrent file", 415)
                self._add_file(data, metainfo, options, known_ids)

        self._run_request(work)

    def receive_metadata(self, torrent_id: str, data: bytes) -> None:
        """Receive the metadata of a running magnet link from the swarm. No request.

        A hybrid torrent then gets the id of its v2 hash.
        """
        metainfo, torrent = parse_metainfo(data), self.torrents.pop(torrent_id)
        hashes = metainfo.infohashes if self._supports_v2 else torrent.infohashes
        self._set_metadata(replace(torrent, id=hashes.ids[0], infohashes=hashes), metainfo)
        self._uploaded[hashes.ids[0]] = data

    def _add_file(self, data: bytes, metainfo: Metainfo, options: AddOptions, known_ids: set[str]) -> None:
        extras = _read_extras(data)
        if METADATA_BY_FILE.is_available(self._api):
            present = [key for key in metainfo.infohashes.ids if key in self.torrents]
            if present and not self.torrents[present[0]].has_metadata:
                self.receive_metadata(present[0], data)
                return
        torrent = self._insert_torrent(metainfo.infohashes, metainfo.name, options, known_ids, extras.links)
        if torrent:
            comment = extras.comment if torrent.comment is not None else None
            is_complete = dict(options.extra_options).get("skip_checking") is True
            self._set_metadata(replace(torrent, comment=comment), metainfo, complete=is_complete)
        torrent_id = metainfo.infohashes.ids[0] if self._supports_v2 else str(metainfo.infohashes.v1)
        self._uploaded.setdefault(torrent_id, data)

    def _add_magnet(self, uri: str, options: AddOptions, known_ids: set[str]) -> None:
        try:
            magnet = parse_magnet(uri)
        except MagnetError:
            return
        links = extract_links(magnet.uri)
        if LINK_TRACKER_FILTER.is_available(self._api):
            trackers = filter(has_common_tracker_scheme, parse_link_urls(links, TRACKERS))
            links = append_links("", list(trackers), parse_link_urls(links, WEB_SEEDS))
        self._insert_torrent(magnet.infohashes, magnet.name, options, known_ids, links)

    def _insert_torrent(
        self, infohashes: InfoHashes, name: str | None, options: AddOptions, known_ids: set[str], links: str
    ) -> LiveTorrent | None:
        """Add a torrent and its ids to `known_ids`; return None if it exists, or the version does not support it."""
        hashes = infohashes if self._supports_v2 else InfoHashes(infohashes.v1) if infohashes.v1 else None
        if hashes is None or not known_ids.isdisjoint(hashes.ids):
            return None
        known_ids.update(hashes.ids)
        category = "" if INVALID_CATEGORY.search(options.category) else options.category
        if category and category not in self.live_categories:
            self._create_category(category, "")
        manual_path = normalize_path(options.save_path) if options.save_path else self.default_save_path
        save_path = self._resolve_category_path(category) if options.auto_tmm else manual_path
        tags = trim_tags(options.tags) if self.can_tag_at_add else frozenset()
        self.tag_names |= tags
        torrent = self.torrents[hashes.ids[0]] = LiveTorrent(
            hashes.ids[0],
            hashes,
            (options.name or "").strip() or name or str(hashes),
            options.stopped,
            name_state(self._api, options.stopped),
            category,
            tags,
            save_path,
            options.auto_tmm,
            options=build_added_options(options.extra_options, options.stopped, options.auto_tmm, self._api),
            comment="" if COMMENT_IN_LIST.is_available(self._api) else None,
            links=links,
        )
        return torrent

    def _set_metadata(self, torrent: LiveTorrent, metainfo: Metainfo, *, complete: bool = False) -> None:
        """Set the metadata of a torrent. `complete`: its data is there, and is not checked."""
        files = tuple(LiveFile(index, path, Priority.NORMAL) for index, path in enumerate(metainfo.files))
        inner = metainfo.files[0] if len(metainfo.files) == 1 else metainfo.name
        path = f"{torrent.save_path}/{inner}" if CONTENT_PATH.is_available(self._api) else ""
        informed = replace(torrent, size=metainfo.size, has_metadata=True, files=files, content_path=path, added_on=0)
        if complete:
            informed = replace(
                informed, progress=1.0, state=name_state(self._api, informed.stopped, True).replace("DL", "UP")
            )
        else:
            informed = replace(informed, state=name_state(self._api, informed.stopped, True))
        self.torrents[torrent.id] = informed


@dataclass(frozen=True, slots=True)
class _FileExtras:
    """The fields of a .torrent file that an add takes over."""

    links: str
    comment: str


def _read_extras(data: bytes) -> _FileExtras:
    """Return the trackers, web seeds and comment of a .torrent file."""
    document = decode_bencode(data)[0]
    fields = document if isinstance(document, dict) else {}
    tiers = fields.get(b"announce-list") or [[fields.get(b"announce") or b""]]
    seeds, comment = fields.get(b"url-list", []), fields.get(b"comment", b"")
    trackers = [url for tier in tiers if isinstance(tier, list) for url in tier] if isinstance(tiers, list) else []
    return _FileExtras(
        append_links("", _decode_texts(trackers), _decode_texts(seeds)),
        comment.decode(errors="replace") if isinstance(comment, bytes) else "",
    )


def _decode_texts(values: object) -> list[str]:
    texts = values if isinstance(values, list) else []
    return [value.decode(errors="replace") for value in texts if isinstance(value, bytes) and value]
