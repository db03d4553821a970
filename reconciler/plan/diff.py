"""Drift: what differs between an entry and its live torrent. Only what is declared can drift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from reconciler.model.content import Content, ContentReference
from reconciler.model.desired import DesiredTags, DesiredTorrent
from reconciler.model.fields import file_text, matches, read_live_value
from reconciler.model.files import find_wrong_priorities
from reconciler.model.links import TRACKERS, WEB_SEEDS, find_missing_urls, redact_url
from reconciler.model.options import CREATE_ONLY_OPTIONS, OPTIONS, entry_key_of
from reconciler.model.paths import normalize_path
from reconciler.model.plan import Change, FieldValue
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import CONTENT_OF_TAG, CONTENT_TAG, extract_quarantines, has_been_running, select_user_tags

_FIRST_FIELDS = ("owner", "quarantine", "held", "content", "content_of", "name", "category", "tags", "save_path")
_EXTERNAL_FIELDS = ("export", "creator_task", "peer")  # what the torrent itself does not show
_LAST_FIELDS = (
    TRACKERS,
    WEB_SEEDS,
    "files",
    *CREATE_ONLY_OPTIONS,
    "paused",
    "force_start",
    "protect",
    *_EXTERNAL_FIELDS,
)
FIELD_ORDER = (*_FIRST_FIELDS, *(field for field in OPTIONS if field not in _LAST_FIELDS), *_LAST_FIELDS)

_FieldValues = tuple[tuple[str, FieldValue], ...]


def find_drift(entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """The changes that bring the live torrent to what its entry declares; empty where they agree."""
    wanted = tuple(_iter_declared_values(entry, live))
    present = tuple((field, _normalize_live_value(live, field, value)) for field, value in wanted)
    found = () if wanted == present else _diff_values(present, wanted)
    if extract_quarantines(live.tags):
        found = (*found, *_diff_quarantine(entry, live))
    if entry.options or found:
        found = _add_consequences(found, entry, live)
    if entry.trackers or entry.web_seeds or entry.files:
        found = (*found, *_diff_links(entry, live), *_diff_files(entry, live))
    if entry.content:
        found = (*found, *_diff_content(entry, live))
    return sort_changes(found)


def sort_changes(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes in the order in which plans show them."""
    return tuple(changes if len(changes) < 2 else sorted(changes, key=lambda change: FIELD_ORDER.index(change.field)))


def build_initial_changes(entry: DesiredTorrent) -> tuple[Change, ...]:
    """What an add declares, each from nothing."""
    tags = tuple(sorted(entry.tags.names)) if entry.tags else None
    links = ((TRACKERS, entry.trackers), (WEB_SEEDS, entry.web_seeds))
    made = entry.content if isinstance(entry.content, Content) else None
    declared: tuple[tuple[str, FieldValue], ...] = (
        ("content", made.path if made else None),
        ("content_of", entry.content.name if isinstance(entry.content, ContentReference) else None),
        ("name", entry.name),
        ("category", entry.category or None),
        ("tags", tags or None),
        ("save_path", entry.save_path and normalize_path(entry.save_path)),
        *(
            (field, value) for field, value in entry.options.items() if field != "force_start"
        ),  # in the order of OPTIONS
        *((field, tuple(map(redact_url, urls)) or None) for field, urls in links),
        ("files", (tuple(map(str, entry.files)) or None) if entry.has_metadata else None),
        *entry.create_only.items(),
        ("paused", bool(entry.paused)),
        ("force_start", entry.options.get("force_start")),
        ("protect", entry.protect or None),
        ("export", made.export.declared_path if made and made.export else None),
    )
    return tuple(Change(field, None, value) for field, value in declared if value is not None)


