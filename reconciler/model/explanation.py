"""The result of `reconcile explain`: one torrent on every instance where it is declared or exists."""

from __future__ import annotations

from reconciler.model.desired import DesiredTorrent
from reconciler.model.health import Health
from reconciler.model.history import PastRun
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import NOT_REFUSED, FieldValue, GuardVerdict, TorrentFault
from reconciler.model.run import ActionResult, Status
from reconciler.model.snapshot import LiveTorrent


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """The declared and the live value of one field. None: not declared, so not managed; or without a live torrent."""

    field: str
    declared: FieldValue
    live: FieldValue
    differs: bool = False


@dataclass(frozen=True, slots=True)
class InstanceExplanation:
    """The torrent on one instance.

    `live_torrents` has several items only if it exists twice. `other_owners` are other owners in its tags. `results`
    are the actions of the plan with their outcomes, `spared_reason` says why the run leaves something alone, `verdict`
    is the guard's on the whole plan of the instance. `health` is None if it was not observed. `group` is the declared
    group with its strategy; `placement_reason` says why the torrent belongs on this member, None: it does not.
    `fault`: why it does not work, if so.
    """

    instance: str
    status: Status
    error: str | None = None
    entry: DesiredTorrent | None = None
    live_torrents: tuple[LiveTorrent, ...] = ()
    owned: bool = False
    other_owners: tuple[str, ...] = ()
    fields: tuple[FieldComparison, ...] = ()
    results: tuple[ActionResult, ...] = ()
    spared_reason: str | None = None
    verdict: GuardVerdict = NOT_REFUSED
    health: Health | None = None
    group: str | None = None
    placement_reason: str | None = None
    fault: TorrentFault | None = None

    @property
    def is_relevant(self) -> bool:
        """True if there is anything to show."""
        return bool(self.entry or self.live_torrents or self.error)

    @property
    def has_comparison(self) -> bool:
        """True if the torrent is both declared and live, so that its fields can be compared."""
        return bool(self.live_torrents and self.entry and not self.entry.absent and not self.error)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One torrent on every instance, and the past runs that changed it, newest first.

    `pending_reason` says why no member of its group can hold it for now.
    """

    name: str
    infohash: str
    owner: str
    instances: tuple[InstanceExplanation, ...]
    recent_runs: tuple[PastRun, ...] = ()
    exit_code: int = 0
    pending_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A torrent that a name may refer to, and the places where it is declared or exists."""

    name: str
    infohash: str
    locations: tuple[str, ...]
