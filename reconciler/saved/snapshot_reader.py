"""A saved live state, read for a desired state: hashes of what is declared become the declared values again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import TypeAdapter

from reconciler.desired.schema.common import STAND_IN_DOMAIN
from reconciler.model.content import Content, CreationSpec, CreatorTask
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.files import LiveFile
from reconciler.model.groups import NO_PLACEMENT_FACTS, Outage, PendingTorrent, PlacementFacts
from reconciler.model.health import Health
from reconciler.model.history import OwnedCount
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import build_magnet
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.magnet import Magnet, parse_magnet
from reconciler.model.paths import normalize_path
from reconciler.model.position import Position
from reconciler.model.snapshot import LiveCategory, LiveOptions, LiveTorrent, SharedAmount, ShareLimits, Snapshot
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile, TorrentFileError
from reconciler.saved.document import SavedFileError, read_document
from reconciler.saved.masks import UrlFinder, hash_name, hash_text, hash_url
from reconciler.saved.snapshot_rows import (
    SNAPSHOT_FORMAT_VERSION,
    SNAPSHOT_KIND,
    ExportRow,
    IdentityRow,
    InstanceRow,
    OptionRow,
    SavedCategory,
    SavedTask,
    SavedTorrent,
    SnapshotDocument,
)

HOW_TO_SAVE: Final = "reconcile snapshot -o FILE"
NOT_FETCHED_REASON: Final = "a plan from a snapshot fetches nothing, and the snapshot does not know this URL"
_PEERS: Final = {"local": "127.0.0.1:1", "remote": "unknown.invalid:1"}  # only this much of an address is saved
_NOWHERE: Final = Position("", 0, 0)
_OPTION_KEYS: Final = (
    *("force_start", "sequential", "first_last_piece_first", "super_seeding"),
    *("download_limit", "upload_limit", "download_path"),
)
_SHARE_KEYS: Final = {
    "ratio": "ratio",
    "seeding_time": "seeding_time",
    "inactive_seeding_time": "inactive_seeding_time",
    "share_action": "action",
    "share_mode": "mode",
}


class SnapshotFile:
    """A saved live state whose form is valid."""

    def __init__(self, document: SnapshotDocument) -> None:
        self._document = document
        self.taken_at = document["taken_at"]

    def fetch(self, urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        """Return the torrent of each URL, as far as it is in the file. Contacts nothing."""
        rows = {row["url_hash"]: row for row in self._document.get("sources", ())}
        unknown = FetchedTorrent(None, TorrentFileError(NOT_FETCHED_REASON))
        return {
            url: FetchedTorrent(_build_source(url, row["kind"], row)) if (row := rows.get(hash_url(url))) else unknown
            for url in urls
        }

    def build_live_state(self, desired: DesiredState) -> LiveState:
        """Return the live state, with the declared values in place of their hashes."""
        builder = _Builder(desired, hashed_names=self._document["hashed_names"])
        instances = tuple(map(builder.build_instance, self._document["instances"]))
        return LiveState(self.taken_at, self._document["owner"], instances, _build_facts(self._document))


def read_snapshot_file(path: Path) -> SnapshotFile:
    """Return a saved live state. Raises `SavedFileError`."""
    document = read_document(path, SNAPSHOT_KIND, SNAPSHOT_FORMAT_VERSION, _get_document_adapter(), HOW_TO_SAVE)
    if problem := next(_find_problems(document["instances"]), None):
        raise SavedFileError(f"{path} {problem}. Save it again with: {HOW_TO_SAVE}")
    return SnapshotFile(document)


@cache
def _get_document_adapter() -> TypeAdapter[SnapshotDocument]:
    """Return the adapter of the whole file. To build it takes longer than to read a file of a few torrents."""
    return TypeAdapter(SnapshotDocument)


def _find_problems(rows: Sequence[InstanceRow]) -> Iterator[str]:
    """Yield what contradicts itself, each as a clause."""
    yield from ("has two instances of one name" for _ in _find_twice(row["name"] for row in rows))
    for row in rows:
        if ("version" in row) != ("web_api" in row):
            yield "has an instance with half a version"
        if "version" not in row and "error" not in row:
            yield "has an instance that was neither read nor has an error"
        torrents = row.get("torrents", ())
        yield from (f"has the torrent {twice} twice" for twice in _find_twice(torrent["id"] for torrent in torrents))
        yield from ("has a category twice" for _ in _find_twice(item["name"] for item in row.get("categories", ())))
        identities = [*(task.get("file") for task in row.get("creator_tasks", ()))]
        identities += [export.get("file") for export in row.get("exports", ())]
        if any(identity is not None and not _has_infohash(identity) for identity in identities):
            yield "has a torrent without an infohash"


def _find_twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _has_infohash(row: IdentityRow) -> bool:
    return bool(row.get("v1") or row.get("v2"))


def _build_source(url: str, kind: str, row: IdentityRow) -> TorrentFile | Magnet | None:
    if not _has_infohash(row):
        return None
    infohashes = _build_infohashes(row)
    if kind == "magnet":
        return parse_magnet(build_magnet(infohashes, row.get("name", "")))
    return TorrentFile(url, infohashes, row.get("name", ""), row.get("length", 0), _refuse_read)


def _refuse_read() -> bytes:
    raise TorrentFileError("the snapshot does not have the .torrent file")


def _build_infohashes(row: Mapping[str, Any], torrent_id: str = "") -> InfoHashes:
    v1, v2 = row.get("v1") or None, row.get("v2") or None
    return InfoHashes(v1, v2) if v1 or v2 else InfoHashes(torrent_id)


def _build_facts(document: SnapshotDocument) -> PlacementFacts:
    members = document.get("members", {})
    pending = {
        (row["group"], row["infohash"]): PendingTorrent(
            row["infohash"], row["infohash"], row["group"], "", _NOWHERE, since=row["since"]
        )
        for row in document.get("pending", ())
    }
    if not (members or pending):
        return NO_PLACEMENT_FACTS
    return PlacementFacts(
        {name: Outage(**row["outage"]) for name, row in members.items() if "outage" in row},
        {name: frozenset(row["held_ids"]) for name, row in members.items() if "held_ids" in row},
        pending,
        {name: row["free_space"] for name, row in members.items() if "free_space" in row},
    )


class _Builder:
    """Builds instances for a desired state."""

    def __init__(self, desired: DesiredState, *, hashed_names: bool) -> None:
        self._desired = desired
        entries = desired.torrents
        self._urls = UrlFinder(url for entry in entries for url in (*entry.trackers, *entry.web_seeds))
        comments = (str(entry.options.get("comment") or "") for entry in entries)
        self._comments = {hash_text(comment): comment for comment in comments if comment}
        names = dict.fromkeys(name for entry in entries for name in _list_names(entry)) if hashed_names else ()
        self._names = {hash_name(name): name for name in names}

    def build_instance(self, row: InstanceRow) -> LiveInstance:
        """Return one instance."""
        health, owned = row.get("health"), row.get("owned")
        torrents = row.get("torrents", [])
        return LiveInstance(
            row["name"],
            self._find_url(row["name"], row["url_hash"]),
            self._build_snapshot(row) if "version" in row else None,
            row["status"],
            row.get("error"),
            Health(health["state"], health["since"], health["error"]) if health else None,
            OwnedCount(owned["count"], owned["read_at"]) if owned else None,
            frozenset(row.get("untagged", ())),
            {torrent["id"]: torrent["other_seeds"] for torrent in torrents if "other_seeds" in torrent},
            row.get("to_trash"),
        )

    def _find_url(self, name: str, url_hash: str) -> str:
        """Return the declared URL if it is the saved one; "" if this machine does not know the declared one."""
        instance = self._desired.instances.get(name)
        if instance is None or (urlsplit(instance.url).hostname or "").endswith(STAND_IN_DOMAIN):
            return ""
        return instance.url if hash_url(instance.url) == url_hash else url_hash

    def _build_snapshot(self, row: InstanceRow) -> Snapshot:
        return Snapshot(
            row["version"],
            row["web_api"],
            tuple(map(self._build_torrent, row.get("torrents", ()))),
            {item["name"]: _build_category(item) for item in row.get("categories", ())},
            row.get("libtorrent", ""),
            row.get("preferences", {}),
            tuple(map(self._build_task, row.get("creator_tasks", ()))),
            {export["id"]: self._build_export(export) for export in row.get("exports", ())},
            {export["id"]: _PEERS[export["peer"]] for export in row.get("exports", ()) if "peer" in export},
            row.get("default_save_path", ""),
            preference_names=frozenset(row.get("preference_names", ())),
        )

    def _build_torrent(self, row: SavedTorrent) -> LiveTorrent:
        files, shared = row.get("files"), row.get("shared")
        return LiveTorrent(
            row["id"],
            _build_infohashes(row, row["id"]),
            self._find_name(row["name"]),
            row.get("stopped", False),
            row["state"],
            row.get("category", ""),
            frozenset(row.get("tags", ())),
            row.get(SAVE_PATH, ""),
            row.get("auto_tmm", False),
            row.get("progress", 0.0),
            row.get("size", 0),
            "/".join(map(self._find_name, row.get("content_path", "").split("/"))),
            row.get("has_metadata", False),
            _build_options(row.get("options", {})),
            self._find_comment(row),
            self._build_links(row.get("trackers", ()), row.get("web_seeds", ())),
            None if files is None else tuple(LiveFile(item["index"], item["path"], item["priority"]) for item in files),
            row.get("stopped_before_check"),
            SharedAmount(**shared) if shared else None,
            row.get("is_metadata_overdue", False),
            row.get("added_on", 0),
        )

    def _find_name(self, name: str) -> str:
        return self._names.get(name, name)

    def _find_comment(self, row: SavedTorrent) -> str | None:
        if "comment_hash" in row:
            return self._comments.get(row["comment_hash"], f"(hidden: {row['comment_hash']})")
        return row.get("comment")

    def _build_links(self, trackers: Iterable[str], web_seeds: Iterable[str]) -> str:
        pairs = [*(("tr", url) for url in trackers), *(("ws", url) for url in web_seeds)]
        return "".join(f"&{key}={quote(self._urls.find(url), safe='')}" for key, url in pairs)

    def _build_task(self, row: SavedTask) -> CreatorTask:
        creation = CreationSpec(
            normalize_path(row["path"]),
            row["format"],
            row["piece_size"],
            row["private"],
            row["source"],
            self._comments.get(row["comment"], row["comment"]),
            tuple(map(self._urls.find, row["trackers"])),
            tuple(map(self._urls.find, row["web_seeds"])),
        )
        file: TorrentFile | TorrentFileError | None = None
        if "file" in row:
            file = self._build_file(row["path"], row["file"])
        elif "file_error" in row:
            file = TorrentFileError(row["file_error"])
        return CreatorTask(row["id"], creation, row["state"], row["progress"], row.get("error", ""), file)

    def _build_export(self, row: ExportRow) -> TorrentFile | TorrentFileError:
        if "file" in row:
            return self._build_file(row["id"], row["file"])
        return TorrentFileError(row.get("error", "it is not in the snapshot"))

    def _build_file(self, location: str, row: IdentityRow) -> TorrentFile:
        name = self._find_name(row.get("name", ""))
        return TorrentFile(location, _build_infohashes(row), name, row.get("length", 0), _refuse_read)


def _list_names(entry: DesiredTorrent) -> Iterator[str]:
    """Yield the names by which a server may know the torrent of an entry."""
    source_name = entry.source.name if entry.source else None
    yield from filter(None, (entry.name, source_name))
    if isinstance(entry.content, Content):
        yield from filter(None, entry.content.path.split("/"))


def _build_category(row: SavedCategory) -> LiveCategory:
    return LiveCategory(row["name"], row.get(SAVE_PATH, ""), row.get("limits", {}), row.get("download_path"))


@lru_cache(1024)
def _build_shared_options(items: tuple[tuple[str, Any], ...]) -> LiveOptions:
    """Return options. Instances are shared: thousands of torrents have few different options."""
    values = dict(items)
    share = {field: values[key] for key, field in _SHARE_KEYS.items() if key in values}
    return LiveOptions(**{key: values[key] for key in _OPTION_KEYS if key in values}, share=ShareLimits(**share))


def _build_options(row: OptionRow) -> LiveOptions:
    return _build_shared_options(tuple(row.items()))
