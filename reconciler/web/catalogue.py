"""All torrents of all instances, merged with what is declared and with the last run. Every route reads them here.

See docs/decisions/0141-one-catalogue-of-torrents-for-all-routes.md.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any, Final

from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent
from reconciler.model.gateway import Shows
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import TRACKERS, extract_links, parse_link_urls
from reconciler.model.position import Position
from reconciler.model.rows import InstanceRows, Row
from reconciler.model.run import Run
from reconciler.model.tags import build_owner_tag, is_reserved_tag
from reconciler.report.sanitize import sanitize_text
from reconciler.web.client_rows import (
    list_row_ids,
    make_client_row,
    make_pending_row,
    map_category,
    mark_as_unread,
    overlay_entry,
    split_tags,
)
from reconciler.web.content_entries import ContentEntries
from reconciler.web.context import WebContext
from reconciler.web.copies import find_first, group_copies, rank_copy
from reconciler.web.path_maps import PathMap, to_client_path
from reconciler.web.sync_states import RunFindings, SyncState, collect_findings, merge_findings

WAITING_REASON: Final = "waits for the next run"
_NO_FINDINGS: Final = RunFindings()


@dataclass(frozen=True)
class KnownTorrent:
    """A torrent that is on an instance, declared, or both. It stays the same object until something of it changes.

    `row` is a row of qBittorrent 5.1 as clients see it: of the best copy, or made up for a torrent that is on no
    instance. `instance` has that copy, None if there is none; `instances` are all that have one. `entry` is what is
    declared, at `position`; `is_handed_in` if a service did so. `reason` says why it is in its `sync_state`.
    """

    row: Row
    instance: str | None = None
    instances: tuple[str, ...] = ()
    entry: DesiredTorrent | None = None
    is_handed_in: bool = False
    is_owned: bool = False
    sync_state: str = SyncState.UNKNOWN
    reason: str = ""
    position: Position | None = None

    @property
    def other_ids(self) -> tuple[str, ...]:
        """The ids that it has besides the `hash` of its row: of its row, and of its entry."""
        ids = (self.row.get("infohash_v1"), self.row.get("infohash_v2"), *(self.entry.ids if self.entry else ()))
        return tuple(filter(None, ids))

    @cached_property
    def trackers(self) -> tuple[str, ...]:
        """The URLs of its trackers, with their passkeys."""
        return tuple(parse_link_urls(extract_links(str(self.row["magnet_uri"])), TRACKERS))


@dataclass(frozen=True)
class CatalogueView:
    """All torrents at one moment, by the `hash` of their rows. `instances` are the reads that it rests on.

    `unlisted`: the entries that are not in `torrents`, since nobody knows yet which torrents they mean.
    """

    torrents: Mapping[str, KnownTorrent] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    instances: Mapping[str, InstanceRows] = field(default_factory=dict)
    unlisted: tuple[DesiredTorrent, ...] = ()
    _selections: dict[Shows, Mapping[str, KnownTorrent]] = field(default_factory=dict, repr=False)

    def select(self, shows: Shows) -> Mapping[str, KnownTorrent]:
        """Return the torrents that a client may see, except torrents that are to be deleted."""
        if shows not in self._selections:
            self._selections[shows] = {key: known for key, known in self.torrents.items() if is_shown(known, shows)}
        return self._selections[shows]


def is_shown(known: KnownTorrent, shows: Shows) -> bool:
    """True if a client may see a torrent."""
    if known.sync_state == SyncState.REMOVED:
        return False
    if shows is Shows.INTAKE:
        return known.is_handed_in
    return shows is Shows.ALL or known.is_owned or known.entry is not None


class Catalogue:
    """Reads the torrents of all instances. A view is built again only if something has changed. Thread-safe."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._sources: _Sources | None = None
        self._view = CatalogueView()
        self._run: Run | None = None
        self._own_findings = self._findings = _NO_FINDINGS
        self._content = ContentEntries()
        self._merges: dict[str, _Merge] = {}
        self._keys_by_id: dict[str, str] = {}

    def read(self, *, is_urgent: bool = False) -> CatalogueView:
        """Return the torrents as they are now. The first call after a while may wait for the instances.

        `is_urgent`: not for long, so that it may return what is old, or not read yet.
        """
        context = self._context
        instances = context.rows.read(is_urgent=is_urgent) if context.rows else {}
        loop = context.board.get_view()
        peers = tuple(peer.findings for peer in context.peers.read()) if context.peers else ()
        with self._lock:
            sources = _Sources(
                instances,
                self._content.identify(context.get_desired(), loop.last_run),
                context.intake.entries if context.intake else {},
                context.intake.categories if context.intake else {},
                self._find_findings(loop.last_run.run if loop.last_run else None, peers),
                loop.last_desired and self._content.identify(loop.last_desired, loop.last_run),
            )
            before = self._sources
            if before is None or not sources.is_same(before):
                updated = self._update_rows(sources, before) if before and sources.has_same_rest(before) else None
                self._view = updated or self._build(sources)
            elif any(rows is not self._view.instances[name] for name, rows in instances.items()):
                self._view = replace(self._view, instances=instances)
            self._sources = sources
            return self._view

    def _find_findings(self, run: Run | None, peers: tuple[RunFindings, ...]) -> RunFindings:
        """Return the findings of the last runs of all shards: the same object until one of them finds another thing."""
        if run is not self._run:
            self._run, self._own_findings = run, collect_findings(run) if run else _NO_FINDINGS
        findings = merge_findings((self._own_findings, *peers))
        if findings != self._findings:
            self._findings = findings
        return self._findings

    def _build(self, sources: _Sources) -> CatalogueView:
        merges = {merge.key: merge for merge in _iter_merges(sources)}
        for key, merge in merges.items():
            before = self._merges.get(key)
            merge.known = before.known if before and merge.is_same(before) else merge.make_torrent()
        self._merges = merges
        self._keys_by_id = {row["hash"]: merge.key for merge in merges.values() for _, row in merge.copies}
        torrents = {str(merge.known.row["hash"]): merge.known for merge in merges.values() if merge.known}
        unlisted = tuple(entry for entry in sources.desired.torrents if not entry.ids and not entry.absent)
        return CatalogueView(torrents, _merge_categories(sources), _merge_tags(sources), sources.instances, unlisted)

    def _update_rows(self, sources: _Sources, before: _Sources) -> CatalogueView | None:
        """Return the view with the rows that have changed, which is most of what happens; None if that is not all."""
        changed: dict[str, _Merge] = {}
        for name, rows in sources.instances.items():
            old_rows = before.instances[name].rows
            for torrent_id, row in rows.rows.items():
                if (old := old_rows[torrent_id]) is row:
                    continue
                if list_row_ids(torrent_id, row) != list_row_ids(torrent_id, old):
                    return None
                key = self._keys_by_id[torrent_id]
                changed[key] = self._merges[key]
        torrents = dict(self._view.torrents)
        for key, merge in changed.items():
            updated = merge.update_copies(sources)
            updated.known = updated.make_torrent()
            if merge.known is None or merge.known.row["hash"] != updated.known.row["hash"]:
                return None
            self._merges[key], torrents[str(updated.known.row["hash"])] = updated, updated.known
        return CatalogueView(
            torrents, _merge_categories(sources), _merge_tags(sources), sources.instances, self._view.unlisted
        )


