"""Which torrents the entries mean that are made from content, or that are what such content became.

Nothing but the instances knows which torrent was made, so an entry is recognised by what is live:

| `read_bytes` on its instance                                        | it is                                  |
|------------------------------------------------------------------|----------------------------------------|
| one torrent of ours has its content at that path                 | that torrent                           |
| several have                                                     | unknown; a person has to settle it     |
| none, and a task has finished making it                          | what the task made                     |
| none of these                                                    | unknown: it is to be made              |

`content_of` is what the torrent of its content is, found in the first way alone: only what is there can be had.

An entry that is unknown holds back every deletion of what it may mean: see `could_be`.

See docs/decisions/0081-match-content-torrents-by-path.md.
See docs/decisions/0083-unresolved-content-blocks-deletions.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from reconciler.model.content import Content, ContentReference, CreatorTask, TaskState, select_tasks
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.plan import Outcome
from reconciler.model.position import Position
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import CONTENT_OF_TAG, CONTENT_TAG, build_owner_tag
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.plan.match import index_live_torrents, match_entries


@dataclass(frozen=True, slots=True)
class UnresolvedEntry:
    """Why it is not known which torrent an entry means; `hold` None: because it is to be made."""

    reason: str
    hold: Outcome | None = None


TO_BE_CREATED = UnresolvedEntry("not made yet")


@dataclass(frozen=True, slots=True)
class ResolvedDesired:
    """The desired state with every torrent in it that is known, and by their places why others are not.

    `unavailable`: what is known and cannot be added for now. `creator_tasks`: those that make, or have made, an entry's torrent.
    `peer_addresses`: at which address an entry's torrent can be had from the instance that lends it.
    """

    desired: DesiredState
    unresolved: Mapping[Position, UnresolvedEntry] = field(default_factory=dict)
    unavailable: Mapping[Position, str] = field(default_factory=dict)
    tasks: Mapping[Position, CreatorTask] = field(default_factory=dict)
    peers: Mapping[Position, str] = field(default_factory=dict)


def resolve_entries(desired: DesiredState, snapshots: Mapping[str, Snapshot]) -> ResolvedDesired:
    """Find out which torrents are meant. `snapshots`: of every instance that was read, whether it is planned or not."""
    if all(entry.infohashes for entry in desired.entries_with_content):
        return ResolvedDesired(desired)
    return _Resolver(desired, snapshots).resolve()


def could_be(entry: DesiredTorrent, live: LiveTorrent) -> bool:
    """May the entry, of which it is not known what it means, mean this torrent?

    It bears the mark of its kind, or is called as the content is: it may have been moved, or come there otherwise.
    """
    made = entry.content.content if isinstance(entry.content, ContentReference) else entry.content
    mark = CONTENT_TAG if isinstance(entry.content, Content) else CONTENT_OF_TAG
    names = {live.name, live.content_path.rpartition("/")[2]}
    return made is not None and (mark in live.tags or not names.isdisjoint({made.name, entry.name}))


def data_moved_reason(entry: DesiredTorrent, live: LiveTorrent) -> str | None:
    """Why the very torrent that content made is not the one that is wanted: its data is somewhere else."""
    content = entry.content
    if not isinstance(content, Content) or normalize_data_path(live.content_path) == normalize_data_path(content.path):
        return None
    return (
        f"the very torrent that it makes is there already, with its data at {live.content_path or 'no place'}; "
        "declare that path, or remove that torrent in qBittorrent"
    )


def data_damaged_reason(entry: DesiredTorrent, live: LiveTorrent) -> str | None:
    """What to say where the data is no longer what the torrent was made from. It is never made anew unasked."""
    whole = live.progress >= 1 and not live.has_missing_files
    if not isinstance(entry.content, Content) or whole or live.is_moving or live.state.startswith("checking"):
        return None
    share = "its files are missing" if live.has_missing_files else f"{live.progress:.1%} of it is as it was"
    return (
        f"its content is no longer what the torrent was made from: {share}. Bring it back and recheck; "
        "or, for a torrent of what it is now, remove this one in qBittorrent (the new infohash will be another)"
    )


def list_wanted_exports(resolved: ResolvedDesired, snapshots: Mapping[str, Snapshot]) -> Mapping[str, Sequence[str]]:
    """By instance, the torrents whose .torrent files are needed to add them elsewhere."""
    wanted: defaultdict[str, dict[str, None]] = defaultdict(dict)
    indexes = {name: index_live_torrents(snapshot.torrents) for name, snapshot in snapshots.items()}
    for entry in resolved.desired.entries_with_content:
        of, there = entry.content, indexes.get(entry.instance)
        if not isinstance(of, ContentReference) or there is None or entry.absent or not entry.infohashes:
            continue
        if there.keys().isdisjoint(entry.ids):
            lender = indexes[of.instance]  # it is known from there
            wanted[of.instance] |= {lender[key].id: None for key in entry.ids if key in lender}
    return {name: tuple(ids) for name, ids in wanted.items()}


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
        if isinstance(entry.content, Content):
            return self._resolve_content(entry, entry.content) if entry.instance in self._snapshots else entry
        return self._resolve_content_of(entry, entry.content) if entry.content else entry

    def _resolve_content(self, entry: DesiredTorrent, content: Content) -> DesiredTorrent:
        lives = self._torrents_by_path[entry.instance].get(normalize_data_path(content.path), [])
        task = self._find_task(entry)
        if task:
            self._tasks[entry.position] = task
        if len(lives) == 1:
            return replace(entry, infohashes=lives[0].infohashes)
        if lives:
            ids = " and ".join(sorted(live.id for live in lives))
            reason = f"{len(lives)} torrents of ours have their content there, {ids}; remove all but one in qBittorrent"
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
        """The task that makes it; of several the one that is furthest."""
        creation = entry.creation
        tasks = select_tasks([creation] if creation else [], self._snapshots[entry.instance].creator_tasks)
        found = [task for task in tasks if task.file or task.state in (TaskState.QUEUED, TaskState.RUNNING)]
        return max(found, key=lambda task: (task.state is TaskState.FINISHED, task.progress, task.id), default=None)

    def _resolve_content_of(self, entry: DesiredTorrent, content_of: ContentReference) -> DesiredTorrent:
        lender = self._snapshots.get(content_of.instance)
        if lender is None:
            why = f'"{content_of.name}" is made on {content_of.instance}, which was not read: which torrent it is cannot be known now'
            self._unresolved[entry.position] = UnresolvedEntry(why, Outcome.DEFERRED)
            return entry
        lives = self._torrents_by_path[content_of.instance].get(normalize_data_path(content_of.content.path), [])
        if len(lives) != 1:
            why = f"{content_of.instance} has {len(lives)} torrents with the content of"
            why = (
                f'{why} "{content_of.name}"'
                if lives
                else f'"{content_of.name}" is not there on {content_of.instance} yet; a later run adds it'
            )
            self._unresolved[entry.position] = UnresolvedEntry(why, Outcome.DEFERRED)
            return entry
        (live,) = lives
        file = lender.exported_files.get(live.id)
        if not isinstance(file, TorrentFile):
            why = f": {file}" if file else ""
            self._unavailable[entry.position] = f"its .torrent file could not be had from {content_of.instance}{why}"
        peer = lender.peer_addresses.get(live.id)
        if peer and (not is_local(peer) or is_local(urlsplit(self._desired.instances[entry.instance].url).netloc)):
            self._peers[entry.position] = peer
        return replace(entry, infohashes=live.infohashes, source=file if isinstance(file, TorrentFile) else None)


def _index_by_path(desired: DesiredState, instance: str, snapshot: Snapshot) -> Mapping[str, list[LiveTorrent]]:
    """Our torrents that no entry means by its infohash, by where their content is, as far as content is declared."""
    entries = [
        entry for entry in desired.torrents if entry.instance == instance or _has_source_instance(entry, instance)
    ]
    wanted = {normalize_data_path(made.path) for entry in entries if (made := _find_content(entry))}
    if not wanted:
        return {}
    known = [entry for entry in desired.torrents if entry.instance == instance and entry.infohashes]
    meant = {live.id for found in match_entries(known, snapshot.torrents) for live in found.live_torrents}
    ours, found_at = build_owner_tag(desired.owner), defaultdict[str, list[LiveTorrent]](list)
    for live in snapshot.torrents:
        if ours in live.tags and live.id not in meant and (place := normalize_data_path(live.content_path)) in wanted:
            found_at[place].append(live)
    return found_at


def is_local(address: str) -> bool:
    """Does `host:port` mean whichever machine it is read on?"""
    return address.startswith(("127.", "localhost", "[::1]"))


def _has_source_instance(entry: DesiredTorrent, instance: str) -> bool:
    return isinstance(entry.content, ContentReference) and entry.content.instance == instance


def _find_content(entry: DesiredTorrent) -> Content | None:
    return entry.content.content if isinstance(entry.content, ContentReference) else entry.content
