"""One qBittorrent in memory, as `apply.target.Target` sees it."""

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
from reconciler.model.links import append_links, extract_links
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.metainfo import Metainfo, MetainfoError, parse_metainfo
from reconciler.model.paths import normalize_path
from reconciler.model.preferences import PreferenceValue
from reconciler.model.snapshot import AddOptions, LiveCategory, LiveTorrent, Snapshot
from reconciler.model.versions import (
    COMMENT_IN_LIST,
    CONTENT_PATH,
    EXTERNAL_ADDRESS,
    INTERFACE_NAME,
    STOPPED_STATES,
    TAGS_AT_ADD,
    TORRENT_EXPORT,
    V2_INFOHASHES,
)
from reconciler.testing.categories import INVALID_CATEGORY, MemoryCategories
from reconciler.testing.creator import ContentMakers, MemoryCreator
from reconciler.testing.options import MemoryOptions, move_torrent
from reconciler.testing.preferences import accept_preferences, build_default_preferences

T = TypeVar("T")


class MemoryTorrents(MemoryCategories, MemoryOptions):
    """A part of `MemoryInstance`."""

    _uploaded: dict[str, bytes]

    @property
    def can_tag_at_add(self) -> bool:
        """Does an add take tags? Before 4.3.2 it ignores them."""
        return TAGS_AT_ADD.is_available(self._api)

    def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links; one that is there stays as it is, and one that the version does not know is left out."""

        def work() -> None:
            known = {key for torrent in self.torrents.values() for key in torrent.infohashes.ids}
            for uri in magnets:
                self._add_magnet(uri, options, known)

        self._run_request(work)

    def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files. The first that is none ends it, with those before it added."""
        if not files:
            raise ValueError("no file would mean an add of nothing")

        def work() -> None:
            known = {key for torrent in self.torrents.values() for key in torrent.infohashes.ids}
            for data in files.values():
                try:
                    found = parse_metainfo(data)
                except MetainfoError:
                    raise RejectedError("not a valid torrent file", 415) from None
                if not (self._v2 or found.infohashes.v1):
                    raise RejectedError("not a valid torrent file", 415)
                said = _read_extras(data)
                if torrent := self._insert_torrent(found.infohashes, found.name, options, known, said.links):
                    commented = replace(torrent, comment=said.comment if torrent.comment is not None else None)
                    self._set_metadata(
                        commented, found, complete=dict(options.extra_options).get("skip_checking") is True
                    )
                self._uploaded.setdefault(found.infohashes.ids[0] if self._v2 else str(found.infohashes.v1), data)

        self._run_request(work)

    def receive_metadata(self, torrent_id: str, data: bytes) -> None:
        """The swarm sends the metadata of a running magnet link. A hybrid torrent then gets the id of its v2 hash.

        No request: it happens by itself.
        """
        found, torrent = parse_metainfo(data), self.torrents.pop(torrent_id)
        hashes = found.infohashes if self._v2 else torrent.infohashes
        self._set_metadata(replace(torrent, id=hashes.ids[0], infohashes=hashes), found)

    def _add_magnet(self, uri: str, options: AddOptions, known: set[str]) -> None:
        try:
            magnet = parse_magnet(uri)
        except MagnetError:
            return
        self._insert_torrent(magnet.infohashes, magnet.name, options, known, extract_links(magnet.uri))

    def _insert_torrent(
        self, found: InfoHashes, name: str | None, options: AddOptions, known: set[str], links: str = ""
    ) -> LiveTorrent | None:
        """Put a torrent there, unless it is, or the version does not know its kind."""
        hashes = found if self._v2 else InfoHashes(found.v1) if found.v1 else None
        if hashes is None or not known.isdisjoint(hashes.ids):
            return None
        known.update(hashes.ids)
        category = "" if INVALID_CATEGORY.search(options.category) else options.category
        if category and category not in self.live_categories:
            self._create_category(category, "")
        given = normalize_path(options.save_path) if options.save_path else self.default_save_path
        save_path = self._resolve_category_path(category) if options.auto_tmm else given
        torrent = self.torrents[hashes.ids[0]] = LiveTorrent(
            hashes.ids[0],
            hashes,
            (options.name or "").strip() or name or str(hashes),
            options.stopped,
            self._build_state(options.stopped),
            category,
            trim_tags(options.tags) if self.can_tag_at_add else frozenset(),
            save_path,
            options.auto_tmm,
            options=self._build_options(options),
            comment="" if COMMENT_IN_LIST.is_available(self._api) else None,
            links=links,
        )
        return torrent

    def _set_metadata(self, torrent: LiveTorrent, found: Metainfo, *, complete: bool = False) -> None:
        """Give a torrent its metadata; it is `whole` where its data is there and not checked."""
        files = tuple(LiveFile(index, path, Priority.NORMAL) for index, path in enumerate(found.files))
        path = f"{torrent.save_path}/{found.name}" if CONTENT_PATH.is_available(self._api) else ""
        informed = replace(torrent, size=found.size, has_metadata=True, files=files, content_path=path)
        if complete:
            informed = replace(
                informed, progress=1.0, state=self._build_state(informed.stopped, True).replace("DL", "UP")
            )
        else:
            informed = replace(informed, state=self._build_state(informed.stopped, True))
        self.torrents[torrent.id] = informed

    def _build_state(self, stopped: bool, has_metadata: bool = False, progress: float = 0.0) -> str:
        way = "UP" if progress >= 1 else "DL"
        if not stopped:
            return f"stalled{way}" if has_metadata or way == "UP" else "metaDL"
        return f"{'stopped' if STOPPED_STATES.is_available(self._api) else 'paused'}{way}"


