"""The registry of a torrent's fields.

How each is read, declared, compared, applied, shown, and since when it can be set.

`FIELDS` is the only list of fields. The planner finds drift with it, apply takes from it what goes with an add and when
a change counts as applied, reports and imports write values by it. A new option takes an entry here, a line of the
schema (`desired.schema.options`), its request (`qbittorrent.api_options`) and a test.

See docs/decisions/0030-one-registry-for-torrent-fields.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum, auto
from functools import cache, lru_cache
from math import isclose
from types import MappingProxyType
from typing import Final

from reconciler.model import versions
from reconciler.model.content import Content, ContentReference
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredTorrent
from reconciler.model.files import LiveFile, Priority, find_wrong_priorities
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import (
    TRACKERS,
    WEB_SEEDS,
    find_excess_trackers,
    find_missing_urls,
    parse_link_urls,
    redact_url,
)
from reconciler.model.magnet import Magnet
from reconciler.model.paths import normalize_path
from reconciler.model.plan import AddTorrent, Change, FieldValue, SetTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import (
    CONTENT_OF_TAG,
    CONTENT_TAG,
    HELD_FORCED_TAG,
    HELD_TAG,
    PROTECT_TAG,
    QUARANTINE_PREFIX,
    build_owner_tag,
    extract_quarantines,
    read_held_state,
    select_user_tags,
)
from reconciler.model.units import GLOBAL_LIMIT, RATIO_TOLERANCE, minutes_text, rate_text, ratio_text
from reconciler.model.versions import EVERY_VERSION, ApiVersion, Capability

OWNER: Final = "owner"
QUARANTINE: Final = "quarantine"
HELD: Final = "held"
CONTENT: Final = "content"
CONTENT_OF: Final = "content_of"
NAME: Final = "name"
CATEGORY: Final = "category"
TAGS: Final = "tags"
SAVE_PATH: Final = "save_path"
PAUSED: Final = "paused"
PROTECT: Final = "protect"
AUTO_TMM: Final = "auto_tmm"
DOWNLOAD_PATH: Final = "download_path"
FORCE_START: Final = "force_start"
SHARE_LIMITS: Final = "share_limits"
COMMENT: Final = "comment"
FILES: Final = "files"
CONTENT_LAYOUT: Final = "content_layout"
SKIP_CHECKING: Final = "skip_checking"
STOP_CONDITION: Final = "stop_condition"
FIRST_LAST_PIECE_FIRST: Final = "first_last_piece_first"
EXPORT: Final = "export"
CREATOR_TASK: Final = "creator_task"
PEER: Final = "peer"
METADATA: Final = "metadata"

METADATA_RECEIVED: Final = "metadata-received"  # a stop condition
_HELD_STATE_TAGS: Final = {"running": HELD_TAG, "forced": HELD_FORCED_TAG}

LiveReader = Callable[[LiveTorrent], FieldValue]
EntryReader = Callable[[DesiredTorrent], FieldValue]
InitialValues = tuple[tuple[str, FieldValue], ...]
AppliedCheck = Callable[[Change, LiveTorrent, SetTorrent], bool]
TagEncoder = Callable[[FieldValue], frozenset[str]]


class FieldKind(Enum):
    """The origin of a field's value, and when it can be set."""

    MARK = auto()  # set by reconcile alone, kept in tags
    ORIGIN = auto()  # the content that the torrent was made from
    PROPERTY = auto()  # declared, can be changed at any time, always shown
    OPTION = auto()  # likewise, and shown where it differs from the default
    COLLECTION = auto()  # declared as a minimum: others than the declared items may exist
    CREATE_ONLY = auto()  # goes with an add; can be neither changed nor read afterwards
    FOLLOW_UP = auto()  # work around a torrent that the torrent itself does not show


class ChangeRequest(Enum):
    """The request that changes an option."""

    VALUE = auto()  # sets one option; independent of all others
    TOGGLE = auto()  # can only invert the present value
    SHARE_LIMITS = auto()  # sets all share limits together
    LOCATION = auto()  # decides where data is, so its order among paths and categories matters
    START = auto()  # must follow stops and starts, which would undo it


