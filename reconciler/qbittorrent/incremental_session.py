"""A session that reads cheaply: it keeps a copy of the instance and follows it by the deltas of sync/maindata."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model.content import Creation
from reconciler.model.desired import Instance
from reconciler.model.files import Priority
from reconciler.model.paths import normal_path
from reconciler.model.snapshot import AddOptions, Snapshot
from reconciler.qbittorrent.convert import hides_intent
from reconciler.qbittorrent.deltas import (
    NotADelta,
    Torrents,
    about,
    alike,
    check_continues,
    everything,
    may_be_rekeyed,
    merged,
    updated,
    with_files_of,
    with_intent,
)
from reconciler.qbittorrent.schemas import MainData
from reconciler.qbittorrent.session import Session, lacks_files
from reconciler.qbittorrent.transfers import Gauge

FULL_EVERY = 15 * 60.0  # seconds between full reads, whatever the deltas say
DOUBT = 30.0  # seconds in which the two ways of reading have to agree, or it is said


@dataclass(frozen=True, slots=True)
class _Copy:
    """The instance as it was at the last read.

    Deltas tell what changed against the view that the server keeps for the session, so where that view is not what a
    full read shows, a change could go untold. `doubts` are the torrents of which it was so, as that view has them:
    they are read again until both agree. `doubtful_categories`: likewise, but until the next full read.
    """

    snapshot: Snapshot
    torrents: Torrents  # those of the snapshot, by id
    full_at: float
    opened: int  # which session it belongs to
    rid: int = 0  # the last reply of sync/maindata; 0: there is none to go on from
    doubts: Torrents = field(default_factory=dict)
    doubtful_categories: bool = False


class Mirror(Session):
    """A session for a loop: all that `Session` does, with a `snapshot` that costs one request where nothing changed.

    From qBittorrent 4.6 on it takes deltas. It reads in full, by `Session.snapshot`, at first, after a read that
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
        gauge: Gauge | None = None,
        now: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        super().__init__(instance, stop=stop, gauge=gauge)
        self._now = now
        self._tell = tell
        self._copy: _Copy | None = None
        self._fresh = False
        self._polled = 0  # the last session in which maindata was asked for

    def snapshot(self, files_of: Collection[str] = (), content: Collection[Creation] = ()) -> Snapshot:
        """Every torrent and category: the very same object as the last time where nothing in it has changed.

        One request; one more for each of: declared preferences, declared content, torrents whose state hides the stop
        intent, torrents that wait for metadata, categories that changed, torrents of which the last full read was in
        doubt.

        No delta tells of priorities of files. They are read with a full read, and where what is selected has changed.
        """
        return self._read(files_of, content, full=False)

    def _read(self, files_of: Collection[str], content: Collection[Creation], full: bool) -> Snapshot:
        copy, self._copy = self._copy, None  # whatever fails on the way, the copy is not gone on from
        on = copy if copy and not full and self._can_go_on(copy) else None
        self._copy = self._next(on, files_of) if on else self._full(copy, files_of)
        self._fresh = on is None or self._copy.full_at > on.full_at
        tasks = self._tasks_for(content)
        if tasks != self._copy.snapshot.tasks:
            self._copy = replace(self._copy, snapshot=replace(self._copy.snapshot, tasks=tasks))
        return self._copy.snapshot

    @property
    def fresh(self) -> bool:
        """Was the last snapshot a full read, that depends on nothing read before?"""
        return self._fresh

    def refresh(self, files_of: Collection[str] = (), content: Collection[Creation] = ()) -> Snapshot:
        """A full read, which depends on nothing that was read before."""
        return self._read(files_of, content, full=True)

    def add(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links, as `Session.add`."""
        if not options.stopped:
            self._copy = None  # their metadata may come before the next look
        super().add(magnets, options)

    def upload(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files, as `Session.upload`."""
        self._copy = None  # one gives its metadata, and perhaps another id, to a torrent that waited for it
        super().upload(files, options)

    def start(self, ids: Collection[str]) -> None:
        """Start (resume), as `Session.start`."""
        if self._copy and any(
            key not in self._copy.torrents or may_be_rekeyed(self._copy.torrents[key]) for key in ids
        ):
            self._copy = None
        super().start(ids)

    def prioritize(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Give files a priority, as `Session.prioritize`."""
        self._copy = None  # deltas would not tell of it
        super().prioritize(torrent_id, indexes, priority)

    def _can_go_on(self, copy: _Copy) -> bool:
        fresh = self._now() - copy.full_at < FULL_EVERY
        return fresh and copy.rid > 0 and copy.opened == self._connection.opened

    def _next(self, copy: _Copy, files_of: Collection[str]) -> _Copy:
        """The copy after the changes since the last read."""
        if not self._is_safe(copy):
            return self._full(copy, files_of)
        reply = self._main_data(copy.rid)
        try:
            check_continues(reply, copy.rid)
            torrents, doubts = merged(copy.torrents, reply), merged(copy.doubts, about(reply, copy.doubts))
        except NotADelta:
            # where no login is needed, a full reply may be the only sign of a restart, as another version perhaps
            in_new_session = copy.opened != self._connection.opened
            return self._full(copy, files_of, reply if in_new_session else None)
        if doubts:
            seen = {live.id: with_files_of(torrents.get(live.id, live), live) for live in self.read(doubts)}
            torrents = updated(torrents, seen.values())
            doubts = {key: view for key, view in doubts.items() if key not in seen or not alike(view, seen[key])}
        hidden = [key for key, torrent in torrents.items() if hides_intent(torrent.state)]
        torrents = with_intent(torrents, hidden, self._stopped_among(hidden))
        if files_of and (lacking := [live for live in torrents.values() if lacks_files(live, files_of)]):
            torrents = updated(torrents, self._with_files(lacking, files_of))
        snapshot = copy.snapshot
        if copy.doubtful_categories or "categories" in reply or "categories_removed" in reply:
            categories = self.categories()
            if categories != snapshot.categories:
                snapshot = replace(snapshot, categories=categories)
        preferences = self._declared_preferences()
        if preferences != snapshot.preferences:
            snapshot = replace(snapshot, preferences=preferences)
        if torrents is not copy.torrents:
            snapshot = replace(snapshot, torrents=tuple(torrents.values()))
        return replace(copy, snapshot=snapshot, torrents=torrents, rid=reply["rid"], doubts=doubts)

    def _is_safe(self, copy: _Copy) -> bool:
        """Do all torrents that wait for metadata still have the ids that they had?"""
        waiting = [key for key, torrent in copy.torrents.items() if not torrent.stopped and may_be_rekeyed(torrent)]
        return not waiting or len(self._rows(waiting)) == len(waiting)

    def _full(self, before: _Copy | None, files_of: Collection[str], reply: MainData | None = None) -> _Copy:
        """A copy that depends on nothing that was read before.

        The `reply` of maindata that deltas will follow comes first, so that no change between the two is missed.
        """
        now = self._now()
        if before and before.doubts and now - before.full_at > DOUBT:
            self._tell(
                f"{self._instance.name}: sync/maindata and torrents/info have not agreed on {len(before.doubts)} "
                "torrents; the latter is believed"
            )
        if reply is None and self._connection.capabilities.incremental and self._instance.api_key is None:
            if self._polled == self._connection.opened:
                self._open_anew()
            reply = self._main_data(0)
        opened = self._connection.opened
        snapshot = super().snapshot(files_of)
        torrents: Torrents = {torrent.id: torrent for torrent in snapshot.torrents}
        if before and torrents == before.torrents and _rest(snapshot) == _rest(before.snapshot):
            snapshot, torrents = before.snapshot, before.torrents
        copy = _Copy(snapshot, torrents, now, opened)
        return self._followed_by(copy, reply) if reply else copy

    def _followed_by(self, copy: _Copy, reply: MainData) -> _Copy:
        """The copy with where its deltas begin, and what must be read again until the two ways of reading agree."""
        torrents = copy.torrents
        try:
            told = everything(reply)
        except NotADelta:
            self._tell(f"{self._instance.name}: sync/maindata is not as expected; every read will be a full one")
            return copy
        doubts = {key: view for key, view in told.items() if key not in torrents or not alike(view, torrents[key])}
        paths = {name: normal_path(row.get("savePath", "")) for name, row in reply.get("categories", {}).items()}
        known = {name: category.save_path for name, category in copy.snapshot.categories.items()}
        return replace(copy, rid=reply["rid"], doubts=doubts, doubtful_categories=paths != known)

    def _main_data(self, rid: int) -> MainData:
        try:
            return self._connection.call("sync/maindata", lambda client: client.main_data(rid))
        finally:
            self._polled = self._connection.opened

    def _open_anew(self) -> None:
        """End the session on the server, with all that it keeps for it, and log in again."""
        self.close()
        self.open()


def _rest(snapshot: Snapshot) -> Snapshot:
    """All of a snapshot but its torrents, whose order means nothing."""
    return replace(snapshot, torrents=())