@dataclass(frozen=True, slots=True)
class _Sources:
    """All that a view is made from. Compared by identity, because whoever changes something makes a new object."""

    instances: Mapping[str, InstanceRows]
    desired: DesiredState
    entries: Mapping[str, DesiredTorrent]
    own_categories: Mapping[str, DesiredCategory]
    findings: RunFindings  # of the last runs of all shards
    planned: DesiredState | None  # the desired state of that run

    def is_same(self, other: _Sources) -> bool:
        return self.has_same_rest(other) and all(
            rows.rows is other.instances[name].rows
            and rows.categories is other.instances[name].categories
            and rows.tags is other.instances[name].tags
            for name, rows in self.instances.items()
        )

    def has_same_rest(self, other: _Sources) -> bool:
        """True if nothing but rows, categories and tags has changed, and no torrent has come or gone."""
        return (
            self.desired is other.desired
            and self.findings is other.findings
            and self.planned is other.planned
            and (self.entries is other.entries or self.entries == other.entries)
            and (self.own_categories is other.own_categories or self.own_categories == other.own_categories)
            and self.instances.keys() == other.instances.keys()
            and all(_has_same_torrents(rows, other.instances[name]) for name, rows in self.instances.items())
        )

    def path_map_of(self, instance: str) -> PathMap:
        declared = self.desired.instances.get(instance)
        return declared.path_map if declared else {}


