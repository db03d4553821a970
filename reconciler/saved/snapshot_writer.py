"""A live state as a file: what a plan needs, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TextIO

from reconciler.model.content import CreatorTask
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.groups import PlacementFacts
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import TRACKERS, WEB_SEEDS, mask_url, parse_link_urls
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.magnet import Magnet
from reconciler.model.preferences import (
    DEFAULT_SAVE_PATH,
    SHARE_LIMIT_PREFERENCES,
    PreferenceValue,
    find_linked_preferences,
)
from reconciler.model.secret import Secret
from reconciler.model.snapshot import LiveCategory, LiveOptions, LiveTorrent, ShareLimits, Snapshot
from reconciler.model.torrent_file import TorrentFile
from reconciler.plan.resolve import is_local
from reconciler.report.json.common import JsonItem, encode_json, iso_utc, iterate_object, write_object
from reconciler.saved.masks import hash_name, hash_text, hash_url, hide_url, may_have_secret
from reconciler.saved.snapshot_rows import SNAPSHOT_FORMAT_VERSION, SNAPSHOT_KIND

_PLAIN_OPTIONS: Final = LiveOptions()
_PLAIN_SHARE: Final = ShareLimits()
_OPTION_KEYS: Final = (
    *("force_start", "sequential", "first_last_piece_first", "super_seeding"),
    *("download_limit", "upload_limit", "download_path"),
)
_SHARE_KEYS: Final = {
    "ratio": "ratio",
    "seeding_time": "seeding_time",
    "inactive_seeding_time": "inactive_seeding_time",
    "action": "share_action",
    "mode": "share_mode",
}
# By name, the preferences that decide which torrents a change alters.
_EFFECT_PREFERENCES: Final = {
    "temp_path": ("temp_path_enabled",),
    **dict.fromkeys(SHARE_LIMIT_PREFERENCES, tuple(SHARE_LIMIT_PREFERENCES)),
}


def write_snapshot(live_state: LiveState, stream: TextIO, *, hash_names: bool) -> None:
    """Write a live state. `hash_names`: the names of torrents and files are hashes."""
    writer = _Writer(hash_name if hash_names else lambda name: name, hash_names)
    head = {
        "kind": SNAPSHOT_KIND,
        "format_version": SNAPSHOT_FORMAT_VERSION,
        "taken_at": iso_utc(live_state.taken_at),
        "owner": live_state.owner,
        "hashed_names": hash_names,
        "members": _members_json(live_state),
    }
    lists: dict[str, Iterable[JsonItem]] = {
        "pending": map(encode_json, _iterate_pending(live_state.facts)),
        "sources": (encode_json(writer.source_json(url, source)) for url, source in sorted(live_state.sources.items())),
        "instances": map(writer.iterate_instance, live_state.instances),
    }
    write_object(stream, head, lists)


def _members_json(live_state: LiveState) -> dict[str, Any]:
    facts = live_state.facts
    urls = {live.name: live.url for live in live_state.instances}
    names = sorted({*facts.outages, *facts.held_ids, *facts.free_space})
    return {name: _member_json(facts, name, urls.get(name, "")) for name in names}


def _member_json(facts: PlacementFacts, name: str, url: str) -> dict[str, Any]:
    outage, held, free = facts.outages.get(name), facts.held_ids.get(name), facts.free_space.get(name)
    row: dict[str, Any] = {}
    if outage:
        row["outage"] = {"since": iso_utc(outage.since), "reason": hide_url(outage.reason, url)}
    if held is not None:
        row["held_ids"] = sorted(held)
    if free is not None:
        row["free_space"] = free
    return row


def _iterate_pending(facts: PlacementFacts) -> Iterator[dict[str, Any]]:
    for (group, infohash), pending in sorted(facts.pending.items()):
        if pending.since:
            yield {"group": group, "infohash": infohash, "since": iso_utc(pending.since)}


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes rows. `show_name` returns a name as the file has it."""

    show_name: Callable[[str], str]
    hash_names: bool

    def source_json(self, url: str, source: TorrentFile | Magnet) -> dict[str, Any]:
        kind = "torrent" if isinstance(source, TorrentFile) else "magnet"
        return {"url_hash": hash_url(url), "kind": kind, **self._identity_json(source)}

    def iterate_instance(self, live: LiveInstance) -> Iterator[str]:
        row: dict[str, Any] = {"name": live.name, "url_hash": hash_url(live.url), "status": live.status}
        if live.health:
            health = live.health
            error = health.error and hide_url(health.error, live.url)
            row["health"] = {"state": health.state, "since": iso_utc(health.since), "error": error}
        if live.owned:
            row["owned"] = {"count": live.owned.count, "read_at": iso_utc(live.owned.read_at)}
        if live.untagged_ids:
            row["untagged"] = sorted(live.untagged_ids)
        snapshot = live.snapshot
        if snapshot is None:
            return iterate_object({**row, "error": hide_url(live.error or "it was not read", live.url)}, {})
        row |= {"version": snapshot.version, "web_api": snapshot.web_api}
        if live.to_trash is not None:
            row["to_trash"] = live.to_trash
        row |= _snapshot_json(snapshot, live.declared_preferences)
        lists = {
            "categories": (encode_json(_category_json(category)) for category in snapshot.categories.values()),
            "creator_tasks": (encode_json(self._task_json(task)) for task in snapshot.creator_tasks),
            "exports": map(encode_json, self._iterate_exports(snapshot)),
            "torrents": (
                encode_json(self._torrent_json(torrent, live.other_seeds.get(torrent.id)))
                for torrent in snapshot.torrents
            ),
        }
        return iterate_object(row, lists)

    def _torrent_json(self, torrent: LiveTorrent, other_seeds: int | None) -> dict[str, Any]:
        row: dict[str, Any] = {"id": torrent.id, **_infohashes_json(torrent.infohashes, torrent.id)}
        row |= {"name": self.show_name(torrent.name), "state": torrent.state}
        present = {
            "stopped": torrent.stopped,
            "category": torrent.category,
            "tags": sorted(torrent.tags),
            SAVE_PATH: torrent.save_path,
            "auto_tmm": torrent.auto_tmm,
            "progress": torrent.progress,
            "size": torrent.size,
            "content_path": self._show_content_path(torrent),
            "has_metadata": torrent.has_metadata,
            "options": _options_json(torrent.options),
            "trackers": list(map(mask_url, parse_link_urls(torrent.links, TRACKERS))),
            "web_seeds": list(map(mask_url, parse_link_urls(torrent.links, WEB_SEEDS))),
            "is_metadata_overdue": torrent.is_metadata_overdue,
            "added_on": torrent.added_on,
        }
        row |= {key: value for key, value in present.items() if value}
        if torrent.comment is not None:
            is_hidden = torrent.comment and (self.hash_names or may_have_secret(torrent.comment))
            row |= {"comment_hash": hash_text(torrent.comment)} if is_hidden else {"comment": torrent.comment}
        if torrent.files is not None and not self.hash_names:
            files = torrent.files
            row["files"] = [{"index": f.index, "path": f.path, "priority": f.priority} for f in files]
        if torrent.stopped_before_check is not None:
            row["stopped_before_check"] = torrent.stopped_before_check
        if shared := torrent.shared:
            row["shared"] = {key: getattr(shared, key) for key in shared.__slots__}
        return row if other_seeds is None else {**row, "other_seeds": other_seeds}

    def _show_content_path(self, torrent: LiveTorrent) -> str:
        """Return the path with a hash for each name below the save path, so that equal paths stay equal."""
        path = torrent.content_path
        if not self.hash_names or not path:
            return path
        folder = f"{torrent.save_path}/"
        if not path.startswith(folder):
            parent, _, name = path.rpartition("/")
            return f"{parent}/{self.show_name(name)}"
        return folder + "/".join(map(self.show_name, path.removeprefix(folder).split("/")))

    def _task_json(self, task: CreatorTask) -> dict[str, Any]:
        spec = task.creation
        row: dict[str, Any] = {
            "id": task.id,
            "path": spec.path,
            "format": spec.format,
            "piece_size": spec.piece_size,
            "private": spec.private,
            "source": spec.source,
            "comment": hash_text(spec.comment) if spec.comment else "",
            "trackers": list(map(mask_url, spec.trackers)),
            "web_seeds": list(map(mask_url, spec.web_seeds)),
            "state": task.state,
            "progress": task.progress,
        }
        if task.error:
            row["error"] = task.error
        if isinstance(task.file, TorrentFile):
            row["file"] = self._identity_json(task.file)
        elif task.file:
            row["file_error"] = str(task.file)
        return row

    def _iterate_exports(self, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
        for torrent_id, file in snapshot.exported_files.items():
            row: dict[str, Any] = {"id": torrent_id}
            row |= {"file": self._identity_json(file)} if isinstance(file, TorrentFile) else {"error": str(file)}
            if peer := snapshot.peer_addresses.get(torrent_id):
                row["peer"] = "local" if is_local(peer) else "remote"  # the address itself is nobody's business
            yield row

    def _identity_json(self, source: TorrentFile | Magnet) -> dict[str, Any]:
        row: dict[str, Any] = _infohashes_json(source.infohashes)
        if source.name:
            row["name"] = self.show_name(source.name)
        return {**row, "length": source.length} if isinstance(source, TorrentFile) else row


def _snapshot_json(snapshot: Snapshot, declared: frozenset[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"libtorrent": snapshot.libtorrent} if snapshot.libtorrent else {}
    preferences = snapshot.preferences or {}
    default = snapshot.default_save_path or preferences.get(DEFAULT_SAVE_PATH)
    if isinstance(default, str) and default:
        row["default_save_path"] = default
    if snapshot.preferences is not None:
        linked = find_linked_preferences(set(declared))
        names = declared.union(linked, *(_EFFECT_PREFERENCES.get(name, ()) for name in declared))
        row["preferences"] = {name: preferences[name] for name in sorted(names) if _is_public(preferences.get(name))}
        row["preference_names"] = sorted(preferences)
    return row


def _is_public(value: PreferenceValue | None) -> bool:
    return value is not None and not isinstance(value, Secret)


def _infohashes_json(infohashes: InfoHashes, torrent_id: str = "") -> dict[str, Any]:
    if infohashes == InfoHashes(torrent_id or "-"):
        return {}
    return {key: value for key, value in (("v1", infohashes.v1), ("v2", infohashes.v2)) if value}


def _category_json(category: LiveCategory) -> dict[str, Any]:
    row: dict[str, Any] = {"name": category.name}
    row |= {SAVE_PATH: category.save_path} if category.save_path else {}
    row |= {"limits": category.share_limits} if category.share_limits else {}
    return row if category.download_path is None else {**row, "download_path": category.download_path}


def _options_json(options: LiveOptions) -> dict[str, Any]:
    if options == _PLAIN_OPTIONS:
        return {}
    row = {key: getattr(options, key) for key in _OPTION_KEYS}
    row = {key: value for key, value in row.items() if value != getattr(_PLAIN_OPTIONS, key)}
    share = {key: getattr(options.share, field) for field, key in _SHARE_KEYS.items()}
    plain = {key: getattr(_PLAIN_SHARE, field) for field, key in _SHARE_KEYS.items()}
    return row | {key: value for key, value in share.items() if value != plain[key]}
