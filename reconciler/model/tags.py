"""The `reconcile:*` tags: ownership and marks that live on the torrent itself, so that no local file is needed.

See docs/decisions/0001-ownership-is-a-tag-on-the-torrent.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

TAG_PREFIX = "reconcile:"
PROTECT_TAG = "reconcile:protect"
IGNORE_TAG = "reconcile:ignore"
QUARANTINE_PREFIX = "reconcile:quarantine:"
HELD_TAG = "reconcile:held"  # stopped by the kill switch; it ran before
HELD_FORCED_TAG = "reconcile:held:forced"  # likewise, and its start was forced
CONTENT_TAG = "reconcile:content"  # it was made from content: the data was there before the torrent
CONTENT_OF_TAG = "reconcile:content-of"  # it is what the content on another instance became
RESERVED_OWNERS = frozenset({"protect", "ignore", "quarantine", "held", "content", "content-of"})


def build_owner_tag(owner: str) -> str:
    """The tag that marks a live torrent as ours."""
    return TAG_PREFIX + owner


def is_reserved_tag(tag: str) -> bool:
    """True for tags that only `reconcile` sets and that a user's `tags:` neither names nor removes."""
    return tag.startswith(TAG_PREFIX)


def parse_owners(tags: Iterable[str]) -> tuple[str, ...]:
    """The owners that a torrent's tags name, sorted. Marks such as `reconcile:quarantine:2026-01-01` are no owners."""
    names = (tag.removeprefix(TAG_PREFIX) for tag in tags if tag.startswith(TAG_PREFIX))
    return tuple(sorted(name for name in names if name.split(":")[0] not in RESERVED_OWNERS))


def read_held_state(tags: Collection[str]) -> str | None:
    """How a torrent ran before the kill switch stopped it: `running`, `forced`; None where it holds it not."""
    return "forced" if HELD_FORCED_TAG in tags else "running" if HELD_TAG in tags else None


def select_user_tags(tags: Iterable[str]) -> frozenset[str]:
    """The tags that belong to people: all but `reconcile:*`."""
    return frozenset(tag for tag in tags if not is_reserved_tag(tag))


_STOPPED_SUFFIX = ":stopped"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """`until`: the last day (UTC) on which it is kept. `was_stopped`: how it is to be when it is declared again."""

    until: date
    was_stopped: bool = False

    @classmethod
    def start(cls, today: date, days: int, was_stopped: bool) -> Quarantine:
        """One that begins today. It lasts so many days at least: the rest of today comes on top."""
        return cls(today + timedelta(days), was_stopped)

    @classmethod
    def parse(cls, text: str) -> Quarantine | None:
        """What the text of a tag says; None where it names no day."""
        day = text.removesuffix(_STOPPED_SUFFIX)
        try:
            until = date.fromisoformat(day)
        except ValueError:
            return None
        return cls(until, text != day) if until.isoformat() == day else None

    def __str__(self) -> str:
        return self.until.isoformat() + (_STOPPED_SUFFIX if self.was_stopped else "")


def extract_quarantines(tags: Iterable[str]) -> tuple[str, ...]:
    """What the quarantine tags among these say, sorted; one at most, unless a person has meddled with them."""
    return tuple(sorted(tag.removeprefix(QUARANTINE_PREFIX) for tag in tags if tag.startswith(QUARANTINE_PREFIX)))


def has_been_running(texts: Iterable[str]) -> bool:
    """Was a torrent with such quarantine tags running when it was put there?"""
    return not any(text.endswith(_STOPPED_SUFFIX) for text in texts)
