"""What came of a run: the data behind every report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.groups import PendingTorrent
from reconciler.model.health import Health
from reconciler.model.plan import NOT_REFUSED, Action, GuardVerdict, Outcome, SparedTorrent
from reconciler.model.position import Position, Problem


class RunMode(StrEnum):
    """What kind of run it was."""

    DRY_RUN = "dry-run"
    APPLY = "apply"


class Status(StrEnum):
    """How an instance answered."""

    OK = "ok"
    SUSPENDED = "suspended"
    UNREACHABLE = "unreachable"
    AUTH_FAILED = "auth_failed"
    BANNED = "banned"
    UNSUPPORTED = "unsupported"
    UNHEALTHY = "unhealthy"
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
    """An action and what became of it; `error` says why it failed or was dropped."""

    action: Action
    outcome: Outcome
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ContentResult:
    """A torrent that is declared by its content, and what is known of it after the run.

    `magnet` leads to it, without trackers that may hold a passkey; both are None as long as it is not there.
    """

    name: str
    path: str
    position: Position
    infohash: str | None = None
    magnet: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceResult:
    """One instance's share of a run. `requests` counts the HTTP requests sent to it."""

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


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run: what was planned and what came of it, and the exit code that says so to a script.

    `pending`: what is wanted with nowhere healthy to be. `linked_instances`: how those instances answered that were read for the
    sake of others alone: of a group, or of what is made on them. They are no part of the run.
    """

    mode: RunMode
    plan_hash: str
    exit_code: int
    instances: tuple[InstanceResult, ...] = ()
    warnings: tuple[Problem, ...] = ()
    pending: tuple[PendingTorrent, ...] = ()
    linked_instances: tuple[InstanceResult, ...] = ()