def _return_unchanged(value: FieldValue) -> FieldValue:
    return value


def _is_equal(value: FieldValue, other: FieldValue) -> bool:
    return value == other


def read_nothing(_: LiveTorrent | DesiredTorrent) -> FieldValue:
    return None


def _moves_nothing(_change: Change, _torrent: LiveTorrent) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a torrent.

    Reading: `read` returns the live value as plans and reports show it, None where the server does not report it.
    `default` is the value of a torrent for which nobody set the field. `import_value` returns the value that an
    imported entry declares, None where there is nothing to declare.

    Declaring: `declare` returns the value of an entry, None where it is not declared; `declare_at_add` likewise for an
    add, where it differs. `is_ignorable`: entries can list the key in `ignore_changes`.

    Comparing: `want` returns the wanted value where that depends on the live torrent, `resolve` turns a wanted value
    into what the server reports for it, `is_same` compares. `diff` replaces all three.

    Applying: `is_applied` decides by a read-back; None: the live value matches. `encode_tags` returns the tags that
    hold a value; `cleared_tags` go with them when the value is removed. `request` is how an option is changed.

    Versions: the field can be set on servers that have `capability`; `capability_of` replaces it where it depends on
    the value. An add carries the field where the server has `at_add`; None: it always follows the add.

    Data: `sets_location`: the field decides where data is; `moves_data` returns True if a change makes the server move
    it.

    Showing: `to_declared` turns a value into what an entry would say. `rank`: plans show fields by rank, then in the
    order of the registry.
    """

    name: str
    kind: FieldKind
    read: LiveReader = read_nothing
    default: FieldValue = None
    import_value: LiveReader | None = None
    declare: EntryReader = read_nothing
    declare_at_add: EntryReader | None = None
    is_ignorable: bool = False
    want: Callable[[DesiredTorrent, LiveTorrent], FieldValue] | None = None
    resolve: Callable[[FieldValue, LiveTorrent], FieldValue] | None = None
    is_same: Callable[[FieldValue, FieldValue], bool] = _is_equal
    diff: Callable[[DesiredTorrent, LiveTorrent], Change | None] | None = None
    is_applied: AppliedCheck | None = None
    encode_tags: TagEncoder | None = None
    cleared_tags: frozenset[str] = frozenset()
    request: ChangeRequest | None = None
    capability: Capability = EVERY_VERSION
    capability_of: Callable[[FieldValue], Capability] | None = None
    at_add: Capability | None = EVERY_VERSION
    sets_location: bool = False
    moves_data: Callable[[Change, LiveTorrent], bool] = _moves_nothing
    to_declared: Callable[[FieldValue], FieldValue] = _return_unchanged
    rank: int = 0

    def matches(self, torrent: LiveTorrent, wanted: FieldValue) -> bool:
        """Return True if the live value is, to qBittorrent, the wanted one."""
        return self.is_same(self.read(torrent), self.resolve(wanted, torrent) if self.resolve else wanted)


# --- tags that hold values


def _encode_owner(value: FieldValue) -> frozenset[str]:
    return frozenset() if value is None else frozenset({build_owner_tag(str(value))})


def _encode_quarantine(value: FieldValue) -> frozenset[str]:
    return frozenset(QUARANTINE_PREFIX + text for text in value) if isinstance(value, tuple) else frozenset()


def _encode_held(value: FieldValue) -> frozenset[str]:
    return frozenset() if value is None else frozenset({_HELD_STATE_TAGS[str(value)]})


def _encode_user_tags(value: FieldValue) -> frozenset[str]:
    return frozenset(value) if isinstance(value, tuple) else frozenset()


def make_mark_encoder(tag: str) -> TagEncoder:
    """Return an encoder of a value of which the tags only show that it exists."""
    present, absent = frozenset({tag}), frozenset[str]()
    return lambda value: present if value not in (None, False) else absent


_encode_content_of = make_mark_encoder(CONTENT_OF_TAG)


@lru_cache(4096)  # thousands of torrents share their changes
def find_added_tags(change: Change, encode: TagEncoder) -> frozenset[str]:
    """Return the tags of the new value that the old one does not have."""
    return encode(change.after) - encode(change.before)


@lru_cache(4096)
def find_removed_tags(change: Change, encode: TagEncoder, cleared: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the tags of the old value that the new one does not have, and those to clear if there is no new one."""
    outdated = encode(change.before) | cleared if change.after is None else encode(change.before)
    return outdated - encode(change.after)


