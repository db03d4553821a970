"""The results of a run: the data behind every report."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from reconciler.model.expectation import PlanExpectation
from reconciler.model.groups import DrainProgress, PendingTorrent
from reconciler.model.health import Health
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lease import LeaseHold, LeaseMark
from reconciler.model.plan import NOT_REFUSED, Action, EndlessChange, GuardVerdict, Outcome, SparedTorrent, TorrentFault
from reconciler.model.position import Position, Problem


class RunMode(StrEnum):
    """The mode of a run."""

    DRY_RUN = "dry-run"
    APPLY = "apply"


class Status(StrEnum):
    """The status of an instance after a run. `unknown`: the run rests on a snapshot that lacks the instance."""

    OK = "ok"
    SUSPENDED = "suspended"
    UNREACHABLE = "unreachable"
    AUTH_FAILED = "auth_failed"
    BANNED = "banned"
    UNSUPPORTED = "unsupported"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    ERROR = "error"

    @property
    def is_ok(self) -> bool:
        """True if nothing is wrong: the instance answered, and is healthy or suspended."""
        return self in (Status.OK, Status.SUSPENDED)

    @property
    def is_answered(self) -> bool:
        """True if the instance was read completely and answered to the end, healthy or not."""
        return self.is_ok or self is Status.UNHEALTHY


@dataclass(frozen=True, slots=True)
class ActionResult:
    """An action and its outcome; `error` is the reason why it failed or was dropped, or what it waits for.

    `is_removed`: a torrent was deleted, whatever the outcome says about its data.
    """

    action: Action
    outcome: Outcome
    error: str | None = None
    is_removed: bool = False

    @property
    def has_effect(self) -> bool:
        """True if the action was applied, or has at least removed its torrent."""
        return self.is_removed or self.outcome is Outcome.APPLIED


@dataclass(frozen=True, slots=True)
class ContentResult:
    """A torrent that is declared by its content, after the run.

    `magnet` contains no trackers that may hold a passkey. Both are None as long as the torrent does not exist.
    """

    name: str
    path: str
    position: Position
    infohash: str | None = None
    magnet: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceResult:
    """One instance's share of a run. `requests` counts the HTTP requests sent to it.

    `marks`: other owners and desired states that change it; they are known only if the run had something to change.
    `rival`: another run that is changing it, so that nothing was changed here. `keeper_rival`: another run that is
    changing an instance with a kept copy, or one that sees the same files, so that no surplus copy, or no data, was
    deleted for that one. `same_server`: the name of another instance that is the same server. `suspended_until` (UTC):
    a person has suspended it for a while.
    """

    name: str
    status: Status
    error: str | None = None
    version: str | None = None
    web_api: str | None = None
    requests: int = 0
    owned: int = 0
    foreign: int = 0
    unchanged: int = 0
    verdict: GuardVerdict = NOT_REFUSED
    results: tuple[ActionResult, ...] = ()
    spared: tuple[SparedTorrent, ...] = ()
    health: Health | None = None
    content: tuple[ContentResult, ...] = ()
    faults: tuple[TorrentFault, ...] = ()
    marks: tuple[LeaseMark, ...] = ()
    rival: LeaseHold | None = None
    keeper_rival: LeaseHold | None = None
    same_server: str | None = None
    suspended_until: datetime | None = None

    @property
    def is_read(self) -> bool:
        """True if its torrents are known. If not, a count of zero here means nothing."""
        return self.version is not None or self.status.is_answered

    @property
    def has_serious_fault(self) -> bool:
        """True if a declared torrent that is meant to run cannot run before a person has acted."""
        return any(fault.is_serious for fault in self.faults)


@dataclass(frozen=True, slots=True)
class SnapshotAge:
    """The time (UTC) at which a snapshot was taken, and how many seconds ago that was."""

    taken_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run: its plan, its results, and the exit code for scripts.

    `warnings`: about the desired state as loaded, then as planned.
    `pending`: the torrents that no healthy member can take now. `linked_instances`: instances that were read only
    because others depend on them, through a group or a created torrent. They are no part of the run.
    `expectation`: the only plan that the run was to execute, if there is one. `snapshot_age`: the age of the snapshot
    that a dry-run rests on; None if the instances were read. `endless`: the changes of a dry-run
    that every run would plan again. `accepted_plan`: the hash of the plan that a person has accepted for this run
    alone. `drains`: what is left on the drained members of groups.
    """

    mode: RunMode
    plan_hash: str
    exit_code: int
    instances: tuple[InstanceResult, ...] = ()
    warnings: tuple[Problem, ...] = ()
    pending: tuple[PendingTorrent, ...] = ()
    linked_instances: tuple[InstanceResult, ...] = ()
    expectation: PlanExpectation | None = None
    snapshot_age: SnapshotAge | None = None
    endless: tuple[EndlessChange, ...] = ()
    accepted_plan: str | None = None
    drains: tuple[DrainProgress, ...] = ()
