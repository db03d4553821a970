"""One member as one torrent sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.groups import Member
from reconciler.model.placement import Down
from reconciler.model.snapshot import LiveTorrent


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