def make_tags_check(encode: TagEncoder) -> AppliedCheck:
    """Return a check for the tags of the new value, which leaves other tags alone."""

    def are_tags_applied(change: Change, torrent: LiveTorrent, _action: SetTorrent) -> bool:
        return find_added_tags(change, encode) <= torrent.tags and not find_removed_tags(change, encode) & torrent.tags

    return are_tags_applied


# --- live and declared values


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


def has_reached_declared_limit(entry: DesiredTorrent, torrent: LiveTorrent) -> bool:
    """Return True if a share limit that the entry declares explains why the torrent is stopped.

    What a declared limit did is the declared state. How long a torrent was inactive before it stopped is unknown.
    """
    if not torrent.shared or SHARE_LIMITS in entry.ignore_changes:
        return False
    ratio, time, inactive = (
        value if isinstance(value := entry.options.get(f"{SHARE_LIMITS}.{key}"), (int, float)) else None
        for key in ("ratio", "seeding_time", "inactive_seeding_time")
    )
    is_inactive = inactive is not None and inactive >= 0
    return is_inactive or torrent.shared.has_reached(ratio, None if time is None else int(time))


def _want_paused(entry: DesiredTorrent, torrent: LiveTorrent) -> FieldValue:
    """Return None for a torrent that a declared share limit has stopped."""
    return None if entry.paused is False and has_reached_declared_limit(entry, torrent) else entry.paused


def _want_force_start(entry: DesiredTorrent, torrent: LiveTorrent) -> FieldValue:
    value = entry.options.get(FORCE_START)
    return None if value and has_reached_declared_limit(entry, torrent) else value


def _resolve_paused(wanted: FieldValue, torrent: LiveTorrent) -> FieldValue:
    """Return False for a stopped torrent that runs until its check is over."""
    return False if wanted and torrent.is_stop_intent_hidden and torrent.is_meant_stopped else wanted


def _read_download_path(torrent: LiveTorrent) -> FieldValue:
    """Return the path of incomplete data, "" for none.

    Once it was removed, newer versions (seen: 5.1, 5.3) report the save path instead, which means the same.
    """
    path = torrent.options.download_path
    return "" if path == torrent.save_path else path


def _resolve_download_path(wanted: FieldValue, torrent: LiveTorrent) -> FieldValue:
    """Return "" for the save path: qBittorrent keeps no separate path then."""
    return "" if wanted == torrent.save_path else wanted


def _import_download_path(torrent: LiveTorrent) -> FieldValue:
    """Return None under automatic management: the path belongs to the category."""
    return None if torrent.auto_tmm else _read_download_path(torrent) or None


def _is_same_if_shown(value: FieldValue, other: FieldValue) -> bool:
    """Return True if they are equal, or if the server does not show the value: then nothing can be waited for."""
    return value is None or value == other


def _is_same_ratio(value: FieldValue, other: FieldValue) -> bool:
    numbers = isinstance(value, (int, float)) and isinstance(other, (int, float))
    return numbers and isclose(value, other, rel_tol=0, abs_tol=RATIO_TOLERANCE)  # type: ignore[arg-type]


def _format_rate(value: FieldValue) -> FieldValue:
    return rate_text(value) if isinstance(value, int) else value


def _format_minutes(value: FieldValue) -> FieldValue:
    return minutes_text(value) if isinstance(value, int) else value


def _format_ratio(value: FieldValue) -> FieldValue:
    return ratio_text(value) if isinstance(value, (int, float)) else value


