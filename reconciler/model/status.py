"""The result of `reconcile status`: the declared torrents with their live state, without a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.states import COMPLETE_STATES

if TYPE_CHECKING:  # the command line needs the filters and pages of this module, and not the whole model
    from reconciler.model.groups import DrainProgress
    from reconciler.model.health import Health
    from reconciler.model.plan import TorrentFault
    from reconciler.model.position import Position, Problem
    from reconciler.model.run import Status

# Our own states, in addition to qBittorrent's.
PENDING_STATE = "pending"  # no healthy member of its group can hold it; `instance` is the group
MISSING_STATE = "missing"  # declared, but not on its instance
ABSENT_STATE = "absent"  # declared absent, and not on its instance
UNKNOWN_STATE = "unknown"  # its instance could not be read


class Phase(StrEnum):
    """The state of a torrent in a few plain words, the same for every version of qBittorrent."""

    DOWNLOADING = "downloading"
    STALLED = "stalled"  # not complete, and no peer sends
    METADATA = "metadata"  # waits for its metadata
    QUEUED = "queued"
    CHECKING = "checking"
    MOVING = "moving"
    SEEDING = "seeding"
    STOPPED = "stopped"
    ERROR = "error"  # its files are gone, or qBittorrent reports an error
    MISSING = "missing"
    PENDING = "pending"  # no healthy member of its group can hold it
    ABSENT = "absent"
    UNKNOWN = "unknown"


# Every state of qBittorrent 4.2 to 5.3.
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


def phase_of(state: str) -> Phase:
    """Return the phase of a state of qBittorrent or of ours; `unknown` for a state that a later version adds."""
    return _PHASE_BY_STATE.get(state, Phase.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Transfer:
    """The transfer of one torrent at one time. Rates are in bytes per second.

    `eta`: seconds until it is complete, if it downloads at a known rate. `ratio` is None if it cannot be computed.
    """

    eta: int | None = None
    ratio: float | None = None
    download_rate: int = 0
    upload_rate: int = 0


@dataclass(frozen=True, slots=True)
class TorrentStatus:
    """One declared torrent with its live state.

    `state` is the state of qBittorrent, or one of ours, such as `missing`. `in_sync` is None if its instance could not
    be read. `reason` says what differs, or why its state is unknown.

    `category` (None: unknown) and `tags` come from the live torrent, or without one from the declaration. `absent` and
    `paused` are as declared. `fault`: it does not work, whether or not something differs.
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
    fault: TorrentFault | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def phase(self) -> Phase:
        """The phase of its state."""
        return phase_of(self.state)

    @property
    def is_complete(self) -> bool | None:
        """True if all its selected data exists, is checked and is at its final path. None: unknown."""
        return None if self.phase is Phase.UNKNOWN else self.state in COMPLETE_STATES


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """One instance: its status, and counts of its torrents. `missing` and `drifted` count declared torrents."""

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
    """A filter for torrents: in one of these categories, with one of these tags or labels, in one of these phases.

    An empty part of the filter matches every torrent.
    """

    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    def matches(self, row: TorrentStatus) -> bool:
        """True if the torrent passes the filter."""
        return self.can_match(row) and (not self.phases or row.phase in self.phases)

    def can_match(self, row: TorrentStatus) -> bool:
        """True if the torrent passes the filter in some phase."""
        return (
            (not self.categories or row.category in self.categories)
            and (not self.tags or not row.tags.isdisjoint(self.tags))
            and (not self.labels or any(row.labels.get(name) == value for name, value in self.labels))
        )


@dataclass(frozen=True, slots=True)
class Pagination:
    """The part of a list that is shown. `limit` None: the default of the output format."""

    offset: int = 0
    limit: int | None = None


FIRST_PAGE: Final = Pagination()


class WaitOutcome(StrEnum):
    """The end of a wait. `failed`: the condition cannot become true without a change."""

    COMPLETE = "complete"
    FAILED = "failed"
    TIMEOUT = "timeout"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class WaitResult:
    """The outcome of a wait, and the obstacles: a line for each torrent or instance."""

    outcome: WaitOutcome
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of all instances and of the torrents declared for them.

    `torrents` are the filtered ones of the `declared` torrents. `problems`: the errors in the current files, if the
    last valid state is shown instead. `drains`: what is left on the drained members of groups.
    """

    instances: tuple[InstanceStatus, ...] = ()
    torrents: tuple[TorrentStatus, ...] = ()
    exit_code: int = 0
    declared: int = 0
    wait_result: WaitResult | None = None
    problems: tuple[Problem, ...] = ()
    drains: tuple[DrainProgress, ...] = ()

    def filter_torrents(self, selection: TorrentFilter) -> StatusReport:
        """Return the report with only the torrents that pass the filter."""
        return replace(self, torrents=tuple(filter(selection.matches, self.torrents)))
