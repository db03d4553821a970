"""A qBittorrent in memory that implements `apply.target.Target`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from reconciler.model.content import CreationSpec
from reconciler.model.errors import InstanceError, RejectedError, UnsupportedError
from reconciler.model.health import NetworkState
from reconciler.model.paths import normalize_path
from reconciler.model.preference_effects import accept_preferences
from reconciler.model.preferences import DEFAULT_SAVE_PATH, PreferenceValue
from reconciler.model.server_effects import (
    move_torrent,
    set_stopped,
    trim_name,
)
from reconciler.model.server_log import LogEntry
from reconciler.model.snapshot import LiveCategory, LiveTorrent, Snapshot, TorrentSift
from reconciler.model.versions import (
    EXTERNAL_ADDRESS,
    INTERFACE_NAME,
    OLDEST_SUPPORTED,
    TORRENT_EXPORT,
    V2_TORRENTS,
    parse_version,
)
from reconciler.testing.adds import MemoryAdds
from reconciler.testing.creator import ContentMakers, MemoryCreator
from reconciler.testing.deletion import MemoryDeletions
from reconciler.testing.preferences import build_default_preferences
from reconciler.testing.releases import WEB_API_VERSIONS, default_libtorrent
from reconciler.testing.tags import MemoryTags, check_items

T = TypeVar("T")
Fault = tuple[InstanceError, bool]  # the error to raise; True if the request is carried out all the same

_PEER_ADDRESS = re.compile(r"([\d.]+|\[[0-9a-f:]+\]):\d+")


class MemoryInstance(MemoryAdds, MemoryDeletions, MemoryCreator, MemoryTags):
    """An instance of a release in `WEB_API_VERSIONS`, or of any with its `web_api` version, built on `libtorrent`.

    By default that is 2.0 from 4.4 on, and 1.2 before. Its torrents and categories can be read and set directly.
    `with_preferences`: snapshots contain its preferences (a few of every kind), as if some were declared.
    Every request is carried out at once and completely. Where a real server refuses, it raises `RejectedError`.
    """

    def __init__(
        self,
        version: str = "5.1.0",
        default_save_path: str = "/downloads",
        *,
        web_api: str = "",
        libtorrent: str = "",
        with_preferences: bool = False,
    ) -> None:
        self.version = f"v{version}"
        self.web_api = web_api or WEB_API_VERSIONS[version]
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
        self.libtorrent = libtorrent or default_libtorrent(self._api)
        self._supports_v2 = V2_TORRENTS.is_available(self._api, parse_version(self.libtorrent))
        self._has_read_libtorrent = False
        name = "lo" if INTERFACE_NAME.is_available(self._api) else None
        addresses = () if EXTERNAL_ADDRESS.is_available(self._api) else None
        self.network_state = NetworkState("lo", name, ("eth0", "lo"), "firewalled", addresses)

    def copy(self) -> MemoryInstance:
        """Return another instance in the same state, with the same faults pending."""
        twin = MemoryInstance(
            self.version[1:],
            self.default_save_path,
            web_api=self.web_api,
            libtorrent=self.libtorrent,
            with_preferences=self.with_preferences,
        )
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
        """Begin a session, without a login. Raises `UnsupportedError` for a version that is too old."""
        self._has_read_libtorrent = False
        if not OLDEST_SUPPORTED.is_available(self._api):
            raise UnsupportedError(f"qBittorrent {self.version} is too old")

    def close(self) -> None:
        """Return at once."""

    cancel = close  # no request takes time

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Read every torrent and category, the files of the torrents in `files_of`, and the creator tasks."""

        def work() -> Snapshot:
            torrents, categories = tuple(map(_strip_files, self.torrents.values())), dict(self.live_categories)
            libtorrent = self.libtorrent if self._has_read_libtorrent else ""
            return Snapshot(self.version, self.web_api, torrents, categories, libtorrent)

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

    def read_libtorrent_version(self) -> str:
        """Return the version of libtorrent, by one request in a session."""
        if not self._has_read_libtorrent:
            self._run_request(lambda: None)
            self._has_read_libtorrent = True
        return self.libtorrent

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

    def read_torrents(self, ids: Collection[str], sift: TorrentSift | None = None) -> tuple[LiveTorrent, ...]:
        """Return the torrents with these ids, as far as they are there, and as far as `sift` keeps them."""
        keys = check_items(ids)
        torrents = self._run_request(
            lambda: tuple(_strip_files(self.torrents[key]) for key in keys if key in self.torrents)
        )
        return tuple(sift(torrents)) if sift else torrents

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
