"""One complete read of one instance. There is no such thing as a partial snapshot: a read that fails raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.infohash import InfoHashes


@dataclass(frozen=True, slots=True)
class LiveTorrent:
    """A torrent as an instance has it.

    `id` is the key of the instance (40 hex digits), `stopped` the stop intent whatever the momentary `state`,
    `save_path` without a trailing separator, `size` in bytes of what is selected (0 without metadata), `progress` 0..1.
    `force_start`: it runs past the queue; False while it is stopped.
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
    force_start: bool = False

    @property
    def moving(self) -> bool:
        """True while the instance moves its data; a path must not be changed then."""
        return self.state == "moving"

    @property
    def missing_files(self) -> bool:
        """True where the data is gone from disk: starting it may download everything again (qBittorrent #17626)."""
        return self.state == "missingFiles"


@dataclass(frozen=True, slots=True)
class LiveCategory:
    """A category as an instance has it. `extra` holds what a full-replace edit must send back unchanged."""

    name: str
    save_path: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every torrent and category of one instance, read in one go. `version` like `v5.1.0`, `web_api` like `2.11.4`.

    `v2`: does it know torrents that have a v2 infohash alone (qBittorrent >= 4.4)?
    """

    version: str
    web_api: str
    torrents: tuple[LiveTorrent, ...] = ()
    categories: Mapping[str, LiveCategory] = field(default_factory=dict)
    v2: bool = True


@dataclass(frozen=True, slots=True)
class AddOptions:
    """Everything that goes with an add, so that nothing is left to the server's own settings.

    `save_path` None: the category's path with `auto_tmm`, else the server's default path. `category` "": none.
    """

    stopped: bool
    auto_tmm: bool
    category: str = ""
    save_path: str | None = None
    tags: tuple[str, ...] = ()
    name: str | None = None
