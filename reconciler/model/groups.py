"""Groups: instances with a strategy that says on which of them a torrent is to be."""

from __future__ import annotations

from dataclasses import dataclass
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
