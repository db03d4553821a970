"""The fields whose declared items are a minimum: trackers, web seeds, and the priorities of files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Final

from reconciler.model import versions
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.field import Field, FieldKind
from reconciler.model.fields.names import FILES
from reconciler.model.files import LiveFile, Priority, find_wrong_priorities
from reconciler.model.links import (
    TRACKERS,
    WEB_SEEDS,
    find_excess_trackers,
    find_missing_urls,
    parse_link_urls,
    redact_url,
)
from reconciler.model.magnet import Magnet
from reconciler.model.plan import AddTorrent, Change, FieldValue, SetTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import EVERY_VERSION, Capability


def file_text(file: LiveFile, priority: Priority) -> str:
    """Return the text of a file and a priority, as changes show it."""
    return f"{priority} {file.path}"


def _read_files(torrent: LiveTorrent) -> FieldValue:
    return tuple(file_text(file, file.priority) for file in torrent.files or () if file.priority != Priority.NORMAL)


def _declare_files(entry: DesiredTorrent) -> FieldValue:
    return tuple(map(str, entry.files)) or None


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
        make_applied_check=lambda change: partial(_are_links_applied, change),
        capability=capability,
    )


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
        make_applied_check=lambda change: partial(_are_files_applied, change),
    ),
)