@dataclasses.dataclass(slots=True)
class _Merge:
    """A torrent before it is merged: its copies, best first, its entry, and the finding of the last run."""

    key: str
    copies: Sequence[tuple[InstanceRows, Row]]
    entry: DesiredTorrent | None
    is_handed_in: bool
    owner_tag: str
    path_map: PathMap
    planned: DesiredTorrent | None  # the entry as the last run knew it
    state: SyncState | None
    reason: str
    judged_instances: frozenset[str]  # that the findings are about
    known: KnownTorrent | None = None

    @property
    def is_judged(self) -> bool:
        return bool(self.copies) and self.copies[0][0].name in self.judged_instances

    def is_same(self, other: _Merge) -> bool:
        return (
            _is_equal(self.entry, other.entry)
            and _is_equal(self.planned, other.planned)
            and self.is_handed_in == other.is_handed_in
            and (self.state, self.reason, self.owner_tag) == (other.state, other.reason, other.owner_tag)
            and self.is_judged == other.is_judged
            and self.path_map == other.path_map
            and len(self.copies) == len(other.copies)
            and all(
                row is other_row
                and rows.name == other_rows.name
                and (rows.is_read, rows.reason) == (other_rows.is_read, other_rows.reason)
                for (rows, row), (other_rows, other_row) in zip(self.copies, other.copies, strict=True)
            )
        )

    def update_copies(self, sources: _Sources) -> _Merge:
        """Return the torrent with its copies as they are now."""
        present = {rows.name: str(row["hash"]) for rows, row in self.copies}
        copies = [(rows, rows.rows[present[name]]) for name, rows in sources.instances.items() if name in present]
        copies.sort(key=rank_copy)
        return replace(self, copies=copies, path_map=sources.path_map_of(copies[0][0].name))

    def make_torrent(self) -> KnownTorrent:
        entry, position = self.entry, self.entry.position if self.entry else None
        if not self.copies:
            assert entry
            state, reason = self.state or SyncState.PENDING, self.reason or WAITING_REASON
            row = make_pending_row(entry, sanitize_text(reason), self.path_map)
            return KnownTorrent(row, None, (), entry, self.is_handed_in, False, state, reason, position)
        rows, raw = self.copies[0]
        is_owned = self.owner_tag in raw["tags"] and self.owner_tag in split_tags(raw["tags"])
        row = make_client_row(raw, self.path_map)
        if entry and self.is_handed_in and not entry.absent:
            overlay_entry(row, entry)
        state, reason = self._judge(rows, is_owned)
        if not rows.is_read:
            mark_as_unread(row, sanitize_text(f"{rows.name}: {rows.reason}"))
        names = tuple(copy_rows.name for copy_rows, _ in self.copies)
        return KnownTorrent(row, rows.name, names, entry, self.is_handed_in, is_owned, state, reason, position)

    def _judge(self, rows: InstanceRows, is_owned: bool) -> tuple[SyncState, str]:
        if self.entry and self.entry.absent:
            return SyncState.REMOVED, self.reason or WAITING_REASON
        if not rows.is_read:
            return SyncState.UNKNOWN, f"{rows.name}: {rows.reason}"
        if self.entry is None:
            if is_owned and self.state is SyncState.REMOVED:
                return SyncState.REMOVED, self.reason
            return (SyncState.UNDECLARED if is_owned else SyncState.FOREIGN), self.reason
        if self.planned is None or not _declares_same(self.entry, self.planned):
            return SyncState.DRIFT, WAITING_REASON
        if not self.is_judged:
            return SyncState.UNKNOWN, f"the last run here was not about {rows.name}"
        return (self.state, self.reason) if self.state else (SyncState.IN_SYNC, "")