def _diff_quarantine(entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """What ends the quarantine of a torrent that is declared (again): its tag goes, and it is as it was before."""
    texts = extract_quarantines(live.tags)
    start = entry.paused is None and live.stopped and has_been_running(texts)
    return (Change("quarantine", texts, ()), *((Change("paused", True, False),) if start else ()))


def _iter_declared_values(entry: DesiredTorrent, live: LiveTorrent) -> Iterator[tuple[str, FieldValue]]:
    ignored = entry.ignore_changes
    if entry.name is not None and "name" not in ignored:
        yield "name", entry.name
    if entry.category is not None and "category" not in ignored:
        yield "category", entry.category
    if entry.tags is not None and "tags" not in ignored:
        yield "tags", _merge_tags(entry.tags, live)
    if entry.save_path is not None and "save_path" not in ignored:
        yield "save_path", normalize_path(entry.save_path)
    if entry.paused is not None and "paused" not in ignored:
        yield "paused", entry.paused
    if entry.protect is not None:
        yield "protect", entry.protect
    for field, value in entry.options.items():
        if entry_key_of(field) not in ignored:
            yield field, value


def _normalize_live_value(live: LiveTorrent, field: str, wanted: FieldValue) -> FieldValue:
    """The live value, in the very form of the wanted one where the two are the same to qBittorrent."""
    return wanted if matches(field, live, wanted) else read_live_value(live, field)


def _add_consequences(changes: tuple[Change, ...], entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """The changes, with what they entail and without what another of them brings about."""
    fields = {change.field for change in changes}
    more = []
    # A torrent that is given a place of its own is no longer managed automatically. qBittorrent ends that by itself
    # with a new save path, ignores a new download path as long as it lasts, and lets the data follow a new category.
    keeps_place = entry.save_path is not None and "save_path" not in entry.ignore_changes and "category" in fields
    placed = keeps_place or not fields.isdisjoint(("save_path", "download_path"))
    if placed and live.auto_tmm and "auto_tmm" not in fields:
        more.append(Change("auto_tmm", True, False))
    # To qBittorrent a download path that is the save path is none, until the save path moves away from it.
    path, wanted = live.options.download_path, entry.options.get("download_path")
    moves = "save_path" in fields and "download_path" not in fields | entry.ignore_changes
    if moves and path is not None and wanted is not None and path != wanted:
        more.append(Change("download_path", path, wanted))
    stops = any(change.field == "paused" and change.after for change in changes)
    return tuple(
        c for c in (*changes, *more) if not (stops and c.field == "force_start")
    )  # stopping ends a forced start


def _merge_tags(wanted: DesiredTags, live: LiveTorrent) -> tuple[str, ...]:
    return tuple(sorted(wanted.names if wanted.only else wanted.names | select_user_tags(live.tags)))


def _diff_links(entry: DesiredTorrent, live: LiveTorrent) -> Iterator[Change]:
    for field, urls in ((TRACKERS, entry.trackers), (WEB_SEEDS, entry.web_seeds)):
        if field not in entry.ignore_changes and (missing := find_missing_urls(urls, live.links, field)):
            yield Change(field, (), tuple(map(redact_url, missing)))


def _diff_files(entry: DesiredTorrent, live: LiveTorrent) -> Iterator[Change]:
    """Priorities that differ. Before there is metadata, all that can be said is what the rules are."""
    if not entry.files or "files" in entry.ignore_changes:
        return
    if live.files is None:
        yield Change("files", None, tuple(map(str, entry.files)))
    elif differing := find_wrong_priorities(live.files, entry.files):
        before = tuple(file_text(file, file.priority) for file, _ in differing)
        yield Change("files", before, tuple(file_text(file, wanted) for file, wanted in differing))


def _diff_content(entry: DesiredTorrent, live: LiveTorrent) -> Iterator[Change]:
    """The mark of where it comes from, and the file here that is to hold it."""
    if isinstance(entry.content, ContentReference):
        if CONTENT_OF_TAG not in live.tags:
            yield Change("content_of", None, entry.content.name)
        return
    if entry.content and CONTENT_TAG not in live.tags:
        yield Change("content", None, entry.content.path)
    export = entry.content and entry.content.export
    if export and not export.has_torrent(live.infohashes):
        yield Change("export", None if export.infohashes is None else str(export.infohashes), export.declared_path)


@lru_cache(maxsize=4096)
def _diff_values(present: _FieldValues, wanted: _FieldValues) -> tuple[Change, ...]:
    """Name the fields of a pair that is known to differ. Cached: drift comes in herds of the same kind."""
    from deepdiff import DeepDiff  # takes 0.15 s to import, and a converged run has nothing to explain

    before, after = dict(present), dict(wanted)
    differing = DeepDiff(before, after).affected_root_keys
    return tuple(Change(field, before[field], after[field]) for field in FIELD_ORDER if field in differing)
