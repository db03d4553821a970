"""The completeness of copies. What is unknown counts against a deletion, on both instances."""

from __future__ import annotations

from typing import Final

from reconciler.model.groups import KeptCopy
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.status import COMPLETE_STATES
from reconciler.model.tags import IGNORE_TAG, build_owner_tag

# While it checks, moves or is in error, a torrent's progress says nothing about what is on disk.
_PARTIAL_STATES: Final = frozenset(
    {"downloading", "stalledDL", "queuedDL", "forcedDL", "metaDL", "forcedMetaDL", "pausedDL", "stoppedDL"}
)


def is_complete(live: LiveTorrent) -> bool:
    """True if all of it is known to be there."""
    return live.size > 0 and live.progress >= 1 and live.state in COMPLETE_STATES


def is_partial(live: LiveTorrent) -> bool:
    """True if some of it is known to be missing."""
    return live.state in _PARTIAL_STATES and live.progress < 1


def bytes_at_risk(live: LiveTorrent) -> int:
    """The bytes that would be lost with it, at most."""
    return int(live.size * live.progress) if is_partial(live) else live.size


def can_replace(live: LiveTorrent, kept_copy: KeptCopy, owner: str) -> bool:
    """True if it is ours and as complete as `copy` requires, so that another copy can be deleted."""
    ours = build_owner_tag(owner) in live.tags and IGNORE_TAG not in live.tags
    return ours and (not kept_copy.must_be_complete or (is_complete(live) and live.size >= kept_copy.min_size))


def percent_text(live: LiveTorrent) -> str:
    """Return the progress for people; never 100 % before it is complete."""
    return f"{min(99, int(live.progress * 100))} %"
