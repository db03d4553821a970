"""The projection of a plan: the snapshot that an instance has once the plan was carried out.

Everything that is executed is projected, in the order of apply (`apply.executor`), with what a server makes of it
(`model.server_effects`). What is on hold is not executed. Time does not pass: nothing is downloaded, checked or moved
by itself, and no metadata arrives.

Unknown stay: the files of a torrent that is added, what a creator task makes of content, and the paths that follow from
a default save path that was not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from reconciler.model.add_options import build_add_options
from reconciler.model.fields.collections import file_text, find_trackers_to_remove
from reconciler.model.fields.field import ChangeRequest
from reconciler.model.fields.names import (
    AUTO_TMM,
    CATEGORY,
    COMMENT,
    CONTENT,
    DOWNLOAD_PATH,
    FILES,
    FORCE_START,
    METADATA,
    NAME,
    PAUSED,
    SAVE_PATH,
    SHARE_LIMITS,
)
from reconciler.model.fields.options import OPTIONS
from reconciler.model.fields.registry import can_set_at_add, change_tags_to_add, change_tags_to_remove
from reconciler.model.files import Priority
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import TRACKERS, WEB_SEEDS, append_links
from reconciler.model.magnet import Magnet
from reconciler.model.paths import normalize_path
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    Change,
    DeleteCategory,
    DeleteTorrent,
    EnsureCategory,
    FieldValue,
    InstancePlan,
    SetPreference,
    SetTorrent,
    UpdateCategory,
)
from reconciler.model.preference_effects import accept_preferences
from reconciler.model.preferences import DEFAULT_SAVE_PATH, PreferenceValue, find_linked_preferences
from reconciler.model.server_effects import (
    add_urls,
    begin_management,
    build_added_options,
    end_management,
    ends_management,
    find_category_path,
    list_missing_parents,
    list_removed_categories,
    move_torrent,
    name_state,
    normalize_category_path,
    remove_trackers,
    replace_options,
    set_download_path,
    set_file_priority,
    set_force_start,
    set_share_limits,
    set_stopped,
    trim_name,
    trim_tags,
)
from reconciler.model.snapshot import CategoryDownloadPath, LiveCategory, LiveTorrent, Snapshot
from reconciler.model.torrent_file import TorrentFile
from reconciler.model.versions import COMMENT_IN_LIST, SUBCATEGORIES

_OPTION_REQUESTS: Final = (ChangeRequest.VALUE, ChangeRequest.TOGGLE)


def project_plan(plan: InstancePlan, snapshot: Snapshot, *, is_downloaded: bool = False) -> Snapshot:
    """Return the snapshot of the instance of this plan after everything that is not on hold was carried out.

    `is_downloaded`: what is added has all its data at once. How much that is, nobody knows; it shares none with another
    torrent.
    """
    actions = [action for action in plan.actions if action.hold is None]
    if not actions:
        return snapshot
    projection = _Projection(snapshot, is_downloaded)
    projection.set_preferences([action for action in actions if isinstance(action, SetPreference)])
    projection.ensure_categories(action for action in actions if isinstance(action, EnsureCategory))
    projection.change_torrents(actions)
    projection.remove_categories(action for action in actions if isinstance(action, DeleteCategory))
    return projection.build_snapshot()


class _Projection:
    """The state of an instance while the actions of a plan change it."""

    def __init__(self, snapshot: Snapshot, is_downloaded: bool) -> None:
        self._snapshot = snapshot
        self._is_downloaded = is_downloaded
        self._api = snapshot.api_version
        self._torrents = {torrent.id: torrent for torrent in snapshot.torrents}
        self._categories = dict(snapshot.categories)
        self._preferences = None if snapshot.preferences is None else dict(snapshot.preferences)
        self._default_save_path = self._find_default_save_path()

    def build_snapshot(self) -> Snapshot:
        """Return the state as a snapshot."""
        return replace(
            self._snapshot,
            torrents=tuple(self._torrents.values()),
            categories=self._categories,
            preferences=self._preferences,
        )

    def _find_default_save_path(self) -> str | None:
        """Return the path of torrents without one of their own, None if it was not read."""
        path = (self._preferences or {}).get(DEFAULT_SAVE_PATH) or self._snapshot.default_save_path
        return normalize_path(path) if isinstance(path, str) and path else None

    def set_preferences(self, actions: Iterable[SetPreference]) -> None:
        """Set preferences in one request, with the partners that apply sends along."""
        wanted: dict[str, PreferenceValue] = {action.name: action.value for action in actions}
        if not wanted or self._preferences is None:
            return
        present = self._preferences
        partners = {name: present[name] for name in find_linked_preferences(set(wanted)) if name in present}
        present.update(accept_preferences(present, {**partners, **wanted}, self._api))
        self._default_save_path = self._find_default_save_path()

    def ensure_categories(self, actions: Iterable[EnsureCategory]) -> None:
        """Create and edit categories."""
        for action in actions:
            changes = {change.field: change.after for change in action.changes}
            path = changes.get(SAVE_PATH)
            download_path = changes.get(DOWNLOAD_PATH)
            incomplete = download_path if isinstance(download_path, (str, bool)) else None
            if isinstance(action, AddCategory) and action.name not in self._categories:
                self._create_category(action.name, str(path or ""), incomplete)
            else:
                self._edit_category(action, None if path is None else normalize_path(str(path)), incomplete)

    def _create_category(self, name: str, path: str = "", download_path: CategoryDownloadPath = None) -> None:
        for parent in list_missing_parents(name, self._categories, self._api):
            self._categories[parent] = LiveCategory(parent)
        incomplete = normalize_category_path(download_path, self._api)
        self._categories[name] = LiveCategory(name, normalize_path(path), download_path=incomplete)

    def _edit_category(self, action: EnsureCategory, path: str | None, download_path: CategoryDownloadPath) -> None:
        """Edit a category. Its automatic torrents become manual, except torrents that apply puts back under it."""
        before = self._categories.get(action.name, LiveCategory(action.name))
        after = before if path is None else replace(before, save_path=path)
        if download_path is not None:
            after = replace(after, download_path=normalize_category_path(download_path, self._api))
        self._categories[action.name] = after
        if not ends_management(before, after, self._api):
            return
        kept_ids = frozenset(action.automatic_ids if isinstance(action, UpdateCategory) else ())
        for torrent in [t for t in self._torrents.values() if t.auto_tmm and t.category == action.name]:
            new_path = self._find_category_path(action.name, torrent)
            manual = end_management(torrent, new_path, self._api)
            self._torrents[torrent.id] = begin_management(manual, new_path) if torrent.id in kept_ids else manual

    def _find_category_path(self, category: str, torrent: LiveTorrent) -> str:
        """Return the path of a category, or if it is unknown that of the torrent."""
        path = find_category_path(category, self._categories, self._default_save_path)
        return torrent.save_path if path is None else path

    def change_torrents(self, actions: Iterable[Action]) -> None:
        """Add, change and delete torrents."""
        known_ids = {key for torrent in self._torrents.values() for key in torrent.infohashes.ids}
        for action in actions:
            if isinstance(action, AddTorrent):
                self._add_torrent(action, known_ids)
            elif isinstance(action, DeleteTorrent):
                self._torrents.pop(action.torrent_id or "", None)
            elif isinstance(action, SetTorrent) and action.torrent_id in self._torrents:
                torrent = self._torrents[action.torrent_id]
                self._torrents[torrent.id] = self._change_torrent(torrent, action)

    def _add_torrent(self, action: AddTorrent, known_ids: set[str]) -> None:
        source = action.source
        if source is None:
            return  # which torrent its content becomes is known only once it was created
        hashes = source.infohashes
        if self._snapshot.supports_v2 is False:
            hashes = InfoHashes(hashes.v1)
        if not hashes.ids or not known_ids.isdisjoint(hashes.ids):
            return
        known_ids.update(hashes.ids)
        options = build_add_options(action.changes, isinstance(source, Magnet), True, self._api)
        if options.category and options.category not in self._categories:
            self._create_category(options.category)
        path = normalize_path(options.save_path) if options.save_path else self._default_save_path
        if options.auto_tmm:
            path = find_category_path(options.category, self._categories, self._default_save_path)
        is_whole = self._is_downloaded or dict(options.extra_options).get("skip_checking") is True
        has_metadata = self._is_downloaded or not isinstance(source, Magnet)
        torrent = LiveTorrent(
            hashes.ids[0],
            hashes,
            trim_name(options.name or "") or source.name or str(hashes),
            options.stopped,
            name_state(self._api, options.stopped, has_metadata, float(is_whole)),
            options.category,
            trim_tags(options.tags),
            path or "",
            options.auto_tmm,
            float(is_whole),
            size=int(self._is_downloaded),
            content_path=f"{path or '/'}/{hashes.ids[0]}" if self._is_downloaded else "",
            has_metadata=has_metadata,
            options=build_added_options(options.extra_options, options.stopped, options.auto_tmm, self._api),
            comment="" if COMMENT_IN_LIST.is_available(self._api) else None,
            links=_find_links(source),
        )
        self._torrents[torrent.id] = self._change_added(torrent, action)

    def _change_added(self, torrent: LiveTorrent, action: AddTorrent) -> LiveTorrent:
        """Return a torrent that was added, with the changes that its add does not carry."""
        late = {
            change.field: change.after
            for change in action.changes
            if change.field == CONTENT or (change.field in OPTIONS and not can_set_at_add(change.field, self._api))
        }
        torrent = self._change_links(torrent, action)
        if not late:
            return torrent
        torrent = self._set_starts(self._set_options(torrent, late), late)
        if CONTENT in late:
            torrent = replace(torrent, content_path=str(late[CONTENT]), progress=1.0)
        return torrent

    def _change_torrent(self, torrent: LiveTorrent, action: SetTorrent) -> LiveTorrent:
        """Return a torrent with the changes of an action, in the order of apply."""
        changes = {change.field: change.after for change in action.changes}
        torrent = replace(torrent, tags=self._change_tags(torrent.tags, action.changes))
        torrent = self._set_options(torrent, changes)
        torrent = self._change_links(torrent, action)
        torrent = _set_files(torrent, changes)
        torrent = self._set_location(torrent, changes, is_kept_automatic=action.keeps_auto_tmm)
        if NAME in changes:
            torrent = replace(torrent, name=trim_name(str(changes[NAME])) or torrent.name)
        if PAUSED in changes:
            torrent = replace(set_stopped(torrent, changes[PAUSED] is True, self._api), shared=None)
        if METADATA in changes:
            state = name_state(self._api, torrent.stopped, True, torrent.progress)
            torrent = replace(torrent, has_metadata=True, state=state, added_on=0)
        return self._set_starts(torrent, changes)

    @staticmethod
    def _change_tags(tags: frozenset[str], changes: Iterable[Change]) -> frozenset[str]:
        added = trim_tags([tag for change in changes for tag in change_tags_to_add(change)])
        removed = {tag for change in changes for tag in change_tags_to_remove(change)}
        return (tags | added) - removed

    def _set_options(self, torrent: LiveTorrent, changes: Mapping[str, FieldValue]) -> LiveTorrent:
        """Return the torrent with the options that depend on no other field."""
        limits = {name.partition(".")[2]: value for name, value in changes.items() if name.startswith(SHARE_LIMITS)}
        if limits:
            share = replace(torrent.options.share, **limits)  # type: ignore[arg-type]
            torrent = set_share_limits(torrent, share)
        for name, value in changes.items():
            if name == COMMENT:
                torrent = replace(torrent, comment=str(value).strip())
            elif name in OPTIONS and OPTIONS[name].request in _OPTION_REQUESTS:
                torrent = replace_options(torrent, **{name: value})
        return torrent

    def _change_links(self, torrent: LiveTorrent, action: SetTorrent) -> LiveTorrent:
        for field in (TRACKERS, WEB_SEEDS):
            if urls := action.added_urls.get(field):
                torrent = add_urls(torrent, field, urls)
        has_trackers = any(change.field == TRACKERS for change in action.changes)
        excess = find_trackers_to_remove(action, torrent) if has_trackers else ()
        return remove_trackers(torrent, excess) if excess else torrent

    def _set_location(
        self, torrent: LiveTorrent, changes: Mapping[str, FieldValue], *, is_kept_automatic: bool
    ) -> LiveTorrent:
        """Return the torrent with another category, path or management."""
        is_automatic = changes.get(AUTO_TMM)
        if is_automatic is False:
            torrent = replace(torrent, auto_tmm=False)
        if CATEGORY in changes:
            category = str(changes[CATEGORY] or "")
            path = self._find_category_path(category, torrent) if torrent.auto_tmm else torrent.save_path
            torrent = move_torrent(replace(torrent, category=category), path)
        if is_automatic is True or is_kept_automatic:
            torrent = begin_management(torrent, self._find_category_path(torrent.category, torrent))
        if SAVE_PATH in changes:
            torrent = move_torrent(replace(torrent, auto_tmm=False), normalize_path(str(changes[SAVE_PATH])))
        if DOWNLOAD_PATH in changes:
            torrent = set_download_path(torrent, str(changes[DOWNLOAD_PATH] or ""), self._api)
        return torrent

    def _set_starts(self, torrent: LiveTorrent, changes: Mapping[str, FieldValue]) -> LiveTorrent:
        """Return the torrent with what must follow its start or stop."""
        if FORCE_START in changes:
            torrent = replace(set_force_start(torrent, changes[FORCE_START] is True, self._api), shared=None)
        if "super_seeding" in changes:
            torrent = replace_options(torrent, super_seeding=changes["super_seeding"])
        return torrent

    def remove_categories(self, actions: Iterable[DeleteCategory]) -> None:
        """Remove categories, with all within them where the version does so. Their torrents move to the parent."""
        for action in actions:
            removed = frozenset(list_removed_categories(action.name, self._categories, self._api))
            for name in removed:
                del self._categories[name]
            parent = action.name.rpartition("/")[0] if SUBCATEGORIES.is_available(self._api) else ""
            for torrent in [t for t in self._torrents.values() if t.category in removed]:
                self._torrents[torrent.id] = replace(torrent, category=parent)


def _find_links(source: Magnet | TorrentFile) -> str:
    """Return the trackers and web seeds that a magnet link brings; those of a file are not read."""
    if not isinstance(source, Magnet) or not (source.trackers or source.web_seeds):
        return ""
    return append_links("", source.trackers, source.web_seeds)


def _set_files(torrent: LiveTorrent, changes: Mapping[str, FieldValue]) -> LiveTorrent:
    """Return the torrent with the priorities that a change of its files names."""
    wanted = changes.get(FILES)
    if not isinstance(wanted, tuple) or not torrent.files:
        return torrent
    named = frozenset(wanted)
    for priority in Priority:
        indexes = [file.index for file in torrent.files or () if file_text(file, priority) in named]
        torrent = set_file_priority(torrent, indexes, priority) if indexes else torrent
    return torrent
