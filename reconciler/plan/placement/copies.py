"""The completeness of copies. What is unknown counts against a deletion, on both instances."""

from __future__ import annotations

from typing import Final

from reconciler.model.groups import KeptCopy
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.states import COMPLETE_STATES
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
    return max(0, int(live.size * live.progress)) if is_partial(live) else live.size


def find_replacement(own: LiveTorrent, keeper: LiveTorrent, instance: str, owner: str) -> KeptCopy | None:
    """Return the copy on `instance` as what makes another one superfluous: ours, and with at least as much.

    None if it does not.
    """
    copy = KeptCopy(instance, keeper.id, bytes_at_risk(own), must_be_complete=not is_partial(own))
    lacks_metadata = keeper.size <= 0 < own.size
    return copy if can_replace(keeper, copy, owner) and not lacks_metadata else None


def can_replace(live: LiveTorrent, kept_copy: KeptCopy, owner: str) -> bool:
    """True if it is ours and has as much as `kept_copy` requires, so that another copy can be deleted."""
    if build_owner_tag(owner) not in live.tags or IGNORE_TAG in live.tags:
        return False
    is_certain = is_complete(live) or (is_partial(live) and not kept_copy.must_be_complete)
    return is_certain and bytes_at_risk(live) >= kept_copy.min_size


def percent_text(live: LiveTorrent) -> str:
    """Return the progress for people; never 100 % before it is complete."""
    return f"{min(99, int(live.progress * 100))} %"
