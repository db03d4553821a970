"""A qBittorrent in memory that implements `apply.target.Target`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from reconciler.model.bencode import decode_bencode
from reconciler.model.content import CreationSpec
from reconciler.model.errors import InstanceError, RejectedError, UnsupportedError
from reconciler.model.files import LiveFile, Priority
from reconciler.model.health import NetworkState
from reconciler.model.infohash import InfoHashes
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
from reconciler.model.preference_effects import accept_preferences
from reconciler.model.preferences import DEFAULT_SAVE_PATH, PreferenceValue
from reconciler.model.server_effects import (
    build_added_options,
    move_torrent,
    name_state,
    set_stopped,
    trim_name,
    trim_tags,
)
from reconciler.model.server_log import LogEntry
from reconciler.model.snapshot import AddOptions, LiveCategory, LiveTorrent, Snapshot
from reconciler.model.versions import (
    COMMENT_IN_LIST,
    CONTENT_PATH,
    EXTERNAL_ADDRESS,
    INTERFACE_NAME,
    LINK_TRACKER_FILTER,
    TAGS_AT_ADD,
    TORRENT_EXPORT,
    V2_INFOHASHES,
)
from reconciler.testing.categories import INVALID_CATEGORY, MemoryCategories
from reconciler.testing.creator import ContentMakers, MemoryCreator
from reconciler.testing.deletion import MemoryDeletions
from reconciler.testing.options import MemoryOptions
from reconciler.testing.preferences import build_default_preferences
from reconciler.testing.tags import MemoryTags, check_items

T = TypeVar("T")
Fault = tuple[InstanceError, bool]  # the error to raise; True if the request is carried out all the same

WEB_API_VERSIONS = {"4.2.5": "2.5.1", "4.5.2": "2.8.19", "5.1.0": "2.11.4", "5.3.0": "2.16.2"}
_PEER_ADDRESS = re.compile(r"([\d.]+|\[[0-9a-f:]+\]):\d+")


class MemoryTorrents(MemoryCategories, MemoryOptions):
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

    def _add_file(self, data: bytes, metainfo: Metainfo, options: AddOptions, known_ids: set[str]) -> None:
        extras = _read_extras(data)
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
        path = f"{torrent.save_path}/{metainfo.name}" if CONTENT_PATH.is_available(self._api) else ""
        informed = replace(torrent, size=metainfo.size, has_metadata=True, files=files, content_path=path)
        if complete:
            informed = replace(
                informed, progress=1.0, state=name_state(self._api, informed.stopped, True).replace("DL", "UP")
            )
        else:
            informed = replace(informed, state=name_state(self._api, informed.stopped, True))
        self.torrents[torrent.id] = informed


class MemoryInstance(MemoryTorrents, MemoryDeletions, MemoryCreator, MemoryTags):
    """An instance of a version in `WEB_API_VERSIONS`. Its torrents and categories can be read and set directly.

    `with_preferences`: snapshots contain its preferences (a few of every kind), as if some were declared.
    Every request is carried out at once and completely. Where a real server refuses, it raises `RejectedError`.
    """

    def __init__(
        self, version: str = "5.1.0", default_save_path: str = "/downloads", *, with_preferences: bool = False
    ) -> None:
        self.version = f"v{version}"
        self.web_api = WEB_API_VERSIONS[version]
        self.default_save_path = default_save_path
        self.torrents: dict[str, LiveTorrent] = {}
        self.live_categories: dict[str, LiveCategory] = {}
        self.tag_names: set[str] = set()
        self.seed_counts: dict[str, int] = {}
        self.undeletable, self.slow_log_reads = set[str](), 0
        self._log_entries, self._late_entries = list[LogEntry](), list[tuple[bool, str]]()
        self.free_bytes: int | None = 1 << 40
        self.live_preferences = build_default_preferences(self.web_api, default_save_path)
        self.with_preferences = with_preferences
        self.request_count = 0
        self.disk: ContentMakers = {}
        self.hashing_polls = 0
        self._tasks = {}
        self.peers: dict[str, set[str]] = {}
        self._uploaded: dict[str, bytes] = {}
        self._faults: deque[Fault | None] = deque()
        self._api = tuple(int(number) for number in self.web_api.split("."))
        name = "lo" if INTERFACE_NAME.is_available(self._api) else None
        addresses = () if EXTERNAL_ADDRESS.is_available(self._api) else None
        self.network_state = NetworkState("lo", name, ("eth0", "lo"), "firewalled", addresses)
        self._supports_v2 = V2_INFOHASHES.is_available(self._api)  # libtorrent 1.2, before 4.4, supports only v1

    def copy(self) -> MemoryInstance:
        """Return another instance in the same state, with the same faults pending."""
        twin = MemoryInstance(self.version[1:], self.default_save_path, with_preferences=self.with_preferences)
        twin.live_preferences, twin.seed_counts = dict(self.live_preferences), dict(self.seed_counts)
        twin.torrents, twin.live_categories = dict(self.torrents), dict(self.live_categories)
        twin.network_state, twin.undeletable = self.network_state, set(self.undeletable)
        twin._log_entries, twin._late_entries = list(self._log_entries), list(self._late_entries)
        twin.tag_names = set(self.tag_names)
        twin.disk, twin.hashing_polls, twin._task_count = self.disk, self.hashing_polls, self._task_count
        twin.peers = {key: set(peers) for key, peers in self.peers.items()}
        twin._tasks = {key: replace(task) for key, task in self._tasks.items()}
        twin.request_count, twin._faults, twin._uploaded = self.request_count, self._faults.copy(), dict(self._uploaded)
        return twin

    def fail_next(self, count: int, error: InstanceError, *, lose_reply: bool = False, skip: int = 0) -> None:
        """Let `count` requests fail with `error`, after the next `skip` requests.

        With `lose_reply`, they are carried out and only the reply is lost. Replaces earlier faults; 0 clears them.
        """
        self._faults = deque([None] * skip + [(error, lose_reply)] * count)

    def open(self) -> None:
        """Return at once: there is no login."""

    def close(self) -> None:
        """Return at once."""

    cancel = close  # no request takes time

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Read every torrent and category, the files of the torrents in `files_of`, and the creator tasks."""

        def work() -> Snapshot:
            torrents, categories = tuple(map(_strip_files, self.torrents.values())), dict(self.live_categories)
            return Snapshot(self.version, self.web_api, torrents, categories, self._supports_v2)

        snapshot = self._run_request(work)
        ids = [
            torrent.id
            for torrent in snapshot.torrents
            if torrent.has_metadata and {torrent.id, *torrent.infohashes.ids} & {*files_of}
        ]
        files = self.read_files(ids) if ids else {}
        torrents = tuple(replace(torrent, files=files.get(torrent.id)) for torrent in snapshot.torrents)
        snapshot = replace(snapshot, torrents=torrents)
        if self.with_preferences:
            snapshot = replace(snapshot, preferences=self.read_preferences())
        return replace(snapshot, creator_tasks=self._read_tasks_for(creations))

    @property
    def has_full_snapshot(self) -> bool:
        """True: every snapshot is a full read."""
        return True

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Read a snapshot; every snapshot is a full read."""
        return self.read_snapshot(files_of, creations)

    def read_default_save_path(self) -> str:
        """Return the save path of torrents that have no path of their own."""
        return self._run_request(lambda: self.default_save_path)

    def read_free_space(self) -> int | None:
        """Return the bytes free at the default path."""
        return self._run_request(lambda: self.free_bytes)

    def read_network_state(self, *, interface: bool, transfer: bool) -> NetworkState:
        """Return the network interface, the connection status and addresses, or both."""
        whole = self.network_state
        bound = NetworkState(whole.interface, whole.interface_name, whole.interfaces) if interface else NetworkState()
        transfer_fields = (
            {"connection_status": whole.connection_status, "addresses": whole.addresses} if transfer else {}
        )
        return self._run_request(lambda: replace(bound, **transfer_fields))  # type: ignore[arg-type]

    def read_torrents(self, ids: Collection[str]) -> tuple[LiveTorrent, ...]:
        """Return the torrents with these ids, as far as they are there."""
        keys = check_items(ids)
        return self._run_request(
            lambda: tuple(_strip_files(self.torrents[key]) for key in keys if key in self.torrents)
        )

    def export_torrent(self, torrent_id: str) -> bytes | None:
        """Return the uploaded file; None if the torrent was added by a magnet link, or is gone."""
        check_items([torrent_id])
        if not TORRENT_EXPORT.is_available(self._api):
            raise UnsupportedError(f"qBittorrent {self.version} exports no .torrent files")
        return self._run_request(lambda: self._uploaded.get(torrent_id) if torrent_id in self.torrents else None)

    def add_peer(self, torrent_id: str, address: str) -> None:
        """Add a peer, `IP:port`, to a torrent. A missing torrent is no error."""
        check_items([torrent_id])

        def work() -> None:
            if not _PEER_ADDRESS.fullmatch(address):
                raise RejectedError("No valid peers were specified", 400)
            if torrent_id in self.torrents:
                self.peers.setdefault(torrent_id, set()).add(address)

        self._run_request(work)

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path and turn automatic management off."""
        self._change_torrents(ids, lambda torrent: move_torrent(replace(torrent, auto_tmm=False), normalize_path(path)))

    def rename_torrent(self, torrent_id: str, name: str) -> None:
        """Rename one torrent. The name is put on one line and stripped."""

        def work() -> None:
            if torrent_id not in self.torrents:
                raise RejectedError("no such torrent", 404)
            text = trim_name(name)
            if not text:
                raise RejectedError("a torrent needs a name", 409)
            self.torrents[torrent_id] = replace(self.torrents[torrent_id], name=text)

        self._run_request(work)

    def stop_torrents(self, ids: Collection[str]) -> None:
        """Stop, which ends a forced start."""
        self._change_torrents(ids, lambda torrent: set_stopped(torrent, True, self._api))

    def start_torrents(self, ids: Collection[str]) -> None:
        """Start, which ends a forced start as well."""
        self._change_torrents(ids, lambda torrent: set_stopped(torrent, False, self._api))

    def read_preferences(self) -> Mapping[str, PreferenceValue]:
        """Return the preferences."""
        return self._run_request(lambda: dict(self.live_preferences))

    def set_preferences(self, values: Mapping[str, PreferenceValue]) -> None:
        """Set preferences as a server does: it ignores unknown preferences, and corrects invalid values."""

        def work() -> None:
            self.live_preferences.update(accept_preferences(self.live_preferences, values, self._api))
            self.default_save_path = str(self.live_preferences[DEFAULT_SAVE_PATH])

        self._run_request(work)

    def _run_request(self, work: Callable[[], T]) -> T:
        self.request_count += 1
        error, is_carried_out = (self._faults.popleft() if self._faults else None) or (None, True)
        if error and not is_carried_out:
            raise error
        result = work()
        if error:
            raise error
        return result

    def _change_torrents(self, ids: Collection[str], change: Callable[[LiveTorrent], LiveTorrent]) -> None:
        """Change the torrents that are there; qBittorrent ignores other ids."""
        keys = check_items(ids)

        def work() -> None:
            for key in keys:
                if key in self.torrents:
                    self.torrents[key] = change(self.torrents[key])

        self._run_request(work)


def _strip_files(torrent: LiveTorrent) -> LiveTorrent:
    """Return the torrent without files, which are read separately."""
    return torrent if torrent.files is None else replace(torrent, files=None)


@dataclass(frozen=True, slots=True)
class _FileExtras:
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
