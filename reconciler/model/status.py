"""What `reconcile status` shows: the live state beside the declared one, with nothing planned or done."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.health import Health
from reconciler.model.position import Position
from reconciler.model.run import Status

PENDING = "pending"  # the `state` of one that is wanted with nowhere healthy to be; `instance` is its group
MISSING = "missing"  # the `state` of a declared torrent that is not on its instance


@dataclass(frozen=True, slots=True)
class TorrentStatus:
    """One declared torrent as its instance has it.

    `state` is qBittorrent's own word, `missing` or `pending`; `in_sync` is None where its instance could not
    be read. `reason` says what differs, or why nothing can be said.
    """

    instance: str
    name: str
    infohash: str
    source: Position | None
    state: str
    progress: float | None = None
    size: int | None = None
    owned: bool = False
    in_sync: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """One instance: how it answered, and its torrents in counts. `missing` and `drifted` are of the `declared` ones."""

    name: str
    url: str
    status: Status
    error: str | None = None
    version: str | None = None
    web_api: str | None = None
    torrents: int = 0
    owned: int = 0
    foreign: int = 0
    declared: int = 0
    missing: int = 0
    drifted: int = 0
    health: Health | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of all instances and of every torrent declared for them."""

    instances: tuple[InstanceStatus, ...] = ()
    torrents: tuple[TorrentStatus, ...] = ()
    exit_code: int = 0
