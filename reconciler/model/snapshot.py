"""The snapshot of one instance. A snapshot is never partial: a read that fails raises an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Final

from reconciler.model.content import CreatorTask
from reconciler.model.files import LiveFile
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.paths import is_windows_path
from reconciler.model.preferences import DEFAULT_SAVE_PATH, PreferenceValue
from reconciler.model.states import CHECKING_STATES
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.model.units import GLOBAL_LIMIT, RATIO_TOLERANCE
from reconciler.model.versions import RESOLVED_SAVE_PATH, V2_TORRENTS, ApiVersion, parse_version

METADATA_PATIENCE = 600  # seconds of running until missing metadata is no longer normal

# The share limits of a category: their keys in torrents/categories, and the values that mean "not set".
_UNSET_LIMITS: Final = {
    "ratio_limit": GLOBAL_LIMIT,
    "seeding_time_limit": GLOBAL_LIMIT,
    "inactive_seeding_time_limit": GLOBAL_LIMIT,
    "share_limit_action": "Default",
    "share_limits_mode": "Default",
}

CategoryDownloadPath = str | bool | None  # a path, False for none, None where the server's setting applies


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """The limits of sharing of a torrent, and the action at a limit. -2: as in the server's settings, -1: no limit.

    Times are in minutes. None: the server has no such limit or does not report it. `mode` is qBittorrent's own word
    (>= 5.3).
    """

    ratio: float = GLOBAL_LIMIT
    seeding_time: int = GLOBAL_LIMIT
    inactive_seeding_time: int | None = None
    action: str | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class SharedAmount:
    """The amount that a complete torrent has shared, and the limits that apply to it, with those of the server.

    `ratio` -1: more than any limit. `seeding_time` is in seconds, None if the server does not report it. The limits
    are -1 for none, and the time is in minutes.
    """

    ratio: float
    seeding_time: int | None
    max_ratio: float
    max_seeding_time: int

    def has_reached(self, ratio: float | None, seeding_time: int | None) -> bool:
        """True if one of these limits is reached. None and negative values are no limits."""
        if ratio is not None and ratio >= 0 and (self.ratio < 0 or self.ratio >= ratio - RATIO_TOLERANCE):
            return True
        is_time_limited = seeding_time is not None and seeding_time >= 0 and self.seeding_time is not None
        return is_time_limited and self.seeding_time >= seeding_time * 60  # type: ignore[operator]

    @property
    def is_at_limit(self) -> bool:
        """True if a limit that applies is reached: the server stops the torrent as soon as it runs."""
        return self.has_reached(self.max_ratio, self.max_seeding_time)


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """The options of a live torrent. Instances are shared: thousands of torrents have few different options.

    Limits are in bytes per second, 0 for none. `first_last_piece_first` is None while the server does not show
    it. `download_path` has no trailing separator; "" for none, None if the server has no download paths.
    """

    force_start: bool = False
    sequential: bool = False
    first_last_piece_first: bool | None = False
    super_seeding: bool = False
    download_limit: int = 0
    upload_limit: int = 0
    share: ShareLimits = ShareLimits()
    download_path: str | None = None


@dataclass(frozen=True, slots=True)
class LiveTorrent:
    """A torrent as an instance has it.

    `id` is its key on the instance (40 hex digits), `stopped` the stop intent as the server reports it, whatever the
    current `state`; `stopped_before_check` that from before a check that hides it, None if unknown. `save_path` has no
    trailing separator, `size` is in bytes of the selected files (0 without metadata), `progress` 0..1.
    `content_path` is the path of its single file or of its folder, "" without metadata and before 4.3.1.

    `links` is the part of its magnet link with trackers (perhaps with passkeys) and web seeds, see `model.links`.
    `comment` is None if the server does not report it. `shared` is read for complete torrents that are stopped, since
    it may be the reason. `is_metadata_overdue`: it has run for `METADATA_PATIENCE` without metadata. `added_on`: the
    time of its add (seconds since the epoch, by the clock of the server), 0 once some of its data is there. `files` is
    None if they were not read, or are unknown because the metadata is missing.
    """

    id: str
    infohashes: InfoHashes
    name: str
    stopped: bool
    state: str
    category: str = ""
    tags: frozenset[str] = frozenset()
    save_path: str = ""
    auto_tmm: bool = False
    progress: float = 0.0
    size: int = 0
    content_path: str = ""
    has_metadata: bool = False
    options: LiveOptions = LiveOptions()
    comment: str | None = None
    links: str = field(default="", repr=False)
    files: tuple[LiveFile, ...] | None = None
    stopped_before_check: bool | None = None
    shared: SharedAmount | None = None
    is_metadata_overdue: bool = False
    added_on: int = 0

    @property
    def content_root(self) -> str:
        """The file or folder in its save path that has its content: for a folder with one file, that folder.

        qBittorrent reports that file as `content_path`.
        """
        folder = f"{self.save_path}/"
        if not self.content_path.startswith(folder):
            return self.content_path
        return folder + self.content_path.removeprefix(folder).partition("/")[0]

    @property
    def is_stop_intent_hidden(self) -> bool:
        """True while a check hides the stop intent: a stopped torrent runs until its check is over (4.2 to 5.3).

        To stop it then would end the check.
        """
        return not self.stopped and self.state in CHECKING_STATES

    @property
    def is_meant_stopped(self) -> bool | None:
        """The stop intent; None if a check hides it and it is not known from before."""
        return self.stopped_before_check if self.is_stop_intent_hidden else self.stopped

    @property
    def bytes_on_disk(self) -> int:
        """The number of bytes of its data that exist."""
        return int(self.size * self.progress)

    @property
    def is_seeding(self) -> bool:
        """True if it is running and has all its selected data."""
        return not self.stopped and self.size > 0 and self.progress >= 1

    @property
    def is_moving(self) -> bool:
        """True while the instance moves its data; a path must not be changed then."""
        return self.state == "moving"

    @property
    def has_missing_files(self) -> bool:
        """True where the data is gone from disk: starting it may download everything again (qBittorrent #17626)."""
        return self.state == "missingFiles"


TorrentSift = Callable[[Sequence[LiveTorrent]], Sequence[LiveTorrent]]
"""Gets torrents of a long read, part by part, and returns those to keep."""


@dataclass(frozen=True, slots=True)
class LiveCategory:
    """A category as an instance has it. `extra`: the values that an edit, which replaces all, must send back unchanged.

    `download_path` (>= 4.4): None where the server's own setting applies, False for none, "" for the server's default.
    """

    name: str
    save_path: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, compare=False)
    download_path: CategoryDownloadPath = None

    @property
    def share_limits(self) -> dict[str, object]:
        """Its own share limits (>= 5.2), by their keys in torrents/categories."""
        return {key: self.extra[key] for key, unset in _UNSET_LIMITS.items() if self.extra.get(key, unset) != unset}