@dataclass(frozen=True, slots=True)
class _FileExtras:
    links: str
    comment: str


def _read_extras(data: bytes) -> _FileExtras:
    """What a .torrent file says besides: its trackers, web seeds and comment."""
    whole = decode_bencode(data)[0]
    about = whole if isinstance(whole, dict) else {}
    tiers, seeds, comment = about.get(b"announce-list", []), about.get(b"url-list", []), about.get(b"comment", b"")
    trackers = [url for tier in tiers for url in tier] if isinstance(tiers, list) else []  # type: ignore[union-attr]
    return _FileExtras(
        append_links("", _decode_texts(trackers), _decode_texts(seeds)),
        comment.decode() if isinstance(comment, bytes) else "",
    )


def _decode_texts(values: object) -> list[str]:
    return [value.decode() for value in values if isinstance(value, bytes)] if isinstance(values, list) else []


def trim_tags(tags: Collection[str]) -> frozenset[str]:
    return frozenset(tag.strip() for tag in tags) - {""}


WEB_API_VERSIONS = {"4.2.5": "2.5.1", "4.5.2": "2.8.19", "5.1.0": "2.11.4", "5.3.0": "2.16.2"}
_PEER_ADDRESS = re.compile(r"([\d.]+|\[[0-9a-f:]+\]):\d+")


Fault = tuple[InstanceError, bool]  # what is raised, and is the request carried out all the same?


