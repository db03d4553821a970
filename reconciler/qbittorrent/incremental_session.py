"""A session for a loop: it keeps a copy of the instance and updates it from the deltas of sync/maindata.

See docs/decisions/0010-follow-deltas-and-verify-with-full-reads.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from reconciler.model.content import CreationSpec
from reconciler.model.desired import Instance
from reconciler.model.files import Priority
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.paths import normalize_path
from reconciler.model.snapshot import AddOptions, Snapshot
from reconciler.qbittorrent.convert import STOPPED_UPLOAD_STATES, is_stop_intent_hidden
from reconciler.qbittorrent.delta_risks import DeltaRisks
from reconciler.qbittorrent.deltas import (
    NotADelta,
    SyncReply,
    TorrentsById,
    apply_delta,
    can_be_rekeyed,
    convert_full_reply,
    filter_delta,
    is_equivalent,
    keep_known_details,
    keep_known_stop_intent,
    read_sync_reply,
    replace_torrents,
    set_stop_intent,
)
from reconciler.qbittorrent.logins import LoginMemory
from reconciler.qbittorrent.main_data_polls import FULL_READ_INTERVAL, MainDataPolls
from reconciler.qbittorrent.session import Session, is_missing_files
from reconciler.qbittorrent.transfers import TransferStats

MISMATCH_TIMEOUT = 30.0  # seconds after which a lasting disagreement of the two reads is logged
_CATEGORY_KEYS = ("categories", "categories_removed")  # of a delta


@dataclass(frozen=True)
class _SyncState:
    """The instance as it was at the last read.

    A delta contains what changed in the view that the server keeps for the session. Where this view differs from a full
    read, a change could be missed. `mismatches` are the torrents whose view differs, as the view has them: they are
    read again until both agree. `has_category_mismatch`: the same for categories, until the next full read.
    `login`: the number of the login after which the full read was sent.
    """

    snapshot: Snapshot
    torrents: TorrentsById  # of the snapshot
    full_read_at: float
    login: int
    mismatches: TorrentsById = field(default_factory=dict)
    has_category_mismatch: bool = False

    @cached_property
    def waiting_ids(self) -> list[str]:
        """The running torrents whose metadata may give them another id. Cached, because most cycles change nothing."""
        return [key for key, torrent in self.torrents.items() if not torrent.stopped and can_be_rekeyed(torrent)]

    @cached_property
    def hidden_ids(self) -> list[str]:
        """The torrents whose state hides the stop intent."""
        return _find_hidden(self.torrents)


class IncrementalSession(Session):
    """A `Session` whose `read_snapshot` sends one request if nothing changed.

    It reads deltas from qBittorrent 4.6 on. It reads in full, by `Session.read_snapshot`: first, after a failed read,
    after a new login or a restart of the server, every 15 minutes, and on `read_full_snapshot`; a full read must
    precede every deletion. Every read is full before 4.6, with an API key, whose session cannot be ended, and for a
    while after sync/maindata gave no full reply.
    The read after a full one takes the full reply of sync/maindata that deltas continue: both in one read would take
    twice the time.

    Starting a torrent without metadata ends the deltas; `MainDataPolls` says why, and what else does.

    A rename by others shows with the server's next refresh (1.5 s), like stop and start. A category's `extra` may be
    as old as the last full read; `read_categories` reads the current one.

    `now` is a monotonic clock in seconds. `warn` receives messages for the log. `delta_risks` tells the other sessions
    of this process when their deltas must end too.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        stop: threading.Event | None = None,
        transfer_stats: TransferStats | None = None,
        logins: LoginMemory | None = None,
        delta_risks: DeltaRisks | None = None,
        now: Callable[[], float] = time.monotonic,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        super().__init__(instance, stop=stop, transfer_stats=transfer_stats, logins=logins)
        self._delta_risks = delta_risks or DeltaRisks()
        self._now = now
        self._warn = warn
        self._state: _SyncState | None = None
        self._has_full_snapshot = False
        self._polls = MainDataPolls(instance, self._connection, read_sync_reply, self._delta_risks, now, warn)

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Read every torrent and category. Objects that did not change are the same objects as the last time.

        One request, and one more for each of: declared preferences, declared content, torrents whose state hides the
        stop intent, torrents that wait for metadata, complete torrents that have just stopped, changed categories,
        torrents that differ from the full reply of sync/maindata, torrents that are not in it.

        Deltas contain no file priorities. They are read with a full read, and when the selected size has changed.
        """
        return self._read_state(files_of, creations, full=False)

    def _read_state(self, files_of: Collection[str], creations: Collection[CreationSpec], full: bool) -> Snapshot:
        previous, self._state = self._state, None  # a read that fails leaves no copy to continue from
        self._has_full_snapshot = False
        if previous is None or full or not self._is_recent(previous):
            self._state = self._read_full(previous, files_of)
        elif self._polls.can_continue:
            self._state = self._read_delta(previous, files_of)
        elif self._polls.may_begin:
            self._state = self._begin_deltas(previous, files_of)
        else:
            self._state = self._read_full(previous, files_of)
        tasks = self._read_tasks_for(creations)
        if tasks != self._state.snapshot.creator_tasks:
            self._state = replace(self._state, snapshot=replace(self._state.snapshot, creator_tasks=tasks))
        return self._state.snapshot

    def _is_recent(self, state: _SyncState) -> bool:
        """True if deltas may follow, or continue, the full read that this state comes from."""
        is_same_login = state.login == self._connection.open_count
        return self._polls.is_possible and is_same_login and self._now() - state.full_read_at < FULL_READ_INTERVAL

    @property
    def has_full_snapshot(self) -> bool:
        """True if the last snapshot was a full read, which depends on nothing read before."""
        return self._has_full_snapshot

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Read a snapshot that depends on nothing read before."""
        return self._read_state(files_of, creations, full=True)

    def read_libtorrent_version(self) -> str:
        """Return the version of libtorrent, which later snapshots of this session show."""
        version = super().read_libtorrent_version()
        if self._state:
            self._state = replace(self._state, snapshot=replace(self._state.snapshot, libtorrent=version))
        return version

    def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links, as `Session.add_magnets`."""
        if not options.stopped:
            self._end_deltas()  # their metadata may arrive before the next read
        super().add_magnets(magnets, options)

    def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files, as `Session.add_torrent_files`."""
        self._end_deltas()  # a file gives its metadata, and perhaps another id, to a torrent that waited for it
        super().add_torrent_files(files, options)

    def start_torrents(self, ids: Collection[str]) -> None:
        """Start (resume), as `Session.start_torrents`."""
        state = self._state
        if state is None or any(key not in state.torrents or can_be_rekeyed(state.torrents[key]) for key in ids):
            self._end_deltas()
        super().start_torrents(ids)

    def set_file_priority(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Give files a priority, as `Session.set_file_priority`."""
        self._state = None  # deltas do not contain file priorities
        super().set_file_priority(torrent_id, indexes, priority)

    def _end_deltas(self) -> None:
        self._state = None
        self._delta_risks.record(self._instance.url)

    def _begin_deltas(self, state: _SyncState, files_of: Collection[str]) -> _SyncState:
        """Return the state that deltas can continue, with whatever has changed since the full read.

        What differs in the full reply of sync/maindata, and what is not in it, is read again: the reply may be older.
        The version is read too.
        """
        reply = self._polls.begin()
        if reply is None or self._connection.open_count != state.login:
            return self._read_full(state, files_of, reply)
        state = self._prepare_deltas(state, reply)
        is_another_version = self._connection.read_version() != state.snapshot.version  # no login may show a restart
        if is_another_version or not self._polls.can_continue:
            return self._read_full(state, files_of)
        views = convert_full_reply(reply)
        unseen = [key for key in state.torrents if key not in views]
        torrents = self._drop_removed(state.torrents, unseen) if unseen else state.torrents
        return self._complete_state(state, reply, torrents, state.mismatches, files_of)

    def _drop_removed(self, torrents: TorrentsById, unseen: Collection[str]) -> TorrentsById:
        """Return the torrents without those of `unseen` that are no longer there."""
        removed = set(unseen).difference(torrent.id for torrent in self.read_torrents(unseen))
        return {key: torrent for key, torrent in torrents.items() if key not in removed} if removed else torrents

    def _read_delta(self, state: _SyncState, files_of: Collection[str]) -> _SyncState:
        """Return the state after the changes since the last read."""
        if not self._polls.are_ids_kept(state.waiting_ids):
            return self._read_full(state, files_of)
        try:
            reply, is_full = self._polls.follow()
            if is_full:
                return self._read_full(state, files_of, reply)
            torrents = apply_delta(state.torrents, reply)
            mismatches = apply_delta(state.mismatches, filter_delta(reply, state.mismatches))
        except NotADelta:  # without a login, this may be the only sign of a restart, perhaps as another version
            return self._read_full(state, files_of)
        return self._complete_state(state, reply, torrents, mismatches, files_of)

    def _complete_state(
        self,
        state: _SyncState,
        reply: SyncReply,
        torrents: TorrentsById,
        mismatches: TorrentsById,
        files_of: Collection[str],
    ) -> _SyncState:
        """Return the state with these torrents, and with what the reply does not show; `state` if nothing changed."""
        torrents, mismatches = self._reread_mismatches(torrents, mismatches)
        torrents = self._read_shared_amounts(torrents, reply.get("torrents", {}))
        hidden_ids = state.hidden_ids if torrents is state.torrents else _find_hidden(torrents)
        torrents = set_stop_intent(torrents, hidden_ids, self._find_stopped(hidden_ids), state.torrents)
        incomplete = (
            [torrent for torrent in torrents.values() if is_missing_files(torrent, files_of)] if files_of else []
        )
        if incomplete:
            torrents = replace_torrents(torrents, self._read_missing_files(incomplete, files_of))
        snapshot = self._update_snapshot(state, reply)
        if torrents is not state.torrents:
            snapshot = replace(snapshot, torrents=tuple(torrents.values()))
        if snapshot is state.snapshot and mismatches is state.mismatches:
            return state
        return replace(state, snapshot=snapshot, torrents=torrents, mismatches=mismatches)

    def _reread_mismatches(self, torrents: TorrentsById, mismatches: TorrentsById) -> tuple[TorrentsById, TorrentsById]:
        """Read the mismatches again; return the torrents with them, and the mismatches that remain."""
        if not mismatches:
            return torrents, mismatches
        reread = {
            torrent.id: keep_known_details(torrents.get(torrent.id, torrent), torrent)
            for torrent in self.read_torrents(mismatches)
        }
        remaining = {
            key: view for key, view in mismatches.items() if key not in reread or not is_equivalent(view, reread[key])
        }
        return replace_torrents(torrents, reread.values()), remaining

    def _read_shared_amounts(self, torrents: TorrentsById, changed_ids: Iterable[str]) -> TorrentsById:
        """Return the torrents, with what those have shared that have just stopped. Deltas do not say it for all."""
        changed = (torrents[key] for key in changed_ids if key in torrents)
        ids = [torrent.id for torrent in changed if torrent.shared is None and torrent.state in STOPPED_UPLOAD_STATES]
        if not ids:
            return torrents
        reread = self.read_torrents(ids)
        return replace_torrents(torrents, (keep_known_details(torrents[torrent.id], torrent) for torrent in reread))

    def _update_snapshot(self, state: _SyncState, reply: SyncReply) -> Snapshot:
        """Return the snapshot with its categories and preferences up to date."""
        snapshot = state.snapshot
        is_delta = not reply.get("full_update")  # the categories of a full reply have been compared
        if state.has_category_mismatch or (is_delta and not reply.keys().isdisjoint(_CATEGORY_KEYS)):
            categories = self.read_categories()
            if categories != snapshot.categories:
                snapshot = replace(snapshot, categories=categories)
        preferences = self._read_declared_preferences()
        if preferences != snapshot.preferences:
            snapshot = replace(snapshot, preferences=preferences)
        return snapshot

    def _read_full(
        self, previous: _SyncState | None, files_of: Collection[str], reply: SyncReply | None = None
    ) -> _SyncState:
        """Return a state that depends on nothing read before.

        `reply`: a full reply of sync/maindata that deltas can continue. It is older, so no change after it is missed.
        """
        now = self._now()
        if previous and previous.mismatches and now - previous.full_read_at > MISMATCH_TIMEOUT:
            self._warn(
                f"{self._instance.name}: sync/maindata and torrents/info still disagree on {len(previous.mismatches)} "
                "torrents; torrents/info is used"
            )
        if reply is None:
            self._polls.renew_session()
        login = self._connection.open_count
        snapshot = super().read_snapshot(files_of)
        if previous and any(torrent.is_stop_intent_hidden for torrent in snapshot.torrents):
            known = (
                keep_known_stop_intent(previous.torrents.get(torrent.id), torrent) for torrent in snapshot.torrents
            )
            snapshot = replace(snapshot, torrents=tuple(known))
        torrents: TorrentsById = {torrent.id: torrent for torrent in snapshot.torrents}
        if (
            previous
            and torrents == previous.torrents
            and _without_torrents(snapshot) == _without_torrents(previous.snapshot)
        ):
            snapshot, torrents = previous.snapshot, previous.torrents
        self._has_full_snapshot = True
        state = _SyncState(snapshot, torrents, now, login)
        return self._prepare_deltas(state, reply) if reply else state

    def _prepare_deltas(self, state: _SyncState, reply: SyncReply) -> _SyncState:
        """Return the state that deltas can continue, with its differences from a full `reply` of sync/maindata."""
        torrents = state.torrents
        try:
            views = convert_full_reply(reply)
        except NotADelta:
            self._polls.postpone(f"{self._instance.name}: sync/maindata is not as expected")
            return state
        mismatches = {
            key: view for key, view in views.items() if key not in torrents or not is_equivalent(view, torrents[key])
        }
        viewed_paths = {
            name: normalize_path(row.get("savePath", "")) for name, row in reply.get("categories", {}).items()
        }
        paths = {name: category.save_path for name, category in state.snapshot.categories.items()}
        return replace(state, mismatches=mismatches, has_category_mismatch=viewed_paths != paths)


def _without_torrents(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot without its torrents, whose order has no meaning."""
    return replace(snapshot, torrents=())


def _find_hidden(torrents: TorrentsById) -> list[str]:
    return [key for key, torrent in torrents.items() if is_stop_intent_hidden(torrent.state)]
