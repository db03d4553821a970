"""The registry of a torrent's fields.

How each is read, declared, compared, applied, shown, and since when it can be set.

`FIELDS` is the only list of fields. The planner finds drift with it, apply takes from it what goes with an add and when
a change counts as applied, reports and imports write values by it. A new option takes an entry in
`model.fields.options`, a line of the schema (`desired.schema.options`), its request (`qbittorrent.api_options`) and a
test.

See docs/decisions/0030-one-registry-for-torrent-fields.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

from reconciler.model.fields.collections import COLLECTIONS
from reconciler.model.fields.field import AppliedCheck, ChangeRequest
from reconciler.model.fields.marks import MARKS, find_added_tags, find_removed_tags
from reconciler.model.fields.names import CATEGORY
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS, OPTIONS
from reconciler.model.fields.origins import FOLLOW_UPS, ORIGINS
from reconciler.model.fields.properties import PROPERTIES
from reconciler.model.plan import Change, FieldValue, SetTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import ApiVersion

FIELDS: Final = MappingProxyType(
    {
        field.name: field
        for kind in (
            MARKS,
            ORIGINS,
            PROPERTIES.values(),
            OPTIONS.values(),
            COLLECTIONS,
            CREATE_ONLY_OPTIONS.values(),
            FOLLOW_UPS,
        )
        for field in kind
    }
)
FIELD_ORDER: Final = tuple(sorted(FIELDS, key=lambda name: FIELDS[name].rank))  # the order in which plans show them

_PLAN_RANKS: Final = {name: rank for rank, name in enumerate(FIELD_ORDER)}


def entry_key_of(field: str) -> str:
    """Return the key of an entry that a field belongs to: `share_limits` for `share_limits.ratio`."""
    return field.partition(".")[0]


def list_ignorable_keys() -> tuple[str, ...]:
    """Return the keys that entries can list in `ignore_changes`."""
    return tuple(dict.fromkeys(entry_key_of(field.name) for field in FIELDS.values() if field.is_ignorable))


def sort_changes(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes in the order in which plans show them."""
    return tuple(changes if len(changes) < 2 else sorted(changes, key=lambda change: _PLAN_RANKS[change.field]))


def is_applied(change: Change, torrent: LiveTorrent, action: SetTorrent) -> bool:
    """Return True if the live torrent shows the wanted value: this, not a server's reply, counts as success."""
    return _make_applied_check(change)(torrent, action)


def make_applied_checks(changes: Iterable[Change]) -> tuple[AppliedCheck, ...]:
    """Return `is_applied` of each change, as checks for the thousands of torrents that have these changes in common."""
    return tuple(map(_make_applied_check, changes))


@lru_cache(4096)  # thousands of torrents share their changes
def _make_applied_check(change: Change) -> AppliedCheck:
    field, wanted = FIELDS[change.field], change.after
    if field.make_applied_check:
        return field.make_applied_check(change)
    return lambda torrent, _action: field.matches(torrent, wanted)


def change_tags_to_add(change: Change) -> frozenset[str]:
    """Return the tags that a change puts on its torrent."""
    encode = FIELDS[change.field].encode_tags
    return find_added_tags(change, encode) if encode else frozenset()


def change_tags_to_remove(change: Change) -> frozenset[str]:
    """Return the tags that a change takes off its torrent."""
    field = FIELDS[change.field]
    return find_removed_tags(change, field.encode_tags, field.cleared_tags) if field.encode_tags else frozenset()


@cache
def list_options_set_by(request: ChangeRequest) -> tuple[str, ...]:
    """Return the options that a kind of request changes, in the order of the registry."""
    return tuple(field.name for field in OPTIONS.values() if field.request is request)


def find_required_release(field: str, value: FieldValue, api_version: ApiVersion) -> str | None:
    """Return the first qBittorrent that can set this value, with an add or later; None where this one can."""
    registered = FIELDS[field]
    capability = registered.capability_of(value) if registered.capability_of else registered.capability
    return None if capability.is_available(api_version) else capability.release


@lru_cache(1024)
def can_set_at_add(field: str, api_version: ApiVersion) -> bool:
    """Return True if an add carries this field on a server of that Web API version."""
    at_add = FIELDS[field].at_add
    return at_add is not None and at_add.is_available(api_version)


def changes_location(changes: Iterable[Change]) -> bool:
    """Return True if any change decides where data is, by itself or through the category."""
    return any(change.field == CATEGORY or FIELDS[change.field].sets_location for change in changes)


def to_declared_value(field: str, value: FieldValue) -> FieldValue:
    """Return a value in the form of an entry: `5 MiB/s` for 5242880. Fields of other objects are returned unchanged."""
    registered = FIELDS.get(field)
    return registered.to_declared(value) if registered and value is not None else value


def is_default_value(field: str, value: FieldValue) -> bool:
    """Return True if there is nothing to show: no value, or the value of a torrent for which nobody set the field."""
    return value in (None, ()) or FIELDS[field].is_same(value, FIELDS[field].default)
