"""One member as one torrent sees it.

See docs/decisions/0071-assume-an-unread-member-may-have-the-torrent.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from reconciler.model.groups import Member, Outage
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.snapshot import LiveTorrent, Snapshot

DRAINED_TEXT: Final = "it is drained"


@dataclass(frozen=True, slots=True)
class MemberState:
    """A member, read or not.

    `copy` is its copy of the torrent, if that is ours. `had_copy`: True if an unread member had it at its last read,
    None if unknown. `cannot_take_reason` is set if a member without it cannot take it. `has_conflict`: its copy is
    ambiguous. `data`: the name of the files that it sees; `last_save_path`: where an unread member had its copy.
    """

    member: Member
    is_read: bool
    copy: LiveTorrent | None = None
    outage: Outage | None = None
    had_copy: bool | None = None
    cannot_take_reason: str | None = None
    has_conflict: bool = False
    data: str | None = None
    last_save_path: str | None = None

    @property
    def name(self) -> str:
        """The instance."""
        return self.member.name

    @property
    def is_healthy(self) -> bool:
        """True if it was read and reported no fault."""
        return self.is_read and self.outage is None

    @property
    def has_copy(self) -> bool:
        """True if the torrent is on it, and it is healthy."""
        return self.is_healthy and self.copy is not None

    @property
    def can_take(self) -> bool:
        """True if it can take the torrent now."""
        return self.is_healthy and self.copy is None and self.cannot_take_reason is None

    @property
    def is_drained(self) -> bool:
        """True if nothing is to stay on it."""
        return self.member.drain

    @property
    def save_path(self) -> str | None:
        """The path of its copy, as it was last seen."""
        return self.copy.save_path if self.copy else self.last_save_path

    def has_same_data(self, other: MemberState) -> bool:
        """Return True if both members see the same files."""
        return self.data is not None and self.data == other.data and self.name != other.name

    def state_text(self, now: datetime) -> str:
        """Return what prevents it from having the torrent, in one clause."""
        if self.outage:
            return f"down since {format_time(self.outage.since, now)}: {self.outage.reason}"
        if not self.is_read:
            return "not read"
        return self.cannot_take_reason or (DRAINED_TEXT if self.is_drained else "well")


def format_time(time: datetime, now: datetime) -> str:
    """A time of today, or of another day, for people."""
    form = "%H:%M:%S UTC" if time.date() == now.date() else "%Y-%m-%d %H:%M:%S UTC"
    return time.strftime(form)


class CapacityTracker:
    """Counts what each instance has and is given. What is to be deleted counts until it is gone."""

    def __init__(self, snapshots: Mapping[str, Snapshot], free_space: Mapping[str, int]) -> None:
        self._free_space = free_space
        self._torrent_counts = Counter({name: len(snapshot.torrents) for name, snapshot in snapshots.items()})

    def reserve(self, instance: str) -> None:
        """One more is planned there."""
        self._torrent_counts[instance] += 1

    def cannot_take_reason(self, member: Member) -> str | None:
        """Return why a member takes no more torrents, in one clause; None if it does."""
        if member.max_torrents is not None and self._torrent_counts[member.name] >= member.max_torrents:
            return f"it is full: max_torrents is {member.max_torrents}"
        if member.min_free_space is not None:
            free = self._free_space.get(member.name)
            if free is None:
                return "its free space is not known"
            if free < member.min_free_space:
                return _low_space_reason(free, member.min_free_space)
        return None


def _low_space_reason(free: int, least: int) -> str:
    from humanize import naturalsize  # only where it is so

    return f"{naturalsize(free, binary=True)} are free there, min_free_space is {naturalsize(least, binary=True)}"
