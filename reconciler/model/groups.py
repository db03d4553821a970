"""Groups: instances with a strategy that says on which of them a torrent is to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.model.position import Position


class Strategy(StrEnum):
    """On one member, in order of preference; on every member; or on the one that a hash of the torrent chooses."""

    FAILOVER = "failover"
    REPLICATE = "replicate"
    SPREAD = "spread"


class Moves(StrEnum):
    """When a torrent leaves a member that is well for one that comes before it.

    `failback` of a failover group, `rebalance` of a spread one (which knows no `immediate`).
    """

    NEVER = "never"
    WHEN_COMPLETE = "when_complete"
    IMMEDIATE = "immediate"


@dataclass(frozen=True, slots=True)
class Member:
    """An instance in a group. `max_torrents` counts all that it has, `min_free_space` is in bytes; None: no limit."""

    name: str
    weight: float = 1.0
    max_torrents: int | None = None
    min_free_space: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Several instances as one place for torrents. `failover_after`: seconds that a member may be down unreplaced."""

    name: str
    at: Position
    strategy: Strategy
    members: tuple[Member, ...]
    failover_after: float = 120.0
    moves: Moves = Moves.NEVER

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its members, in their order."""
        return tuple(member.name for member in self.members)

    @property
    def measured(self) -> frozenset[str]:
        """The names of the members whose free space matters."""
        return frozenset(member.name for member in self.members if member.min_free_space is not None)


@dataclass(frozen=True, slots=True)
class Down:
    """An instance that nothing is to be placed on now: since when (UTC) and why, in one clause."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the snapshots, of instances by name.

    `down`: those that are in trouble; one may have been read all the same (its VPN is down). `held`: the ids of what
    each had when it was last read well. Of an instance that is in neither nothing is known: it may hold anything.
    `pending`: what was pending when that was last asked, by group and infohash. `free`: bytes that are free where a
    member downloads to, for those of which that matters and is told.
    """

    down: Mapping[str, Down] = field(default_factory=dict)
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pending: Mapping[tuple[str, str], Pending] = field(default_factory=dict)
    free: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Copy:
    """A live torrent that another copy is given up for: its id on `instance`.

    It must be ours; and where it must be `whole`, complete and of `size` bytes at least.
    """

    instance: str
    torrent_id: str
    size: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Placed:
    """Why an action is planned on this very member of a group.

    `keeper`, of a deletion: the copy for the sake of which this one can go, if it still is there at that moment.
    """

    group: str
    reason: str
    keeper: Copy | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A torrent that is wanted, with nowhere healthy to be.

    `until`: when time alone will change that. `since`: when a run first found it so. Both UTC.
    """

    infohash: str
    name: str
    group: str
    reason: str
    source: Position
    until: datetime | None = None
    since: datetime | None = None


NOTHING = Known()
