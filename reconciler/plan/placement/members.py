"""One member as one torrent sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler.model.groups import Down, Group, Member
from reconciler.model.snapshot import LiveTorrent, Snapshot


@dataclass(frozen=True, slots=True)
class Seat:
    """A member, read or not.

    `copy` is what it has of the torrent, for us. `held`: had an unread one it when it was last read? None: nobody
    knows. `lacks` says why one that has none can take none. `conflict`: what it has is not to be told for sure.
    """

    member: Member
    read: bool
    copy: LiveTorrent | None = None
    down: Down | None = None
    held: bool | None = None
    lacks: str | None = None
    conflict: bool = False

    @property
    def name(self) -> str:
        """The instance."""
        return self.member.name

    @property
    def well(self) -> bool:
        """Was it read, and is nothing wrong with it?"""
        return self.read and self.down is None

    @property
    def holds(self) -> bool:
        """Is the torrent on it, and it well?"""
        return self.well and self.copy is not None

    @property
    def open(self) -> bool:
        """Can it take the torrent now?"""
        return self.well and self.copy is None and self.lacks is None

    def state(self, now: datetime) -> str:
        """What keeps it from having the torrent, in one clause."""
        if self.down:
            return f"down since {moment(self.down.since, now)}: {self.down.reason}"
        if not self.read:
            return "not read"
        return self.lacks or "well"


def moment(at: datetime, now: datetime) -> str:
    """A time of today, or of another day, for people."""
    form = "%H:%M:%S UTC" if at.date() == now.date() else "%Y-%m-%d %H:%M:%S UTC"
    return at.strftime(form)


class Room:
    """Counts what each instance has and is given. What is to be deleted counts until it is gone."""

    def __init__(self, snapshots: Mapping[str, Snapshot], free: Mapping[str, int]) -> None:
        self._free = free
        self._count = Counter({name: len(snapshot.torrents) for name, snapshot in snapshots.items()})

    def take(self, instance: str) -> None:
        """One more is planned there."""
        self._count[instance] += 1

    def lacks(self, member: Member) -> str | None:
        """Why a member takes nothing more, in one clause; None where it does."""
        if member.max_torrents is not None and self._count[member.name] >= member.max_torrents:
            return f"it is full: max_torrents is {member.max_torrents}"
        if member.min_free_space is not None:
            free = self._free.get(member.name)
            if free is None:
                return "its free space is not known"
            if free < member.min_free_space:
                return _short_of_space(free, member.min_free_space)
        return None


def _short_of_space(free: int, least: int) -> str:
    from humanize import naturalsize  # only where it is so

    return f"{naturalsize(free, binary=True)} are free there, min_free_space is {naturalsize(least, binary=True)}"


def linked(instances: Iterable[str], groups: Mapping[str, Group]) -> dict[str, tuple[str, ...]]:
    """For each instance all that it is linked with, itself among them, sorted. An instance in no group is alone.

    Whoever divides the instances between processes divides by the first of these names, so that no group is torn.
    """
    names = set(instances)
    sets = {name: frozenset({name}) for name in names}
    for group in groups.values():
        joined = frozenset[str]().union(*(sets[name] for name in group.names if name in names))
        sets.update(dict.fromkeys(joined, joined))
    return {name: tuple(sorted(joined)) for name, joined in sets.items()}
