"""Drift: the differences between an entry and its live torrent. Only declared fields can drift."""

from __future__ import annotations

from functools import lru_cache

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.entry_values import iter_special_changes, list_differences
from reconciler.model.fields.names import AUTO_TMM, CATEGORY, DOWNLOAD_PATH, FORCE_START, PAUSED, QUARANTINE, SAVE_PATH
from reconciler.model.fields.registry import sort_changes
from reconciler.model.plan import Change, FieldValue
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import extract_quarantines, has_been_running


def find_drift(entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """Return the changes that bring the live torrent to what its entry declares, in plan order; empty if they agree."""
    differences = list_differences(entry, live)
    changes = _build_changes(tuple(differences)) if differences else ()
    if extract_quarantines(live.tags):
        changes = (*changes, *_end_quarantine(entry, live))
    if entry.options or changes:
        changes = _add_consequences(changes, entry, live)
    if entry.trackers or entry.only_trackers or entry.web_seeds or entry.files or entry.content:
        changes = (*changes, *iter_special_changes(entry, live))
    return sort_changes(changes)


def _end_quarantine(entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """Return the changes that end the quarantine of a torrent that is declared again, and restore its former state."""
    texts = extract_quarantines(live.tags)
    start = entry.paused is None and live.stopped and has_been_running(texts)
    return (Change(QUARANTINE, texts, ()), *((Change(PAUSED, True, False),) if start else ()))


def _add_consequences(changes: tuple[Change, ...], entry: DesiredTorrent, live: LiveTorrent) -> tuple[Change, ...]:
    """Return the changes with the changes that they require, and without changes that another one implies."""
    fields = {change.field for change in changes}
    more = []
    # A torrent with its own path is no longer managed automatically. qBittorrent ends automatic management by itself
    # with a new save path, ignores a new download path until it has ended, and lets both follow a new category.
    path, wanted = live.options.download_path, entry.options.get(DOWNLOAD_PATH)
    own_paths = {field for field, value in ((SAVE_PATH, entry.save_path), (DOWNLOAD_PATH, wanted)) if value is not None}
    keeps_path = CATEGORY in fields and not own_paths <= entry.ignore_changes
    is_placed = keeps_path or not fields.isdisjoint((SAVE_PATH, DOWNLOAD_PATH))
    if is_placed and live.auto_tmm and AUTO_TMM not in fields:
        more.append(Change(AUTO_TMM, True, False))
    # To qBittorrent a download path that is the save path is none, until the save path moves away from it.
    moves = SAVE_PATH in fields and DOWNLOAD_PATH not in fields | entry.ignore_changes
    if moves and path is not None and wanted is not None and path != wanted:
        more.append(Change(DOWNLOAD_PATH, path, wanted))
    stops = any(change.field == PAUSED and change.after for change in changes)  # which ends a forced start
    return tuple(change for change in (*changes, *more) if not (stops and change.field == FORCE_START))


@lru_cache(maxsize=4096)
def _build_changes(differences: tuple[tuple[str, FieldValue, FieldValue], ...]) -> tuple[Change, ...]:
    """Return the changes that end these differences, in plan order. Cached: many torrents drift in the same way."""
    return sort_changes([Change(*difference) for difference in differences])