class MemoryInstance(MemoryTorrents, MemoryCreator):
    """An instance of one of the versions of `WEB_API_VERSIONS`. Its torrents and categories may be read and set directly.

    `with_preferences`: are they part of a snapshot, as where some are declared? It has a few, of every kind.

    Every request is carried out at once and whole. Where a real server refuses, `RejectedError` is raised as by a session.
    """

    def __init__(
        self, version: str = "5.1.0", default_save_path: str = "/downloads", *, with_preferences: bool = False
    ) -> None:
        self.version = f"v{version}"
        self.web_api = WEB_API_VERSIONS[version]
        self.default_save_path = default_save_path
        self.torrents: dict[str, LiveTorrent] = {}
        self.live_categories: dict[str, LiveCategory] = {}
        self.seed_counts: dict[str, int] = {}
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
        self._api = tuple(int(part) for part in self.web_api.split("."))
        name = "lo" if INTERFACE_NAME.is_available(self._api) else None
        addresses = () if EXTERNAL_ADDRESS.is_available(self._api) else None
        self.network_state = NetworkState("lo", name, ("eth0", "lo"), "firewalled", addresses)
        self._v2 = V2_INFOHASHES.is_available(self._api)  # libtorrent 1.2, before 4.4, knows v1 alone

    def copy(self) -> MemoryInstance:
        """Another instance that is in the same state, with the same faults to come."""
        twin = MemoryInstance(self.version[1:], self.default_save_path, with_preferences=self.with_preferences)
        twin.live_preferences, twin.seed_counts = dict(self.live_preferences), dict(self.seed_counts)
        twin.torrents, twin.live_categories = dict(self.torrents), dict(self.live_categories)
        twin.network_state = self.network_state
        twin.disk, twin.hashing_polls, twin._task_count = self.disk, self.hashing_polls, self._task_count
        twin.peers = {key: set(peers) for key, peers in self.peers.items()}
        twin._tasks = {key: replace(task) for key, task in self._tasks.items()}
        twin.request_count, twin._faults, twin._uploaded = self.request_count, self._faults.copy(), dict(self._uploaded)
        return twin

    def fail_next(self, count: int, error: InstanceError, *, lose_reply: bool = False, skip: int = 0) -> None:
        """Let `count` requests fail with `error`, the first `skip` of those to come excepted.

        With `after` they are carried out and only the answer is lost. Replaces what was set before; 0 clears it.
        """
        self._faults = deque([None] * skip + [(error, lose_reply)] * count)

    def open(self) -> None:
        """Nothing to do: there is nobody to log in to."""

    def close(self) -> None:
        """Nothing to do."""

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Every torrent and category, the files of some torrents, and what is made from some content."""

        def work() -> Snapshot:
            torrents, categories = tuple(map(_strip_files, self.torrents.values())), dict(self.live_categories)
            return Snapshot(self.version, self.web_api, torrents, categories, self._v2)

        snapshot = self._run_request(work)
        wanted = [
            live.id for live in snapshot.torrents if live.has_metadata and {live.id, *live.infohashes.ids} & {*files_of}
        ]
        files = self.read_files(wanted) if wanted else {}
        snapshot = replace(
            snapshot, torrents=tuple(replace(live, files=files.get(live.id)) for live in snapshot.torrents)
        )
        if self.with_preferences:
            snapshot = replace(snapshot, preferences=self.read_preferences())
        return replace(snapshot, creator_tasks=self._read_tasks_for(creations))

    @property
    def has_full_snapshot(self) -> bool:
        """Every snapshot is a full read."""
        return True

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """The same: every snapshot is a full read."""
        return self.read_snapshot(files_of, creations)

    def read_free_space(self) -> int | None:
        """Bytes free at the default path."""
        return self._run_request(lambda: self.free_bytes)

    def read_network_state(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network."""
        seen = self.network_state
        bound = NetworkState(seen.interface, seen.interface_name, seen.interfaces) if interface else NetworkState()
        rest = {"connection_status": seen.connection_status, "addresses": seen.addresses} if transfer else {}
        return self._run_request(lambda: replace(bound, **rest))  # type: ignore[arg-type]

    def read_torrents(self, ids: Collection[str]) -> tuple[LiveTorrent, ...]:
        """Those of the given ids that are there."""
        wanted = _check_items(ids)
        return self._run_request(
            lambda: tuple(_strip_files(self.torrents[key]) for key in wanted if key in self.torrents)
        )

    def export_torrent(self, torrent_id: str) -> bytes | None:
        """The file that it was uploaded as; None where it was added by a magnet, or is gone."""
        _check_items([torrent_id])
        if not TORRENT_EXPORT.is_available(self._api):
            raise UnsupportedError(f"qBittorrent {self.version} exports no .torrent files")
        return self._run_request(lambda: self._uploaded.get(torrent_id) if torrent_id in self.torrents else None)

    def add_peer(self, torrent_id: str, address: str) -> None:
        """Tell a torrent of a peer, `IP:port`. One that is not there is no error."""
        _check_items([torrent_id])

        def work() -> None:
            if not _PEER_ADDRESS.fullmatch(address):
                raise RejectedError("No valid peers were specified", 400)
            if torrent_id in self.torrents:
                self.peers.setdefault(torrent_id, set()).add(address)

        self._run_request(work)

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Put tags on."""
        names = _check_items(tags)
        self._change_torrents(ids, lambda torrent: replace(torrent, tags=torrent.tags | trim_tags(names)))

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Take tags off."""
        names = _check_items(tags)
        self._change_torrents(ids, lambda torrent: replace(torrent, tags=torrent.tags - trim_tags(names)))

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path; management becomes manual."""
        self._change_torrents(ids, lambda torrent: move_torrent(replace(torrent, auto_tmm=False), normalize_path(path)))

    def rename_torrent(self, torrent_id: str, name: str) -> None:
        """Give one torrent its name, on one line and without spaces around it."""

        def work() -> None:
            if torrent_id not in self.torrents:
                raise RejectedError("no such torrent", 404)
            text = " ".join(name.splitlines()).strip()
            if not text:
                raise RejectedError("a torrent needs a name", 409)
            self.torrents[torrent_id] = replace(self.torrents[torrent_id], name=text)

        self._run_request(work)

    def stop_torrents(self, ids: Collection[str]) -> None:
        """Stop, which ends a forced start."""
        self._change_torrents(ids, lambda torrent: self._set_stopped(torrent, stopped=True))

    def start_torrents(self, ids: Collection[str]) -> None:
        """Start, which ends a forced start as well."""
        self._change_torrents(ids, lambda torrent: self._set_stopped(torrent, stopped=False))

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove. There is no data here, so `delete_files` changes nothing."""
        doomed = _check_items(ids)
        self._run_request(lambda: [self.torrents.pop(key, None) for key in doomed])

    def count_other_seeds(self, ids: Collection[str]) -> Mapping[str, int]:
        """The seeds that were set, for those that are there."""
        wanted = _check_items(ids)
        return self._run_request(lambda: {key: self.seed_counts.get(key, 0) for key in wanted if key in self.torrents})

    def read_preferences(self) -> Mapping[str, PreferenceValue]:
        """The few preferences that it has."""
        return self._run_request(lambda: dict(self.live_preferences))

    def set_preferences(self, values: Mapping[str, PreferenceValue]) -> None:
        """Set preferences as a server does: what it does not know is ignored, and what it does not like changed."""
        self._run_request(
            lambda: self.live_preferences.update(accept_preferences(self.live_preferences, values, self._api))
        )

    def _run_request(self, work: Callable[[], T]) -> T:
        self.request_count += 1
        error, after = (self._faults.popleft() if self._faults else None) or (None, True)
        if error and not after:
            raise error
        result = work()
        if error:
            raise error
        return result

    def _change_torrents(self, ids: Collection[str], change: Callable[[LiveTorrent], LiveTorrent]) -> None:
        """Change those torrents that are there; qBittorrent says nothing about the others."""
        keys = _check_items(ids)

        def work() -> None:
            for key in keys:
                if key in self.torrents:
                    self.torrents[key] = change(self.torrents[key])

        self._run_request(work)

    def _set_stopped(self, torrent: LiveTorrent, stopped: bool) -> LiveTorrent:
        options = replace(torrent.options, force_start=False)
        state = self._build_state(stopped, torrent.has_metadata, torrent.progress)
        return replace(torrent, stopped=stopped, state=state, options=options)


def _check_items(items: Collection[str]) -> list[str]:
    if not items or "all" in items:
        raise ValueError("never empty, and never all")
    return list(items)


def _strip_files(torrent: LiveTorrent) -> LiveTorrent:
    """Files have to be asked for."""
    return torrent if torrent.files is None else replace(torrent, files=None)
