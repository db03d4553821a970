"""The properties of a torrent: its name, category, tags, path, and if it is paused or protected."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.field import AppliedCheck, Field, FieldKind
from reconciler.model.fields.marks import make_mark_encoder, prepare_tags_check
from reconciler.model.fields.names import CATEGORY, NAME, PAUSED, PROTECT, SAVE_PATH, STOP_CONDITION, TAGS
from reconciler.model.fields.options import has_reached_declared_limit
from reconciler.model.paths import normalize_path
from reconciler.model.plan import AddTorrent, Change, FieldValue, SetTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import PROTECT_TAG, read_held_state, select_user_tags


def _encode_user_tags(value: FieldValue) -> frozenset[str]:
    return frozenset(value) if isinstance(value, tuple) else frozenset()


def _read_tags(torrent: LiveTorrent) -> FieldValue:
    return _sort_user_tags(torrent.tags)


@lru_cache(4096)  # thousands of torrents have few different sets of tags
def _sort_user_tags(tags: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(select_user_tags(tags)))


def _declare_tags(entry: DesiredTorrent) -> FieldValue:
    return None if entry.tags is None else tuple(sorted(entry.tags.names))


def _want_tags(entry: DesiredTorrent, torrent: LiveTorrent) -> FieldValue:
    tags = entry.tags
    if tags is None:
        return None
    return _join_tags(tags.names, frozenset() if tags.only else torrent.tags)


@lru_cache(4096)
def _join_tags(declared: frozenset[str], live: frozenset[str]) -> tuple[str, ...]:
    """Return declared tags with the user's own tags of a torrent."""
    return tuple(sorted(declared | select_user_tags(live)))


_normalize_save_path = lru_cache(4096)(normalize_path)  # thousands of torrents are in few folders


def _declare_save_path(entry: DesiredTorrent) -> FieldValue:
    return entry.save_path and _normalize_save_path(entry.save_path)


def _import_save_path(torrent: LiveTorrent) -> FieldValue:
    return None if torrent.auto_tmm or torrent.is_moving else torrent.save_path or None


def _import_paused(torrent: LiveTorrent) -> FieldValue:
    """Return True or None: `paused: false` would start again what a share limit has stopped.

    A torrent that the kill switch holds is meant to run.
    """
    return (torrent.stopped and read_held_state(torrent.tags) is None) or None


def _want_paused(entry: DesiredTorrent, torrent: LiveTorrent) -> FieldValue:
    """Return None for a torrent that a declared share limit has stopped."""
    return None if entry.paused is False and has_reached_declared_limit(entry, torrent) else entry.paused


def _resolve_paused(wanted: FieldValue, torrent: LiveTorrent) -> FieldValue:
    """Return False for a stopped torrent that runs until its check is over."""
    return False if wanted and torrent.is_stop_intent_hidden and torrent.is_meant_stopped else wanted


def _make_save_path_check(change: Change) -> AppliedCheck:
    wanted = _normalize_save_path(str(change.after))
    return lambda torrent, _action: _normalize_save_path(torrent.save_path) == wanted and not torrent.is_moving


def _make_paused_check(change: Change) -> AppliedCheck:
    wanted = change.after

    def is_paused_applied(torrent: LiveTorrent, action: SetTorrent) -> bool:
        if torrent.stopped == wanted:
            return True
        if not isinstance(action, AddTorrent):
            return False
        if action.get_new_value(STOP_CONDITION) not in (None, "none"):
            return True  # it stops when its condition is met
        return torrent.is_stop_intent_hidden  # it stops, or goes on, when its data has been checked

    return is_paused_applied


_PROPERTIES: Final = (
    Field(
        name=NAME,
        kind=FieldKind.PROPERTY,
        read=lambda torrent: torrent.name,
        declare=lambda entry: entry.name,
        is_ignorable=True,
    ),
    Field(
        name=CATEGORY,
        kind=FieldKind.PROPERTY,
        read=lambda torrent: torrent.category,
        import_value=lambda torrent: torrent.category or None,
        declare=lambda entry: entry.category,
        declare_at_add=lambda entry: entry.category or None,
        is_ignorable=True,
        moves_data=lambda _, torrent: torrent.auto_tmm,
    ),
    Field(
        name=TAGS,
        kind=FieldKind.PROPERTY,
        read=_read_tags,
        import_value=lambda torrent: _read_tags(torrent) or None,
        declare=_declare_tags,
        declare_at_add=lambda entry: _declare_tags(entry) or None,
        is_ignorable=True,
        want=_want_tags,
        make_applied_check=prepare_tags_check(_encode_user_tags),
        encode_tags=_encode_user_tags,
    ),
    Field(
        name=SAVE_PATH,
        kind=FieldKind.PROPERTY,
        read=lambda torrent: _normalize_save_path(torrent.save_path),
        import_value=_import_save_path,
        declare=_declare_save_path,
        is_ignorable=True,
        make_applied_check=_make_save_path_check,
        sets_location=True,
        moves_data=lambda _change, _torrent: True,
    ),
    Field(
        name=PAUSED,
        kind=FieldKind.PROPERTY,
        read=lambda torrent: torrent.stopped,
        import_value=_import_paused,
        declare=lambda entry: entry.paused,
        declare_at_add=lambda entry: bool(entry.paused),
        is_ignorable=True,
        want=_want_paused,
        resolve=_resolve_paused,
        make_applied_check=_make_paused_check,
        rank=1,
    ),
    Field(
        name=PROTECT,
        kind=FieldKind.PROPERTY,
        read=lambda torrent: PROTECT_TAG in torrent.tags,
        import_value=lambda torrent: PROTECT_TAG in torrent.tags or None,
        declare=lambda entry: entry.protect,
        declare_at_add=lambda entry: entry.protect or None,
        encode_tags=make_mark_encoder(PROTECT_TAG),
        rank=3,
    ),
)

PROPERTIES: Final = MappingProxyType({field.name: field for field in _PROPERTIES})
