"""What `reconcile explain` shows: one torrent, everywhere it is declared or is."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.desired import DesiredTorrent
from reconciler.model.health import Health
from reconciler.model.history import PastRun
from reconciler.model.plan import NOT_REFUSED, Action, Value, Verdict
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field as it is declared and as it is. None: not declared, so not managed; or not there."""

    field: str
    declared: Value
    live: Value
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The torrent on one instance.

    `lives` are several only where it is there twice. `owners` are the other owners that it names. `actions` are what a
    run would do, `spared` is why it leaves something be; `verdict` is the guard's word on the whole plan there.
    `health` is that of the instance, None where it was not looked at. `group`, with its strategy: the one that the
    entry is for; `placement` says why the torrent is to be on this member, None: it is not.
    """

    instance: str
    status: Status
    error: str | None = None
    entry: DesiredTorrent | None = None
    lives: tuple[LiveTorrent, ...] = ()
    owned: bool = False
    owners: tuple[str, ...] = ()
    fields: tuple[FieldView, ...] = ()
    actions: tuple[Action, ...] = ()
    spared: str | None = None
    verdict: Verdict = NOT_REFUSED
    health: Health | None = None
    group: str | None = None
    placement: str | None = None

    @property
    def concerned(self) -> bool:
        """Is there anything to tell?"""
        return bool(self.entry or self.lives or self.error)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One torrent on every instance, and the past runs that did something with it, newest first.

    `pending` says why it has no place in its group for now.
    """

    name: str
    infohash: str
    owner: str
    instances: tuple[Whereabouts, ...]
    lately: tuple[PastRun, ...] = ()
    exit_code: int = 0
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A torrent that may have been meant, and where it is declared or is."""

    name: str
    infohash: str
    places: tuple[str, ...]
