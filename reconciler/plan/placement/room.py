"""What a member can still take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from reconciler.model.groups import Member
from reconciler.model.snapshot import Snapshot


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
