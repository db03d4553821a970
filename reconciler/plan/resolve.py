"""Resolve entries that are created from content, or refer to such content, to torrents.

An entry whose URL could not be fetched is not resolved: it may mean any torrent of ours on its instances.

Only the instances record which torrent was created, so an entry is identified by what is live:

| `content` on its instance                                        | the entry means                        |
|------------------------------------------------------------------|----------------------------------------|
| one torrent of ours has its content at that path                 | that torrent                           |
| several have                                                     | unknown; a person has to decide        |
| none, and a task has finished creating it                        | the torrent that the task created      |
| none of these                                                    | unknown: it has to be created          |

`content_of` means the torrent of its content, found by the first row only: it must exist to be copied.

An unknown entry blocks every deletion of a torrent that it may mean: see `could_be`.

See docs/decisions/0081-match-content-torrents-by-path.md.
See docs/decisions/0083-unresolved-content-blocks-deletions.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import field, replace
from urllib.parse import urlsplit

from reconciler.model.content import Content, ContentReference, CreatorTask, TaskState, select_tasks
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.position import Position
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import CONTENT_OF_TAG, CONTENT_TAG, build_owner_tag
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.plan.builds import uncreatable_reason
from reconciler.plan.match import match_entries


@dataclass(frozen=True, slots=True)
class UnresolvedEntry:
    """The reason why the torrent of an entry is unknown. `hold` None: it has to be created."""

    reason: str
    hold: Outcome | None = None


TO_BE_CREATED = UnresolvedEntry("not created yet")


@dataclass(frozen=True, slots=True)
class ResolvedDesired:
    """The desired state with every known torrent filled in; by position, the reasons for the others.

    `unavailable`: the torrent is known and cannot be added now. `tasks`: the task that creates, or has created, the
    torrent of an entry. `peers`: the address at which the torrent of an entry can be downloaded from its source
    instance.
    """

    desired: DesiredState
    unresolved: Mapping[Position, UnresolvedEntry] = field(default_factory=dict)
    unavailable: Mapping[Position, str] = field(default_factory=dict)
    tasks: Mapping[Position, CreatorTask] = field(default_factory=dict)
    peers: Mapping[Position, str] = field(default_factory=dict)


def resolve_entries(desired: DesiredState, snapshots: Mapping[str, Snapshot]) -> ResolvedDesired:
    """Find the torrents of all entries. `snapshots`: every instance that was read, whether it is planned or not."""
    if not desired.unknown_entries and all(entry.infohashes for entry in desired.entries_with_content):
        return ResolvedDesired(desired)
    return _Resolver(desired, snapshots).resolve()


def could_be(entry: DesiredTorrent, live: LiveTorrent) -> bool:
    """True if an unresolved entry may mean this torrent: it has the tag of its kind, or the name of the content.

    It may have been moved, or added in another way. Nothing at all is known of the torrent of a URL.
    """
    if entry.unknown_source:
        return True
    made = entry.content.content if isinstance(entry.content, ContentReference) else entry.content
    mark = CONTENT_TAG if isinstance(entry.content, Content) else CONTENT_OF_TAG
    names = {live.name, live.content_root.rpartition("/")[2]}
    return made is not None and (mark in live.tags or not names.isdisjoint({made.name, entry.name}))


def data_moved_reason(entry: DesiredTorrent, live: LiveTorrent) -> str | None:
    """Return why the torrent of a content entry cannot be managed: its data is at another path."""
    content = entry.content
    if not isinstance(content, Content) or normalize_data_path(live.content_root) == normalize_data_path(content.path):
        return None
    return (
        f"the torrent that it creates exists already, with its data at {live.content_root or 'no place'}; "
        "declare that path, or remove that torrent in qBittorrent"
    )


def data_damaged_reason(entry: DesiredTorrent, live: LiveTorrent) -> str | None:
    """Return a warning if the data has changed since the torrent was created. It is never created again unasked."""
    if not isinstance(entry.content, Content):
        return None
    whole = live.progress >= 1 and not live.has_missing_files
    if whole or live.is_moving or live.state.startswith("checking"):
        return None
    share = "its files are missing" if live.has_missing_files else f"{live.progress:.1%} of it is as it was"
    return (
        f"its content is no longer what the torrent was made from: {share}. Bring it back and recheck; "
        "or, for a torrent of what it is now, remove this one in qBittorrent (the new infohash will be another)"
    )


class _Resolver:
    def __init__(self, desired: DesiredState, snapshots: Mapping[str, Snapshot]) -> None:
        self._desired = desired
        self._snapshots = snapshots
        self._unresolved: dict[Position, UnresolvedEntry] = {}
        self._unavailable: dict[Position, str] = {}
        self._tasks: dict[Position, CreatorTask] = {}
        self._peers: dict[Position, str] = {}
        self._torrents_by_path = {name: _index_by_path(desired, name, snapshot) for name, snapshot in snapshots.items()}

    def resolve(self) -> ResolvedDesired:
        torrents = tuple(entry if entry.infohashes else self._resolve_entry(entry) for entry in self._desired.torrents)
        desired = replace(self._desired, torrents=torrents)
        return ResolvedDesired(desired, self._unresolved, self._unavailable, self._tasks, self._peers)

    def _resolve_entry(self, entry: DesiredTorrent) -> DesiredTorrent:
        if entry.unknown_source:
            self._unresolved[entry.position] = UnresolvedEntry(entry.unknown_source.reason, Outcome.BLOCKED)
            return entry
        if isinstance(entry.content, Content):
            return self._resolve_content(entry, entry.content) if entry.instance in self._snapshots else entry
        return self._resolve_content_of(entry, entry.content) if entry.content else entry

    def _resolve_content(self, entry: DesiredTorrent, content: Content) -> DesiredTorrent:
        live_torrents = self._torrents_by_path[entry.instance].get(normalize_data_path(content.path), [])
        task = None
        if not uncreatable_reason(content, self._snapshots[entry.instance]):
            task = self._find_task(entry)
        if task:
            self._tasks[entry.position] = task
        if len(live_torrents) == 1:
            return replace(entry, infohashes=live_torrents[0].infohashes)
        if live_torrents:
            ids = " and ".join(sorted(live.id for live in live_torrents))
            count = f"{len(live_torrents)} torrents of ours have their content there"
            reason = f"{count}, {ids}; remove all but one in qBittorrent"
            self._unresolved[entry.position] = UnresolvedEntry(reason, Outcome.BLOCKED)
        elif task and isinstance(task.file, TorrentFile):
            return replace(entry, infohashes=task.file.infohashes, source=task.file)
        elif task and isinstance(task.file, TorrentFileError):
            self._unresolved[entry.position] = UnresolvedEntry(
                f"what was made from it cannot be used: {task.file}", Outcome.BLOCKED
            )
        elif task:
            self._unresolved[entry.position] = UnresolvedEntry(task.progress_text, Outcome.DEFERRED)
        else:
            self._unresolved[entry.position] = TO_BE_CREATED
        return entry

    def _find_task(self, entry: DesiredTorrent) -> CreatorTask | None:
        """Return the task that creates the torrent; of several, the most advanced."""
        creation = entry.creation
        tasks = select_tasks([creation] if creation else [], self._snapshots[entry.instance].creator_tasks)
        usable_tasks = [task for task in tasks if task.file or task.state in (TaskState.QUEUED, TaskState.RUNNING)]
        return max(
            usable_tasks, key=lambda task: (task.state is TaskState.FINISHED, task.progress, task.id), default=None
        )

    def _resolve_content_of(self, entry: DesiredTorrent, content_of: ContentReference) -> DesiredTorrent:
        source_snapshot = self._snapshots.get(content_of.instance)
        if source_snapshot is None:
            reason = (
                f'"{content_of.name}" is made on {content_of.instance}, which was not read: '
                "which torrent it is cannot be known now"
            )
            self._unresolved[entry.position] = UnresolvedEntry(reason, Outcome.DEFERRED)
            return entry
        live_torrents = self._torrents_by_path[content_of.instance].get(
            normalize_data_path(content_of.content.path), []
        )
        if len(live_torrents) != 1:
            reason = f"{content_of.instance} has {len(live_torrents)} torrents with the content of"
            reason = (
                f'{reason} "{content_of.name}"'
                if live_torrents
                else f'"{content_of.name}" is not there on {content_of.instance} yet; a later run adds it'
            )
            self._unresolved[entry.position] = UnresolvedEntry(reason, Outcome.DEFERRED)
            return entry
        (live,) = live_torrents
        file = source_snapshot.exported_files.get(live.id)
        if not isinstance(file, TorrentFile):
            reason = f": {file}" if file else ""
            self._unavailable[entry.position] = (
                f"its .torrent file could not be read from {content_of.instance}{reason}"
            )
        peer = source_snapshot.peer_addresses.get(live.id)
        if peer and (not is_local(peer) or is_local(urlsplit(self._desired.instances[entry.instance].url).netloc)):
            self._peers[entry.position] = peer
        return replace(entry, infohashes=live.infohashes, source=file if isinstance(file, TorrentFile) else None)


def _index_by_path(desired: DesiredState, instance: str, snapshot: Snapshot) -> Mapping[str, list[LiveTorrent]]:
    """Return our torrents that no entry names by infohash, by content path, as far as content is declared."""
    entries = [
        entry for entry in desired.torrents if entry.instance == instance or _has_source_instance(entry, instance)
    ]
    wanted = {normalize_data_path(made.path) for entry in entries if (made := _find_content(entry))}
    if not wanted:
        return {}
    named_entries = [entry for entry in desired.torrents if entry.instance == instance and entry.infohashes]
    named_ids = {live.id for match in match_entries(named_entries, snapshot.torrents) for live in match.live_torrents}
    owner_tag, torrents_by_path = build_owner_tag(desired.owner), defaultdict[str, list[LiveTorrent]](list)
    for live in snapshot.torrents:
        if (
            owner_tag in live.tags
            and live.id not in named_ids
            and (path := normalize_data_path(live.content_root)) in wanted
        ):
            torrents_by_path[path].append(live)
    return torrents_by_path


def is_local(address: str) -> bool:
    """True if `host:port` means a different machine wherever it is read."""
    return address.startswith(("127.", "localhost", "[::1]"))


def _has_source_instance(entry: DesiredTorrent, instance: str) -> bool:
    return isinstance(entry.content, ContentReference) and entry.content.instance == instance


def _find_content(entry: DesiredTorrent) -> Content | None:
    return entry.content.content if isinstance(entry.content, ContentReference) else entry.content