@dataclass(frozen=True)
class Snapshot:
    """All torrents and categories of one instance at one time. `version` like `v5.1.0`, `web_api` like `2.11.4`.

    `libtorrent`: the version of the library that qBittorrent is built on, like `2.0.11.0`; "" if it was not read.
    `preferences`: all preferences in canonical form; None if none is declared. `creator_tasks`: the creations of
    torrents, if any is declared. `exported_files`: by id, the .torrent files of torrents that other instances get from
    it, or the error of the export; `peer_addresses`: by id, the address (`IP:port`, from here) where the public ones
    can be downloaded.
    `default_save_path` is read only if nothing else shows the platform. `preference_names`: the names of all
    preferences, if `preferences` has only some of them; empty if they are unknown.
    """

    version: str
    web_api: str
    torrents: tuple[LiveTorrent, ...] = ()
    categories: Mapping[str, LiveCategory] = field(default_factory=dict)
    libtorrent: str = ""
    preferences: Mapping[str, PreferenceValue] | None = field(default=None, repr=False)
    creator_tasks: tuple[CreatorTask, ...] = ()
    exported_files: Mapping[str, TorrentFile | TorrentFileError] = field(default_factory=dict, compare=False)
    peer_addresses: Mapping[str, str] = field(default_factory=dict, compare=False)
    default_save_path: str = ""
    preference_names: frozenset[str] | None = None

    @cached_property
    def is_on_windows(self) -> bool | None:
        """True if the instance runs on Windows, by the paths that it reports; None if they do not show it.

        A save path shows it, except that before 4.4 a path of Windows on another system does not show where it leads.
        Cached, like `api_version`: it is read for every torrent.
        """
        default = self.default_save_path or (self.preferences or {}).get(DEFAULT_SAVE_PATH)
        if isinstance(default, str) and (is_windows := is_windows_path(default)) is not None:
            return is_windows
        shown = (is_windows_path(torrent.save_path) for torrent in self.torrents)
        certain = (True, False) if RESOLVED_SAVE_PATH.is_available(self.api_version) else (False,)
        return next((is_windows for is_windows in shown if is_windows in certain), None)

    @cached_property
    def supports_v2(self) -> bool | None:
        """True if the instance has v2 torrents, with or without a v1 infohash; None if nothing shows it.

        Without libtorrent 2, it takes a hybrid torrent for a v1 torrent, and has no others.
        """
        libtorrent = parse_version(self.libtorrent)
        if libtorrent or not V2_TORRENTS.is_available(self.api_version):
            return V2_TORRENTS.is_available(self.api_version, libtorrent)
        return any(torrent.infohashes.v2 for torrent in self.torrents) or None

    @cached_property
    def api_version(self) -> ApiVersion:
        """The Web API version as numbers, which determine the features of the instance."""
        return tuple(int(number) for number in self.web_api.split("."))


@dataclass(frozen=True, slots=True)
class AddOptions:
    """The options of an add, complete so that nothing depends on the settings of the server.

    `save_path` None: the path of the category with `auto_tmm`, else the default path of the server. `category` "":
    none. `extra_options`: the other options, by field, that an add on this server supports.
    """

    stopped: bool
    auto_tmm: bool
    category: str = ""
    save_path: str | None = None
    tags: tuple[str, ...] = ()
    name: str | None = None
    extra_options: tuple[tuple[str, str | bool | int | float], ...] = ()
