"""How whole a copy of a torrent is. What is not known for sure counts against a deletion, on either side of it."""

from __future__ import annotations

from typing import Final

from reconciler.model.groups import Copy
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import IGNORE, owner_tag

# While it checks, moves or is in error, a torrent's progress says nothing about what is on disk.
_WHOLE: Final = frozenset({"uploading", "stalledUP", "queuedUP", "forcedUP", "pausedUP", "stoppedUP"})
_PARTIAL: Final = frozenset(
    {"downloading", "stalledDL", "queuedDL", "forcedDL", "metaDL", "forcedMetaDL", "pausedDL", "stoppedDL"}
)


def complete(live: LiveTorrent) -> bool:
    """Is all of it surely there?"""
    return live.size > 0 and live.progress >= 1 and live.state in _WHOLE


def partial(live: LiveTorrent) -> bool:
    """Is some of it surely missing?"""
    return live.state in _PARTIAL and live.progress < 1


def worth(live: LiveTorrent) -> int:
    """The bytes that would be lost with it, at most."""
    return int(live.size * live.progress) if partial(live) else live.size


def reliable(live: LiveTorrent, copy: Copy, owner: str) -> bool:
    """Is it ours, and as whole as `copy` says that it must be? Then another copy can go."""
    ours = owner_tag(owner) in live.tags and IGNORE not in live.tags
    return ours and (not copy.whole or (complete(live) and live.size >= copy.size))


def percent(live: LiveTorrent) -> str:
    """How far it is, for people; never 100 % before it is whole."""
    return f"{min(99, int(live.progress * 100))} %"
