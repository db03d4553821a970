"""The marks that `reconcile` keeps in tags, and how tags hold the value of a field."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from reconciler.model.fields.field import AppliedCheck, AppliedCheckMaker, Field, FieldKind, TagEncoder
from reconciler.model.fields.names import HELD, OWNER, QUARANTINE
from reconciler.model.plan import Change, FieldValue
from reconciler.model.tags import (
    HELD_FORCED_TAG,
    HELD_TAG,
    QUARANTINE_PREFIX,
    build_owner_tag,
    extract_quarantines,
    read_held_state,
)

_HELD_STATE_TAGS: Final = {"running": HELD_TAG, "forced": HELD_FORCED_TAG}


def _encode_owner(value: FieldValue) -> frozenset[str]:
    return frozenset() if value is None else frozenset({build_owner_tag(str(value))})


def _encode_quarantine(value: FieldValue) -> frozenset[str]:
    return frozenset(QUARANTINE_PREFIX + text for text in value) if isinstance(value, tuple) else frozenset()


def _encode_held(value: FieldValue) -> frozenset[str]:
    return frozenset() if value is None else frozenset({_HELD_STATE_TAGS[str(value)]})


def make_mark_encoder(tag: str) -> TagEncoder:
    """Return an encoder of a value of which the tags only show that it exists."""
    present, absent = frozenset({tag}), frozenset[str]()
    return lambda value: present if value not in (None, False) else absent


@lru_cache(4096)  # thousands of torrents share their changes
def find_added_tags(change: Change, encode: TagEncoder) -> frozenset[str]:
    """Return the tags of the new value that the old one does not have."""
    return encode(change.after) - encode(change.before)


@lru_cache(4096)
def find_removed_tags(change: Change, encode: TagEncoder, cleared: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the tags of the old value that the new one does not have, and those to clear if there is no new one."""
    outdated = encode(change.before) | cleared if change.after is None else encode(change.before)
    return outdated - encode(change.after)


def prepare_tags_check(encode: TagEncoder) -> AppliedCheckMaker:
    """Return a maker of checks for the tags of the new value, which leave other tags alone."""

    def make_tags_check(change: Change) -> AppliedCheck:
        added, removed = find_added_tags(change, encode), find_removed_tags(change, encode)
        return lambda torrent, _action: added <= torrent.tags and removed.isdisjoint(torrent.tags)

    return make_tags_check


MARKS: Final = (
    Field(
        name=OWNER,
        kind=FieldKind.MARK,
        make_applied_check=prepare_tags_check(_encode_owner),
        encode_tags=_encode_owner,
    ),
    Field(
        name=QUARANTINE,
        kind=FieldKind.MARK,
        read=lambda torrent: extract_quarantines(torrent.tags),
        make_applied_check=prepare_tags_check(_encode_quarantine),
        encode_tags=_encode_quarantine,
    ),
    Field(
        name=HELD,
        kind=FieldKind.MARK,
        read=lambda torrent: read_held_state(torrent.tags),
        encode_tags=_encode_held,
        cleared_tags=frozenset(_HELD_STATE_TAGS.values()),
    ),
)