def file_text(file: LiveFile, priority: Priority) -> str:
    """Return the text of a file and a priority, as changes show it."""
    return f"{priority} {file.path}"


def _read_files(torrent: LiveTorrent) -> FieldValue:
    return tuple(file_text(file, file.priority) for file in torrent.files or () if file.priority != Priority.NORMAL)


def _declare_files(entry: DesiredTorrent) -> FieldValue:
    return tuple(map(str, entry.files)) or None


def _declare_content(entry: DesiredTorrent) -> FieldValue:
    return entry.content.path if isinstance(entry.content, Content) else None


def _declare_content_of(entry: DesiredTorrent) -> FieldValue:
    return entry.content.name if isinstance(entry.content, ContentReference) else None


def _declare_export(entry: DesiredTorrent) -> FieldValue:
    export = entry.content.export if isinstance(entry.content, Content) else None
    return export.declared_path if export else None


# --- differences of what is not compared by value


def _diff_content(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
    path = _declare_content(entry)
    return Change(CONTENT, None, path) if path is not None and CONTENT_TAG not in torrent.tags else None


def _diff_content_of(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
    name = _declare_content_of(entry)
    return Change(CONTENT_OF, None, name) if name is not None and CONTENT_OF_TAG not in torrent.tags else None


def _diff_export(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
    export = entry.content.export if isinstance(entry.content, Content) else None
    if export is None or export.has_torrent(torrent.infohashes):
        return None
    return Change(EXPORT, None if export.infohashes is None else str(export.infohashes), export.declared_path)


def _diff_files(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
    """Return the priorities that differ; before there is metadata, the rules."""
    if not entry.files:
        return None
    if torrent.files is None:
        return Change(FILES, None, _declare_files(entry))
    wrong = find_wrong_priorities(torrent.files, entry.files)
    if not wrong:
        return None
    before = tuple(file_text(file, file.priority) for file, _ in wrong)
    return Change(FILES, before, tuple(file_text(file, priority) for file, priority in wrong))


# --- applied changes


def is_shown_by_presence(_change: Change, _torrent: LiveTorrent, _action: SetTorrent) -> bool:
    """Return True: the torrent exists, and that is all that can be seen of the change."""
    return True


def _has_metadata(_change: Change, torrent: LiveTorrent, _action: SetTorrent) -> bool:
    return torrent.has_metadata


def _is_content_applied(change: Change, torrent: LiveTorrent, _action: SetTorrent) -> bool:
    """Return True if the torrent has the content tag, and its data is at the content that it was made from."""
    is_at_content = normalize_data_path(torrent.content_root) == normalize_data_path(str(change.after))
    return CONTENT_TAG in torrent.tags and is_at_content


def _is_save_path_applied(change: Change, torrent: LiveTorrent, _action: SetTorrent) -> bool:
    is_there = _normalize_save_path(torrent.save_path) == _normalize_save_path(str(change.after))
    return is_there and not torrent.is_moving


def _is_paused_applied(change: Change, torrent: LiveTorrent, action: SetTorrent) -> bool:
    if isinstance(action, AddTorrent) and action.get_new_value(STOP_CONDITION) not in (None, "none"):
        return True  # it stops when its condition is met
    if isinstance(action, AddTorrent) and torrent.is_stop_intent_hidden:
        return True  # it stops, or goes on, when its data has been checked
    return torrent.stopped == change.after


def _are_links_applied(change: Change, torrent: LiveTorrent, action: SetTorrent) -> bool:
    """Return True if the added URLs are there, and the trackers to remove are not.

    A magnet link carries its own trackers, so what the server adds to them is left to the next run.
    """
    if find_missing_urls(action.added_urls.get(change.field, ()), torrent.links, change.field):
        return False
    may_have_more = isinstance(action, AddTorrent) and isinstance(action.source, Magnet) and not action.only_trackers
    return change.field != TRACKERS or may_have_more or not find_trackers_to_remove(action, torrent)


def find_trackers_to_remove(action: SetTorrent, torrent: LiveTorrent) -> tuple[str, ...]:
    """Return the trackers that an action removes from the live torrent, as the server writes them."""
    present = parse_link_urls(torrent.links, TRACKERS)
    if isinstance(action, AddTorrent):
        return find_excess_trackers(present, action.added_urls.get(TRACKERS, ()), only=action.only_trackers)
    return tuple(url for url in action.removed_trackers if url in present)


def _are_files_applied(change: Change, torrent: LiveTorrent, action: SetTorrent) -> bool:
    if torrent.files is None:
        return False
    if isinstance(action, AddTorrent) and action.file_rules:
        return not find_wrong_priorities(torrent.files, action.file_rules)
    return _have_priorities(torrent.files, change.after)


def _have_priorities(files: Sequence[LiveFile], wanted: FieldValue) -> bool:
    return isinstance(wanted, tuple) and {file_text(file, file.priority) for file in files} >= {*wanted}


# --- the registry


def _complete_option(option: Field) -> Field:
    """Return an option with everything that all options have in common."""

    def read_unless_default(torrent: LiveTorrent) -> FieldValue:
        value = option.read(torrent)
        return None if value is None or option.is_same(value, option.default) else value

    return replace(
        option,
        import_value=option.import_value or read_unless_default,
        declare=lambda entry: entry.options.get(option.name),
        is_ignorable=True,
        sets_location=option.request is ChangeRequest.LOCATION,
    )


def find_entry_excess(entry: DesiredTorrent, torrent: LiveTorrent) -> tuple[str, ...]:
    """Return the trackers of a live torrent that its entry replaces or excludes, as the server writes them."""
    return _find_excess(torrent.links, entry.trackers, entry.only_trackers)


@lru_cache(4096)  # many torrents have the same trackers
def _find_excess(links: str, declared: tuple[str, ...], only: bool) -> tuple[str, ...]:
    if not declared and not only:
        return ()
    return find_excess_trackers(parse_link_urls(links, TRACKERS), declared, only=only)


def _links(name: str, capability: Capability = EVERY_VERSION) -> Field:
    def find_urls(entry: DesiredTorrent) -> tuple[str, ...]:
        return entry.trackers if name == TRACKERS else entry.web_seeds

    def declare(entry: DesiredTorrent) -> FieldValue:
        is_exact = name == TRACKERS and entry.only_trackers
        return tuple(map(redact_url, find_urls(entry))) or (() if is_exact else None)

    def diff(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
        missing = find_missing_urls(find_urls(entry), torrent.links, name)
        excess = find_entry_excess(entry, torrent) if name == TRACKERS else ()
        if not missing and not excess:
            return None
        return Change(name, tuple(map(redact_url, excess)), tuple(map(redact_url, missing)))

    return Field(
        name=name,
        kind=FieldKind.COLLECTION,
        read=lambda torrent: tuple(map(redact_url, parse_link_urls(torrent.links, name))),
        declare=declare,
        is_ignorable=True,
        diff=diff,
        is_applied=_are_links_applied,
        capability=capability,
    )


def _create_only(
    name: str,
    capability: Capability = EVERY_VERSION,
    capability_of: Callable[[FieldValue], Capability] | None = None,
) -> Field:
    return Field(
        name=name,
        kind=FieldKind.CREATE_ONLY,
        declare=lambda entry: entry.create_only.get(name),
        is_applied=is_shown_by_presence,
        capability=capability,
        capability_of=capability_of,
    )


def _find_layout_capability(value: FieldValue) -> Capability:
    """Return the capability for a layout: before, an add could only say whether to keep the torrent's own folder."""
    return versions.SUBFOLDER_LAYOUT if value == "subfolder" else EVERY_VERSION


MARKS: Final = (
    Field(name=OWNER, kind=FieldKind.MARK, is_applied=make_tags_check(_encode_owner), encode_tags=_encode_owner),
    Field(
        name=QUARANTINE,
        kind=FieldKind.MARK,
        read=lambda torrent: extract_quarantines(torrent.tags),
        is_applied=make_tags_check(_encode_quarantine),
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

ORIGINS: Final = (
    Field(
        name=CONTENT,
        kind=FieldKind.ORIGIN,
        read=lambda torrent: torrent.content_root if CONTENT_TAG in torrent.tags else None,
        declare=_declare_content,
        diff=_diff_content,
        is_applied=_is_content_applied,
        encode_tags=make_mark_encoder(CONTENT_TAG),
    ),
    Field(
        name=CONTENT_OF,
        kind=FieldKind.ORIGIN,
        read=lambda torrent: True if CONTENT_OF_TAG in torrent.tags else None,
        declare=_declare_content_of,
        diff=_diff_content_of,
        is_applied=make_tags_check(_encode_content_of),
        encode_tags=_encode_content_of,
    ),
)

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
        is_applied=make_tags_check(_encode_user_tags),
        encode_tags=_encode_user_tags,
    ),
    Field(
        name=SAVE_PATH,
        kind=FieldKind.PROPERTY,
        read=lambda torrent: _normalize_save_path(torrent.save_path),
        import_value=_import_save_path,
        declare=_declare_save_path,
        is_ignorable=True,
        is_applied=_is_save_path_applied,
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
        is_applied=_is_paused_applied,
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

_OPTIONS: Final = tuple(
    _complete_option(option)
    for option in (
        Field(
            name=AUTO_TMM,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.auto_tmm,
            default=False,
            request=ChangeRequest.LOCATION,
            moves_data=lambda change, _: bool(change.after),
        ),
        Field(
            name=DOWNLOAD_PATH,
            kind=FieldKind.OPTION,
            read=_read_download_path,
            default="",
            request=ChangeRequest.LOCATION,
            resolve=_resolve_download_path,
            import_value=_import_download_path,
            capability=versions.DOWNLOAD_PATH,
            at_add=versions.DOWNLOAD_PATH,
            moves_data=lambda _, torrent: torrent.progress < 1,  # only incomplete data is there
        ),
        Field(
            name=FORCE_START,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.force_start and not torrent.stopped,
            default=False,
            want=_want_force_start,
            request=ChangeRequest.START,
            at_add=versions.FORCE_START_AT_ADD,
            rank=2,
        ),
        Field(
            name="sequential",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.sequential,
            default=False,
            request=ChangeRequest.TOGGLE,
        ),
        Field(
            name=FIRST_LAST_PIECE_FIRST,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.first_last_piece_first,
            default=False,
            request=ChangeRequest.TOGGLE,
            is_same=_is_same_if_shown,
        ),
        Field(
            name="super_seeding",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.super_seeding,
            default=False,
            request=ChangeRequest.START,
            at_add=None,
        ),
        Field(
            name="download_limit",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.download_limit,
            default=0,
            request=ChangeRequest.VALUE,
            to_declared=_format_rate,
        ),
        Field(
            name="upload_limit",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.upload_limit,
            default=0,
            request=ChangeRequest.VALUE,
            to_declared=_format_rate,
        ),
        Field(
            name=f"{SHARE_LIMITS}.ratio",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.ratio,
            default=GLOBAL_LIMIT,
            request=ChangeRequest.SHARE_LIMITS,
            is_same=_is_same_ratio,
            at_add=versions.SHARE_LIMITS_AT_ADD,
            to_declared=_format_ratio,
        ),
        Field(
            name=f"{SHARE_LIMITS}.seeding_time",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.seeding_time,
            default=GLOBAL_LIMIT,
            request=ChangeRequest.SHARE_LIMITS,
            at_add=versions.SHARE_LIMITS_AT_ADD,
            to_declared=_format_minutes,
        ),
        Field(
            name=f"{SHARE_LIMITS}.inactive_seeding_time",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.inactive_seeding_time,
            default=GLOBAL_LIMIT,
            request=ChangeRequest.SHARE_LIMITS,
            capability=versions.INACTIVE_SEEDING_TIME,
            at_add=versions.INACTIVE_SEEDING_TIME,
            to_declared=_format_minutes,
        ),
        Field(
            name=f"{SHARE_LIMITS}.action",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.action,
            default="default",
            request=ChangeRequest.SHARE_LIMITS,
            capability=versions.SHARE_LIMIT_ACTION,
            at_add=versions.SHARE_LIMIT_ACTION,
        ),
        Field(
            name=COMMENT,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.comment,
            default="",
            request=ChangeRequest.VALUE,
            capability=versions.SET_COMMENT,
            at_add=None,
        ),
    )
)

OPTIONS: Final = MappingProxyType({field.name: field for field in _OPTIONS})

COLLECTIONS: Final = (
    _links(TRACKERS),
    _links(WEB_SEEDS, versions.ADD_WEB_SEEDS),
    Field(
        name=FILES,
        kind=FieldKind.COLLECTION,
        read=_read_files,
        declare=_declare_files,
        declare_at_add=lambda entry: _declare_files(entry) if entry.has_metadata else None,
        is_ignorable=True,
        diff=_diff_files,
        is_applied=_are_files_applied,
    ),
)

_CREATE_ONLY: Final = (
    _create_only(CONTENT_LAYOUT, capability_of=_find_layout_capability),
    _create_only(SKIP_CHECKING),
    _create_only(STOP_CONDITION, versions.STOP_CONDITION_AT_ADD),
)

CREATE_ONLY_OPTIONS: Final = MappingProxyType({field.name: field for field in _CREATE_ONLY})

FOLLOW_UPS: Final = (
    Field(
        name=EXPORT,
        kind=FieldKind.FOLLOW_UP,
        declare=_declare_export,
        diff=_diff_export,
        is_applied=is_shown_by_presence,
        rank=4,
    ),
    Field(name=CREATOR_TASK, kind=FieldKind.FOLLOW_UP, is_applied=is_shown_by_presence, rank=4),
    Field(name=PEER, kind=FieldKind.FOLLOW_UP, is_applied=is_shown_by_presence, rank=4),
    Field(name=METADATA, kind=FieldKind.FOLLOW_UP, is_applied=_has_metadata, rank=4),
)

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
_DIFFED_FIELDS: Final = tuple((field.name, field.diff) for field in FIELDS.values() if field.diff)
_DECLARED_READERS: Final = tuple(
    (name, field.declare) for name, field in FIELDS.items() if field.declare is not read_nothing
)
_ADD_READERS: Final = tuple(
    (name, FIELDS[name].declare_at_add or declare)
    for name, declare in sorted(_DECLARED_READERS, key=lambda reader: FIELD_ORDER.index(reader[0]))
)


# --- values of an entry


def entry_key_of(field: str) -> str:
    """Return the key of an entry that a field belongs to: `share_limits` for `share_limits.ratio`."""
    return field.partition(".")[0]


def list_ignorable_keys() -> tuple[str, ...]:
    """Return the keys that entries can list in `ignore_changes`."""
    return tuple(dict.fromkeys(entry_key_of(field.name) for field in FIELDS.values() if field.is_ignorable))


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


def sort_changes(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes in the order in which plans show them."""
    return tuple(changes if len(changes) < 2 else sorted(changes, key=lambda change: _PLAN_RANKS[change.field]))


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


# --- applying


def is_applied(change: Change, torrent: LiveTorrent, action: SetTorrent) -> bool:
    """Return True if the live torrent shows the wanted value: this, not a server's reply, counts as success."""
    field = FIELDS[change.field]
    return field.is_applied(change, torrent, action) if field.is_applied else field.matches(torrent, change.after)


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


# --- showing


def to_declared_value(field: str, value: FieldValue) -> FieldValue:
    """Return a value in the form of an entry: `5 MiB/s` for 5242880. Fields of other objects are returned unchanged."""
    registered = FIELDS.get(field)
    return registered.to_declared(value) if registered and value is not None else value


def is_default_value(field: str, value: FieldValue) -> bool:
    """Return True if there is nothing to show: no value, or the value of a torrent for which nobody set the field."""
    return value in (None, ()) or FIELDS[field].is_same(value, FIELDS[field].default)
