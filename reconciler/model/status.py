"""What `reconcile status` shows: the live state beside the declared one, with nothing planned or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from reconciler.model.health import Health
from reconciler.model.position import Position, Problem
from reconciler.model.run import Status

PENDING_STATE = "pending"  # the `state` of one that is wanted with nowhere healthy to be; `instance` is its group
MISSING_STATE = "missing"  # the `state` of a declared torrent that is not on its instance
ABSENT_STATE = "absent"  # likewise, where it is declared so
UNKNOWN_STATE = "unknown"  # likewise, where its instance could not be read


class Phase(StrEnum):
    """The state of a torrent in words that people use: a small set, whatever words a version of qBittorrent has."""

    DOWNLOADING = "downloading"
    STALLED = "stalled"  # wants to download, and nobody sends
    METADATA = "metadata"  # waits for its metadata
    QUEUED = "queued"
    CHECKING = "checking"
    MOVING = "moving"
    SEEDING = "seeding"
    STOPPED = "stopped"
    ERROR = "error"  # its files are gone, or qBittorrent reports an error
    MISSING = "missing"
    PENDING = "pending"  # wanted, with nowhere healthy to be
    ABSENT = "absent"
    UNKNOWN = "unknown"


# Every word of qBittorrent 4.2 to 5.3. `*UP` means that all bytes that are wanted are there.
_PHASE_BY_STATE: Final[Mapping[str, Phase]] = {
    **dict.fromkeys(("downloading", "forcedDL"), Phase.DOWNLOADING),
    **dict.fromkeys(("stalledDL",), Phase.STALLED),
    **dict.fromkeys(("metaDL", "forcedMetaDL"), Phase.METADATA),
    **dict.fromkeys(("queuedDL", "queuedUP"), Phase.QUEUED),
    **dict.fromkeys(("checkingDL", "checkingUP", "checkingResumeData", "allocating"), Phase.CHECKING),
    **dict.fromkeys(("moving",), Phase.MOVING),
    **dict.fromkeys(("uploading", "forcedUP", "stalledUP"), Phase.SEEDING),
    **dict.fromkeys(("stoppedDL", "stoppedUP", "pausedDL", "pausedUP"), Phase.STOPPED),
    **dict.fromkeys(("error", "missingFiles"), Phase.ERROR),
    **{str(word): word for word in (Phase.MISSING, Phase.PENDING, Phase.ABSENT)},
}
_COMPLETE_STATES: Final = frozenset({"uploading", "forcedUP", "stalledUP", "queuedUP", "stoppedUP", "pausedUP"})


def phase_of(state: str) -> Phase:
    """The phase that a state of qBittorrent, or one of ours, is of; `unknown` for a word of a version to come."""
    return _PHASE_BY_STATE.get(state, Phase.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Transfer:
    """How the transfer of one torrent gets on at a moment; rates are bytes per second.

    `eta`: seconds until all is there, as long as it downloads at a rate that is known. `ratio` is None where there is
    nothing that it could be measured by.
    """

    eta: int | None = None
    ratio: float | None = None
    download_rate: int = 0
    upload_rate: int = 0


@dataclass(frozen=True, slots=True)
class TorrentStatus:
    """One declared torrent as its instance has it.

    `state` is qBittorrent's own word, `missing` or `pending` (then `instance` is its group); `in_sync` is None where
    its instance could not be read. `reason` says what differs, or why nothing can be said.

    `category` (None: not known) and `tags` are those of the live torrent; as declared, where there is none. `absent`
    and `paused` are as declared.
    """

    instance: str
    name: str
    infohash: str
    position: Position | None
    state: str
    progress: float | None = None
    size: int | None = None
    owned: bool = False
    in_sync: bool | None = None
    reason: str = ""
    category: str | None = None
    tags: frozenset[str] = frozenset()
    transfer: Transfer | None = None
    absent: bool = False
    paused: bool = False

    @property
    def phase(self) -> Phase:
        """The state in words that people use."""
        return phase_of(self.state)

    @property
    def is_complete(self) -> bool | None:
        """Is all there that is wanted of it, checked, and where it should be? None where nobody knows."""
        return None if self.phase is Phase.UNKNOWN else self.state in _COMPLETE_STATES


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
class TorrentFilter:
    """Which torrents are asked for: of one of these categories, with one of these tags, in one of these phases.

    Where nothing is named, all are.
    """

    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()

    def matches(self, row: TorrentStatus) -> bool:
        """Is it asked for?"""
        return self.can_match(row) and (not self.phases or row.phase in self.phases)

    def can_match(self, row: TorrentStatus) -> bool:
        """Is it asked for, whatever its phase?"""
        return (not self.categories or row.category in self.categories) and (
            not self.tags or not row.tags.isdisjoint(self.tags)
        )


@dataclass(frozen=True, slots=True)
class Pagination:
    """Which part of a list is shown. `limit` None: as much as the form of the report usually shows."""

    offset: int = 0
    limit: int | None = None


FIRST_PAGE: Final = Pagination()


class WaitOutcome(StrEnum):
    """How waiting ended. `failed`: what is waited for will not come by itself."""

    COMPLETE = "complete"
    FAILED = "failed"
    TIMEOUT = "timeout"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WaitResult:
    """What waiting came to, and what stands in the way: a line for each torrent or instance."""

    outcome: WaitOutcome
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of all instances and of the torrents declared for them.

    `torrents` are those that are asked for of the `declared` ones. `problems`: what is wrong with the files by now,
    where an earlier state of them is shown.
    """

    instances: tuple[InstanceStatus, ...] = ()
    torrents: tuple[TorrentStatus, ...] = ()
    exit_code: int = 0
    declared: int = 0
    wait_result: WaitResult | None = None
    problems: tuple[Problem, ...] = ()

    def filter_torrents(self, selection: TorrentFilter) -> StatusReport:
        """The same of what is asked for."""
        return replace(self, torrents=tuple(filter(selection.matches, self.torrents)))
