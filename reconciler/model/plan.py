"""What a run would do, as frozen data. Dry-run shows it; apply executes it and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.magnet import Magnet
from reconciler.model.position import Position

Value = str | bool | int | float | tuple[str, ...] | None


class Verb(StrEnum):
    """What an action does to its object."""

    ADD = "add"
    ADOPT = "adopt"
    UPDATE = "update"
    DELETE = "delete"


class Kind(StrEnum):
    """What an action acts on. Everything but a torrent is a setting of the instance."""

    TORRENT = "torrent"
    CATEGORY = "category"


class Outcome(StrEnum):
    """What became of an action. `dropped`: not tried, because something before it failed or the world had changed."""

    PLANNED = "planned"
    APPLIED = "applied"
    FAILED = "failed"
    DEFERRED = "deferred"
    BLOCKED = "blocked"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Change:
    """One field from what is live to what is wanted. `before` is None where there is nothing live yet."""

    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Action:
    """One verb on one object with its changes.

    `torrent_id` is the live key (None for adds and categories), `infohash` what people know the torrent by.
    `hold` is DEFERRED or BLOCKED where the action is shown but must not be executed; `reason` then says why.
    `urgent`: it is done before anything else, and nothing that a loop remembers holds it back.
    """

    verb: Verb
    kind: Kind
    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    infohash: str | None = None
    torrent_id: str | None = None
    source: Position | None = None
    disruptive: bool = False
    hold: Outcome | None = None
    magnet: Magnet | None = None
    delete_files: bool = False
    urgent: bool = False

    def wanted(self, field: str, default: Value = None) -> Value:
        """The value that `field` changes to, or `default` where the action leaves it alone."""
        return next((change.after for change in self.changes if change.field == field), default)


@dataclass(frozen=True, slots=True)
class Spared:
    """A torrent that policy, protection, an ignore mark or another owner kept from a change or a deletion."""

    infohash: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guard's word on one instance's plan."""

    refused: bool = False
    reasons: tuple[str, ...] = ()


NOT_REFUSED = Verdict()


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """The plan of one instance. `owned` and `foreign` count its live torrents, `unchanged` the declared and settled."""

    name: str
    actions: tuple[Action, ...] = ()
    spared: tuple[Spared, ...] = ()
    owned: int = 0
    foreign: int = 0
    unchanged: int = 0
    suspended: bool = False
    verdict: Verdict = NOT_REFUSED


@dataclass(frozen=True, slots=True)
class Plan:
    """The plans of all instances that could be read, and the hash that a person can approve."""

    hash: str
    instances: tuple[InstancePlan, ...] = ()
