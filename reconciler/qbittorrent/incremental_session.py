"""A session that reads cheaply: it keeps a copy of the instance and follows it by the deltas of sync/maindata."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model.content import CreationSpec
from reconciler.model.desired import Instance
from reconciler.model.files import Priority
from reconciler.model.paths import normalize_path
from reconciler.model.snapshot import AddOptions, Snapshot
from reconciler.model.versions import INCREMENTAL_SYNC
from reconciler.qbittorrent.convert import is_stop_intent_hidden
from reconciler.qbittorrent.deltas import (
    NotADelta,
    TorrentsById,
    apply_delta,
    can_be_rekeyed,
    check_continues,
    convert_full_reply,
    filter_delta,
    is_equivalent,
    keep_known_files,
    replace_torrents,
    set_stop_intent,
)
from reconciler.qbittorrent.schemas import MainData
from reconciler.qbittorrent.session import Session, needs_files
from reconciler.qbittorrent.transfers import TransferStats

FULL_READ_INTERVAL = 15 * 60.0  # seconds between full reads, whatever the deltas say
MISMATCH_TIMEOUT = 30.0  # seconds in which the two ways of reading have to agree, or it is said


@dataclass(frozen=True, slots=True)
class _SyncState:
    """The instance as it was at the last read.

    Deltas tell what changed against the view that the server keeps for the session, so where that view is not what a
    full read shows, a change could go untold. `mismatches` are the torrents of which it was so, as that view has them:
    they are read again until both agree. `has_category_mismatch`: likewise, but until the next full read.
    """

    snapshot: Snapshot
    torrents: TorrentsById  # those of the snapshot, by id
    full_read_at: float
    open_count: int  # which session it belongs to
    rid: int = 0  # the last reply of sync/maindata; 0: there is none to go on from
    mismatches: TorrentsById = field(default_factory=dict)
    has_category_mismatch: bool = False


class IncrementalSession(Session):
    """A session for a loop: all that `Session` does, with a `read_snapshot` that costs one request where nothing changed.

    From qBittorrent 4.6 on it takes deltas. It reads in full, by `Session.read_snapshot`, at first, after a read that
    failed, after a new login or a restart of the server, every 15 minutes, and when asked to; a full read must
    precede every deletion. Before 4.6 every read is full, and with an API key: its session cannot be ended.

    The server (5.1 and 5.3, at least) breaks down when a session asks for a delta after a torrent got another id with
    its metadata (a hybrid one that was added by its v1 hash alone). So each full read begins a new session, torrents
    that wait for metadata are looked at before each delta, and what we start without metadata ends the deltas.

    A rename by others shows with the server's next refresh (1.5 s), like stop and start. A category's `extra` may be
    as old as the last full read: `categories()` asks the server.

    `now` is a monotonic clock. `tell` is given what a log should say.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        stop: threading.Event | None = None,
        transfer_stats: TransferStats | None = None,
        now: Callable[[], float] = time.monotonic,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        super().__init__(instance, stop=stop, transfer_stats=transfer_stats)
        self._now = now
        self._warn = warn
        self._state: _SyncState | None = None
        self._has_full_snapshot = False
        self._polled_session = 0  # the last session in which maindata was asked for

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Every torrent and category: the very same object as the last time where nothing in it has changed.

        One request; one more for each of: declared preferences, declared content, torrents whose state hides the stop
        intent, torrents that wait for metadata, categories that changed, torrents of which the last full read was in
        doubt.

        No delta tells of priorities of files. They are read with a full read, and where what is selected has changed.
        """
        return self._read_state(files_of, creations, full=False)

    def _read_state(self, files_of: Collection[str], creations: Collection[CreationSpec], full: bool) -> Snapshot:
        copy, self._state = self._state, None  # whatever fails on the way, the copy is not gone on from
        on = copy if copy and not full and self._can_continue(copy) else None
        self._state = self._read_delta(on, files_of) if on else self._read_full(copy, files_of)
        self._has_full_snapshot = on is None or self._state.full_read_at > on.full_read_at
        tasks = self._read_tasks_for(creations)
        if tasks != self._state.snapshot.creator_tasks:
            self._state = replace(self._state, snapshot=replace(self._state.snapshot, creator_tasks=tasks))
        return self._state.snapshot

    @property
    def has_full_snapshot(self) -> bool:
        """Was the last snapshot a full read, that depends on nothing read before?"""
        return self._has_full_snapshot

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """A full read, which depends on nothing that was read before."""
        return self._read_state(files_of, creations, full=True)

    def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links, as `Session.add`."""
        if not options.stopped:
            self._state = None  # their metadata may come before the next look
        super().add_magnets(magnets, options)

    def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files, as `Session.upload`."""
        self._state = None  # one gives its metadata, and perhaps another id, to a torrent that waited for it
        super().add_torrent_files(files, options)

    def start_torrents(self, ids: Collection[str]) -> None:
        """Start (resume), as `Session.start`."""
        if self._state and any(
            key not in self._state.torrents or can_be_rekeyed(self._state.torrents[key]) for key in ids
        ):
            self._state = None
        super().start_torrents(ids)

    def set_file_priority(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Give files a priority, as `Session.prioritize`."""
        self._state = None  # deltas would not tell of it
        super().set_file_priority(torrent_id, indexes, priority)

    def _can_continue(self, copy: _SyncState) -> bool:
        fresh = self._now() - copy.full_read_at < FULL_READ_INTERVAL
        return fresh and copy.rid > 0 and copy.open_count == self._connection.open_count

    def _read_delta(self, copy: _SyncState, files_of: Collection[str]) -> _SyncState:
        """The copy after the changes since the last read."""
        if not self._is_delta_safe(copy):
            return self._read_full(copy, files_of)
        reply = self._read_main_data(copy.rid)
        try:
            check_continues(reply, copy.rid)
            torrents, doubts = (
                apply_delta(copy.torrents, reply),
                apply_delta(copy.mismatches, filter_delta(reply, copy.mismatches)),
            )
        except NotADelta:
            # where no login is needed, a full reply may be the only sign of a restart, as another version perhaps
            in_new_session = copy.open_count != self._connection.open_count
            return self._read_full(copy, files_of, reply if in_new_session else None)
        if doubts:
            seen = {live.id: keep_known_files(torrents.get(live.id, live), live) for live in self.read_torrents(doubts)}
            torrents = replace_torrents(torrents, seen.values())
            doubts = {
                key: view for key, view in doubts.items() if key not in seen or not is_equivalent(view, seen[key])
            }
        hidden = [key for key, torrent in torrents.items() if is_stop_intent_hidden(torrent.state)]
        torrents = set_stop_intent(torrents, hidden, self._find_stopped(hidden))
        if files_of and (lacking := [live for live in torrents.values() if needs_files(live, files_of)]):
            torrents = replace_torrents(torrents, self._read_missing_files(lacking, files_of))
        snapshot = copy.snapshot
        if copy.has_category_mismatch or "categories" in reply or "categories_removed" in reply:
            categories = self.read_categories()
            if categories != snapshot.categories:
                snapshot = replace(snapshot, categories=categories)
        preferences = self._read_declared_preferences()
        if preferences != snapshot.preferences:
            snapshot = replace(snapshot, preferences=preferences)
        if torrents is not copy.torrents:
            snapshot = replace(snapshot, torrents=tuple(torrents.values()))
        return replace(copy, snapshot=snapshot, torrents=torrents, rid=reply["rid"], mismatches=doubts)

    def _is_delta_safe(self, copy: _SyncState) -> bool:
        """Do all torrents that wait for metadata still have the ids that they had?"""
        waiting = [key for key, torrent in copy.torrents.items() if not torrent.stopped and can_be_rekeyed(torrent)]
        return not waiting or len(self._read_rows(waiting)) == len(waiting)

    def _read_full(
        self, previous: _SyncState | None, files_of: Collection[str], reply: MainData | None = None
    ) -> _SyncState:
        """A copy that depends on nothing that was read before.

        The `reply` of maindata that deltas will follow comes first, so that no change between the two is missed.
        """
        now = self._now()
        if previous and previous.mismatches and now - previous.full_read_at > MISMATCH_TIMEOUT:
            self._warn(
                f"{self._instance.name}: sync/maindata and torrents/info have not agreed on {len(previous.mismatches)} "
                "torrents; the latter is believed"
            )
        if reply is None and INCREMENTAL_SYNC.is_available(self.api_version) and self._instance.api_key is None:
            if self._polled_session == self._connection.open_count:
                self._reopen()
            reply = self._read_main_data(0)
        opened = self._connection.open_count
        snapshot = super().read_snapshot(files_of)
        torrents: TorrentsById = {torrent.id: torrent for torrent in snapshot.torrents}
        if (
            previous
            and torrents == previous.torrents
            and _without_torrents(snapshot) == _without_torrents(previous.snapshot)
        ):
            snapshot, torrents = previous.snapshot, previous.torrents
        copy = _SyncState(snapshot, torrents, now, opened)
        return self._prepare_deltas(copy, reply) if reply else copy

    def _prepare_deltas(self, copy: _SyncState, reply: MainData) -> _SyncState:
        """The copy with where its deltas begin, and what must be read again until the two ways of reading agree."""
        torrents = copy.torrents
        try:
            told = convert_full_reply(reply)
        except NotADelta:
            self._warn(f"{self._instance.name}: sync/maindata is not as expected; every read will be a full one")
            return copy
        doubts = {
            key: view for key, view in told.items() if key not in torrents or not is_equivalent(view, torrents[key])
        }
        paths = {name: normalize_path(row.get("savePath", "")) for name, row in reply.get("categories", {}).items()}
        known = {name: category.save_path for name, category in copy.snapshot.categories.items()}
        return replace(copy, rid=reply["rid"], mismatches=doubts, has_category_mismatch=paths != known)

    def _read_main_data(self, rid: int) -> MainData:
        try:
            return self._connection.call("sync/maindata", lambda client: client.read_main_data(rid))
        finally:
            self._polled_session = self._connection.open_count

    def _reopen(self) -> None:
        """End the session on the server, with all that it keeps for it, and log in again."""
        self.close()
        self.open()


def _without_torrents(snapshot: Snapshot) -> Snapshot:
    """All of a snapshot but its torrents, whose order means nothing."""
    return replace(snapshot, torrents=())
