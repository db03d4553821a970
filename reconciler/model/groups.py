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


class MovePolicy(StrEnum):
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
    position: Position
    strategy: Strategy
    members: tuple[Member, ...]
    failover_after: float = 120.0
    move_policy: MovePolicy = MovePolicy.NEVER

    @property
    def member_names(self) -> tuple[str, ...]:
        """The names of its members, in their order."""
        return tuple(member.name for member in self.members)

    @property
    def space_limited_members(self) -> frozenset[str]:
        """The names of the members whose free space matters."""
        return frozenset(member.name for member in self.members if member.min_free_space is not None)


@dataclass(frozen=True, slots=True)
class Outage:
    """An instance that nothing is to be placed on now: since when (UTC) and why, in one clause."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PlacementFacts:
    """What is known besides the snapshots, of instances by name.

    `outages`: those that are in trouble; one may have been read all the same (its VPN is down). `held_ids`: the ids of what
    each had when it was last read well. Of an instance that is in neither nothing is known: it may hold anything.
    `pending`: what was pending when that was last asked, by group and infohash. `free_space`: bytes that are free where a
    member downloads to, for those of which that matters and is told.
    """

    outages: Mapping[str, Outage] = field(default_factory=dict)
    held_ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pending: Mapping[tuple[str, str], PendingTorrent] = field(default_factory=dict)
    free_space: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A live torrent that another copy is given up for: its id on `instance`.

    It must be ours; and where it must be `must_be_complete`, complete and of `min_size` bytes at least.
    """

    instance: str
    torrent_id: str
    min_size: int = 0
    must_be_complete: bool = True


@dataclass(frozen=True, slots=True)
class ActionPlacement:
    """Why an action is planned on this very member of a group.

    `kept_copy`, of a deletion: the copy for the sake of which this one can go, if it still is there at that moment.
    """

    group: str
    reason: str
    kept_copy: KeptCopy | None = None


@dataclass(frozen=True, slots=True)
class PendingTorrent:
    """A torrent that is wanted, with nowhere healthy to be.

    `until`: when time alone will change that. `since`: when a run first found it so. Both UTC.
    """

    infohash: str
    name: str
    group: str
    reason: str
    position: Position
    until: datetime | None = None
    since: datetime | None = None


NO_PLACEMENT_FACTS = PlacementFacts()