def _iter_merges(sources: _Sources) -> Iterator[_Merge]:
    """Yield every torrent: what is on an instance, then what is only declared."""
    entries = _index_entries(sources.desired)
    planned = entries if sources.planned is sources.desired else _index_entries(sources.planned)
    entries = {**entries, **sources.entries}
    owner_tag, findings = build_owner_tag(sources.desired.owner), sources.findings
    path_maps = {name: sources.path_map_of(name) for name in sources.instances}
    seen: set[str] = set()
    for key, copies, ids in group_copies(sources.instances.values()):
        entry = find_first(entries, ids)
        all_ids = (*ids, *entry.ids) if entry else ids
        seen.update(all_ids)
        finding = findings.find(all_ids) if entry else findings.find_undeclared(all_ids)
        yield _Merge(
            key,
            copies,
            entry,
            find_first(sources.entries, all_ids) is not None,
            owner_tag,
            path_maps[copies[0][0].name],
            find_first(planned, all_ids),
            finding.state if finding else None,
            finding.reason if finding else "",
            findings.instances,
        )
    places: dict[str, tuple[str, PathMap]] = {}  # few, for many entries
    for torrent_id, entry in entries.items():
        if torrent_id in seen or entry.absent:
            continue
        seen.update(entry.ids)
        target = entry.instance
        if target not in places:
            places[target] = _find_unread_reason(sources, target), _find_path_map(sources, target)
        finding, (unread_reason, path_map) = findings.find(entry.ids), places[target]
        reason = findings.find_pending_reason(entry.ids) or (finding.reason if finding else "")
        yield _Merge(
            entry.ids[0],
            (),
            entry,
            find_first(sources.entries, entry.ids) is not None,
            owner_tag,
            path_map,
            planned.get(torrent_id),
            finding.state if finding else SyncState.UNKNOWN if unread_reason and not reason else None,
            reason or unread_reason,
            findings.instances,
        )


def _index_entries(desired: DesiredState | None) -> dict[str, DesiredTorrent]:
    return {torrent_id: entry for entry in desired.torrents for torrent_id in entry.ids} if desired else {}


def _is_equal(entry: DesiredTorrent | None, other: DesiredTorrent | None) -> bool:
    return entry is other or entry == other


def _declares_same(entry: DesiredTorrent, other: DesiredTorrent) -> bool:
    """True if two entries declare the same, wherever they are in their files."""
    return entry is other or replace(entry, position=other.position) == other


def _find_unread_reason(sources: _Sources, target: str) -> str:
    """Return why no member of a group, or not the instance, can be read; "" if one can."""
    reads = [sources.instances[name] for name in sources.desired.members_of(target) if name in sources.instances]
    if any(rows.is_read for rows in reads):
        return ""
    return "; ".join(f"{rows.name}: {rows.reason}" for rows in reads)


def _find_path_map(sources: _Sources, target: str) -> PathMap:
    """Return the path map of the first member of a group, or of the instance, that has one."""
    maps = (sources.path_map_of(name) for name in sources.desired.members_of(target))
    return next(filter(None, maps), {})


def _merge_categories(sources: _Sources) -> Mapping[str, Mapping[str, Any]]:
    """Return the categories of all instances and the declared ones. A declared path counts first.

    That of a torrent that was handed in is there at once: an add creates it in qBittorrent too.
    """
    merged: dict[str, dict[str, Any]] = {}
    for name, rows in sources.instances.items():
        for category, values in rows.categories.items():
            merged.setdefault(category, map_category({"name": category, **values}, sources.path_map_of(name)))
    target = sources.desired.intake.instance if sources.desired.intake else ""
    path_map = _find_path_map(sources, target)
    for category, declared in {**sources.desired.categories, **sources.own_categories}.items():
        values = merged.setdefault(category, {"name": category, "savePath": ""})
        if declared.save_path is not None:
            values["savePath"] = to_client_path(path_map, declared.save_path)
        if declared.download_path is not None:
            path = declared.download_path
            values["download_path"] = to_client_path(path_map, path) if isinstance(path, str) else path
    for category in {entry.category for entry in sources.entries.values() if entry.category and not entry.absent}:
        merged.setdefault(category, {"name": category, "savePath": ""})
    return dict(sorted(merged.items()))


def _merge_tags(sources: _Sources) -> tuple[str, ...]:
    tags = {tag for rows in sources.instances.values() for tag in rows.tags if not is_reserved_tag(tag)}
    tags.update(name for entry in sources.entries.values() if entry.tags for name in entry.tags.names)
    return tuple(sorted(tags))


def _has_same_torrents(rows: InstanceRows, other: InstanceRows) -> bool:
    """True if two reads of an instance have the same torrents, and the same result."""
    return (rows.is_read, rows.reason) == (other.is_read, other.reason) and (
        rows.rows is other.rows or rows.rows.keys() == other.rows.keys()
    )
