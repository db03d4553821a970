"""The values that an entry declares for a torrent, and where the live torrent differs from them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.field import EntryReader, read_nothing
from reconciler.model.fields.names import CONTENT, CONTENT_OF, EXPORT, FILES
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS, OPTIONS
from reconciler.model.fields.properties import PROPERTIES
from reconciler.model.fields.registry import FIELD_ORDER, FIELDS, entry_key_of
from reconciler.model.links import TRACKERS, WEB_SEEDS
from reconciler.model.plan import Change, FieldValue
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import ApiVersion

InitialValues = tuple[tuple[str, FieldValue], ...]
_DIFFED_FIELDS: Final = tuple((field.name, field.diff) for field in FIELDS.values() if field.diff)
_DECLARED_READERS: Final = tuple(
    (name, field.declare) for name, field in FIELDS.items() if field.declare is not read_nothing
)
_ADD_READERS: Final = tuple(
    (name, FIELDS[name].declare_at_add or declare)
    for name, declare in sorted(_DECLARED_READERS, key=lambda reader: FIELD_ORDER.index(reader[0]))
)


@lru_cache(1024)  # thousands of entries declare few different sets of keys
def _select_readers(
    declared_options: tuple[str, ...], has_content: bool, has_collections: bool, for_add: bool
) -> tuple[tuple[str, EntryReader], ...]:
    """Return the readers without those of fields that an entry does not declare."""
    undeclared = (OPTIONS.keys() | CREATE_ONLY_OPTIONS.keys()) - set(declared_options)
    undeclared |= set() if has_content else {CONTENT, CONTENT_OF, EXPORT}
    undeclared |= set() if has_collections else {TRACKERS, WEB_SEEDS, FILES}
    readers = _ADD_READERS if for_add else _DECLARED_READERS
    return tuple((name, declare) for name, declare in readers if name not in undeclared)


def _find_readers(entry: DesiredTorrent, *, for_add: bool) -> tuple[tuple[str, EntryReader], ...]:
    has_collections = bool(entry.trackers or entry.only_trackers or entry.web_seeds or entry.files)
    return _select_readers((*entry.options, *entry.create_only), entry.content is not None, has_collections, for_add)


def read_initial_values(entry: DesiredTorrent) -> InitialValues:
    """Return every field that the add of an entry sets, with its value, in plan order."""
    readers = _find_readers(entry, for_add=True)
    return tuple([(name, value) for name, declare in readers if (value := declare(entry)) is not None])


def build_initial_changes(entry: DesiredTorrent) -> tuple[Change, ...]:
    """Return everything that the add of an entry sets, each field from nothing, in plan order."""
    return build_changes(read_initial_values(entry))


@lru_cache(4096)  # thousands of entries declare the same, and then share their changes
def build_changes(values: InitialValues) -> tuple[Change, ...]:
    """Return the changes that set these values, each field from nothing."""
    return tuple([Change(name, None, value) for name, value in values])


def read_declared_values(entry: DesiredTorrent) -> dict[str, FieldValue]:
    """Return every field that an entry declares, with its value as changes show it."""
    readers = _find_readers(entry, for_add=False)
    return {name: value for name, declare in readers if (value := declare(entry)) is not None}


def list_differences(entry: DesiredTorrent, torrent: LiveTorrent) -> list[tuple[str, FieldValue, FieldValue]]:
    """Return the declared fields that are compared by value and differ: the name, the live value and the wanted one.

    Every run calls it for every torrent, and most of them have no difference.
    """
    wanted = [
        (field, field.want(entry, torrent) if field.want else field.declare(entry)) for field in PROPERTIES.values()
    ]
    for name, declared in entry.options.items():
        option = OPTIONS[name]
        wanted.append((option, option.want(entry, torrent) if option.want else declared))
    return [
        (field.name, field.read(torrent), value)
        for field, value in wanted
        if value is not None
        and field.read(torrent) != value
        and not field.matches(torrent, value)
        and entry_key_of(field.name) not in entry.ignore_changes
    ]


def iter_special_changes(entry: DesiredTorrent, torrent: LiveTorrent) -> Iterator[Change]:
    """Yield the differences of the fields that are not compared by value: collections, origins, exports."""
    for name, diff in _DIFFED_FIELDS:
        if name not in entry.ignore_changes and (change := diff(entry, torrent)):
            yield change


def iter_importable_values(torrent: LiveTorrent, api_version: ApiVersion) -> Iterator[tuple[str, FieldValue]]:
    """Yield every field that an entry could declare for this torrent as it is, with its value in the form of an entry.

    Left out are values that any fresh torrent has, which are then not managed, and fields that the server does not
    support.
    """
    for field in FIELDS.values():
        if field.import_value and field.capability.is_available(api_version):
            value = field.import_value(torrent)
            if value is not None:
                yield field.name, field.to_declared(value)
