"""One complete read of one instance. There is no such thing as a partial snapshot: a read that fails raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from reconciler.model.content import CreatorTask
from reconciler.model.files import LiveFile
from reconciler.model.infohash import InfoHashes
from reconciler.model.preferences import PreferenceValue
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.model.versions import ApiVersion

CategoryDownloadPath = str | bool | None  # a category's: a path, False for none, None where nothing is said


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """When a torrent has shared enough, and what happens then. -2: as the server's settings say, -1: never.

    Times are minutes. None: the server has no such thing or does not tell. `mode` is qBittorrent's own word (>= 5.3).
    """

    ratio: float = GLOBAL_LIMIT
    seeding_time: int = GLOBAL_LIMIT
    inactive_seeding_time: int | None = None
    action: str | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """The options of a live torrent; thousands of torrents share few different ones.

    Limits are bytes per second, 0 for none. `download_path` without a trailing separator, "" for none, None where the
    server has no such thing.
    """

    force_start: bool = False
    sequential: bool = False
    first_last_piece_first: bool = False
    super_seeding: bool = False
    download_limit: int = 0
    upload_limit: int = 0
    share: ShareLimits = ShareLimits()
    download_path: str | None = None


@dataclass(frozen=True, slots=True)
class LiveTorrent:
    """A torrent as an instance has it.

    `id` is the key of the instance (40 hex digits), `stopped` the stop intent whatever the momentary `state`,
    `save_path` without a trailing separator, `size` in bytes of what is selected (0 without metadata), `progress` 0..1.
    `content_path` is where its one file or the folder of its files is, "" without metadata and before 4.3.1.

    `links` is the part of its magnet link with trackers (which may hold passkeys) and web seeds, see `model.links`.
    `comment` is None where the server does not tell it. `files` is None where they were not asked for, or not known
    before the metadata.
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

    @property
    def bytes_on_disk(self) -> int:
        """The bytes of its data that are there."""
        return int(self.size * self.progress)

    @property
    def is_seeding(self) -> bool:
        """Does it offer all that it wants of its data to others?"""
        return not self.stopped and self.size > 0 and self.progress >= 1

    @property
    def is_moving(self) -> bool:
        """True while the instance moves its data; a path must not be changed then."""
        return self.state == "moving"

    @property
    def has_missing_files(self) -> bool:
        """True where the data is gone from disk: starting it may download everything again (qBittorrent #17626)."""
        return self.state == "missingFiles"


@dataclass(frozen=True, slots=True)
class LiveCategory:
    """A category as an instance has it. `extra` holds what a full-replace edit must send back unchanged.

    `download_path` (>= 4.4): None where the server's own setting holds, False for none, "" for the server's default.
    """

    name: str
    save_path: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, compare=False)
    download_path: CategoryDownloadPath = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every torrent and category of one instance, read in one go. `version` like `v5.1.0`, `web_api` like `2.11.4`.

    `supports_v2`: does it know torrents that have a v2 infohash alone (qBittorrent >= 4.4)?
    `preferences`: all of the application's, in the form of `model.preferences`; None where none is declared for it.
    `creator_tasks`: the torrents that it is making, where the making of some is declared for it. `exported_files`: by their ids, the
    .torrent files of those torrents that other instances are to have from it, or why they could not be had; `peer_addresses`:
    at which address (`IP:port`, as we see it) those of them that are not private can be had from it.
    """

    version: str
    web_api: str
    torrents: tuple[LiveTorrent, ...] = ()
    categories: Mapping[str, LiveCategory] = field(default_factory=dict)
    supports_v2: bool = True
    preferences: Mapping[str, PreferenceValue] | None = field(default=None, repr=False)
    creator_tasks: tuple[CreatorTask, ...] = ()
    exported_files: Mapping[str, TorrentFile | TorrentFileError] = field(default_factory=dict, compare=False)
    peer_addresses: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def api_version(self) -> ApiVersion:
        """The Web API version as numbers, which say what the instance can do."""
        return _parse_version(self.web_api)


@cache  # it is asked for of every torrent
def _parse_version(version: str) -> ApiVersion:
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True, slots=True)
class AddOptions:
    """Everything that goes with an add, so that nothing is left to the server's own settings.

    `save_path` None: the category's path with `auto_tmm`, else the server's default path. `category` "": none.
    `extra_options`: further options by their names in `model.options`, as far as an add on this server carries them.
    """

    stopped: bool
    auto_tmm: bool
    category: str = ""
    save_path: str | None = None
    tags: tuple[str, ...] = ()
    name: str | None = None
    extra_options: tuple[tuple[str, str | bool | int | float], ...] = ()
