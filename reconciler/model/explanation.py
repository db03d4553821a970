"""What `reconcile explain` shows: one torrent, everywhere it is declared or is."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.desired import DesiredTorrent
from reconciler.model.health import Health
from reconciler.model.history import PastRun
from reconciler.model.plan import NOT_REFUSED, Action, FieldValue, GuardVerdict
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """One field as it is declared and as it is. None: not declared, so not managed; or not there."""

    field: str
    declared: FieldValue
    live: FieldValue
    differs: bool = False


@dataclass(frozen=True, slots=True)
class InstanceExplanation:
    """The torrent on one instance.

    `live_torrents` are several only where it is there twice. `other_owners` are the other owners that it names. `actions` are what a
    run would do, `spared_reason` is why it leaves something be; `verdict` is the guard's word on the whole plan there.
    `health` is that of the instance, None where it was not looked at. `group`, with its strategy: the one that the
    entry is for; `placement_reason` says why the torrent is to be on this member, None: it is not.
    """

    instance: str
    status: Status
    error: str | None = None
    entry: DesiredTorrent | None = None
    live_torrents: tuple[LiveTorrent, ...] = ()
    owned: bool = False
    other_owners: tuple[str, ...] = ()
    fields: tuple[FieldComparison, ...] = ()
    actions: tuple[Action, ...] = ()
    spared_reason: str | None = None
    verdict: GuardVerdict = NOT_REFUSED
    health: Health | None = None
    group: str | None = None
    placement_reason: str | None = None

    @property
    def is_relevant(self) -> bool:
        """Is there anything to tell?"""
        return bool(self.entry or self.live_torrents or self.error)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One torrent on every instance, and the past runs that did something with it, newest first.

    `pending_reason` says why it has no place in its group for now.
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
    """A torrent that may have been meant, and where it is declared or is."""

    name: str
    infohash: str
    locations: tuple[str, ...]
