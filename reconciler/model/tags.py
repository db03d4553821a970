"""The `reconcile:*` tags. They record ownership and marks on the torrent itself, so that no local file is needed.

See docs/decisions/0001-ownership-is-a-tag-on-the-torrent.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from functools import lru_cache

from reconciler.model.lazy_dataclass import dataclass

TAG_PREFIX = "reconcile:"
PROTECT_TAG = "reconcile:protect"
IGNORE_TAG = "reconcile:ignore"
QUARANTINE_PREFIX = "reconcile:quarantine:"
HELD_TAG = "reconcile:held"  # stopped by the kill switch; it was running before
HELD_FORCED_TAG = "reconcile:held:forced"  # stopped by the kill switch; it was running with a forced start
HELD_TAGS = frozenset({HELD_TAG, HELD_FORCED_TAG})
CONTENT_TAG = "reconcile:content"  # created from content: its data existed before the torrent
CONTENT_OF_TAG = "reconcile:content-of"  # the torrent that the content of another instance became
RESERVED_OWNERS = frozenset({"protect", "ignore", "quarantine", "held", "content", "content-of", "lease"})
_STOPPED_SUFFIX = ":stopped"


def build_owner_tag(owner: str) -> str:
    """Return the tag that marks a live torrent as ours."""
    return TAG_PREFIX + owner


def is_reserved_tag(tag: str) -> bool:
    """True for a tag that only `reconcile` sets and removes, whatever `tags` a user declares."""
    return tag.startswith(TAG_PREFIX)


@lru_cache(4096)  # thousands of torrents have few different sets of tags
def parse_owners(tags: frozenset[str]) -> tuple[str, ...]:
    """Return the owners in the tags of a torrent, sorted. Skips marks such as `reconcile:quarantine:2026-01-01`."""
    names = (tag.removeprefix(TAG_PREFIX) for tag in tags if tag.startswith(TAG_PREFIX))
    return tuple(sorted(name for name in names if name.split(":")[0] not in RESERVED_OWNERS))


def read_held_state(tags: Collection[str]) -> str | None:
    """Return the state before the kill switch stopped a torrent: `running` or `forced`; None if it did not stop it."""
    return "forced" if HELD_FORCED_TAG in tags else "running" if HELD_TAG in tags else None


@lru_cache(4096)
def select_user_tags(tags: frozenset[str]) -> frozenset[str]:
    """Return all tags but `reconcile:*`."""
    return frozenset(tag for tag in tags if not is_reserved_tag(tag))


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The quarantine of a pruned torrent.

    `until`: the last day (UTC) on which it is kept. `was_stopped`: it stays stopped if it is declared again.
    """

    until: date
    was_stopped: bool = False

    @classmethod
    def start(cls, today: date, days: int, was_stopped: bool) -> Quarantine:
        """Begin a quarantine today. It lasts for `days` and the rest of today."""
        return cls(today + timedelta(days), was_stopped)

    @classmethod
    def parse(cls, text: str) -> Quarantine | None:
        """Parse the text of a tag after its prefix; None if it contains no date."""
        day = text.removesuffix(_STOPPED_SUFFIX)
        try:
            until = date.fromisoformat(day)
        except ValueError:
            return None
        return cls(until, text != day) if until.isoformat() == day else None

    def __str__(self) -> str:
        return self.until.isoformat() + (_STOPPED_SUFFIX if self.was_stopped else "")


@lru_cache(4096)
def extract_quarantines(tags: frozenset[str]) -> tuple[str, ...]:
    """Return the texts of the quarantine tags, sorted. There are several only if a user has changed them."""
    return tuple(sorted(tag.removeprefix(QUARANTINE_PREFIX) for tag in tags if tag.startswith(QUARANTINE_PREFIX)))


def has_been_running(texts: Iterable[str]) -> bool:
    """True if a torrent with these texts of quarantine tags was running before its quarantine."""
    return not any(text.endswith(_STOPPED_SUFFIX) for text in texts)
