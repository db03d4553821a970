"""Groups of instances, whose strategy decides which members hold a torrent, and the facts and results of placement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position


class Strategy(StrEnum):
    """The first healthy member; every member; or the member that a hash of the torrent chooses."""

    FAILOVER = "failover"
    REPLICATE = "replicate"
    SPREAD = "spread"


class MovePolicy(StrEnum):
    """The time at which a torrent moves from a healthy member to another one that the strategy prefers.

    `failback` of a failover group; `rebalance` of a spread group, which has no `immediate`.
    """

    NEVER = "never"
    WHEN_COMPLETE = "when_complete"
    IMMEDIATE = "immediate"


@dataclass(frozen=True, slots=True)
class Member:
    """An instance in a group. `max_torrents` limits all its torrents, `min_free_space` is in bytes; None: no limit.

    `drain`: it takes no torrents, and its torrents move to the other members.
    """

    name: str
    weight: float = 1.0
    max_torrents: int | None = None
    min_free_space: int | None = None
    drain: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Several instances as one place for torrents. `failover_after`: seconds of outage before a member is replaced."""

    name: str
    position: Position
    strategy: Strategy
    members: tuple[Member, ...]
    failover_after: float = 120.0
    move_policy: MovePolicy = MovePolicy.NEVER

    @property
    def member_names(self) -> tuple[str, ...]:
        """The names of its members, in order of preference."""
        return tuple(member.name for member in self.members)

    @property
    def drained_members(self) -> tuple[str, ...]:
        """The names of the members that are drained."""
        return tuple(member.name for member in self.members if member.drain)

    @property
    def space_limited_members(self) -> frozenset[str]:
        """The names of the members with a limit on free space."""
        return frozenset(member.name for member in self.members if member.min_free_space is not None)


@dataclass(frozen=True, slots=True)
class Outage:
    """The time (UTC) since when nothing may be placed on an instance, and the reason in one clause."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PlacementFacts:
    """The facts for placement that are not in the snapshots. Keys are names of instances.

    `outages`: the unhealthy instances; one may have been read all the same (its VPN is down). `held_ids`: the ids of
    the torrents of each at its last good read. An instance in neither is unknown: it may hold anything. `pending`: the
    torrents that were pending after the last run, by group and infohash. `free_space`: bytes that are free in the
    download folder of a member, if it has a limit and reports it. `held_paths`: where each instance that shares its
    files had its torrents at its last good read, by their ids.
    """

    outages: Mapping[str, Outage] = field(default_factory=dict)
    held_ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pending: Mapping[tuple[str, str], PendingTorrent] = field(default_factory=dict)
    free_space: Mapping[str, int] = field(default_factory=dict)
    held_paths: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """The copy that is kept when another copy is deleted, by its id on `instance`.

    It must be ours, certainly have at least `min_size` bytes and, if `must_be_complete`, be complete.
    """

    instance: str
    torrent_id: str
    min_size: int = 0
    must_be_complete: bool = True


@dataclass(frozen=True, slots=True)
class ActionPlacement:
    """The group of an action, and the reason for this member of it.

    `kept_copy`, of a deletion: the copy that must still exist when this one is deleted.
    """

    group: str
    reason: str
    kept_copy: KeptCopy | None = None


@dataclass(frozen=True, slots=True)
class PendingTorrent:
    """A declared torrent that no healthy member can hold now.

    `since`: when a run first found it pending. `until`: when it can be placed, if only time is missing. Both UTC.
    """

    infohash: str
    name: str
    group: str
    reason: str
    position: Position
    until: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DrainProgress:
    """The torrents of a group that are left on a drained member.

    `left`: their number, None if it could not be read. `moving`: how many of them another member has too, or is to get
    now. `waiting`: the reasons why the others stay, each with their number, the most frequent first. `unknown`: the
    declared torrents that are not known now, and may be there.
    """

    instance: str
    group: str
    left: int | None
    moving: int = 0
    waiting: tuple[tuple[str, int], ...] = ()
    unknown: int = 0

    @property
    def is_empty(self) -> bool:
        """True if the member can be removed from its group."""
        return self.left == 0 and not self.unknown


NO_PLACEMENT_FACTS = PlacementFacts()
