"""The session of a run on one instance: `apply.target.Target` over the Web API.

See docs/decisions/0009-read-the-stop-intent-from-state-first.md.
See docs/decisions/0172-thousands-of-torrents-are-read-back-in-parts.md.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from reconciler.model.content import CreationSpec
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, RejectedError, UnsupportedError
from reconciler.model.health import NetworkState
from reconciler.model.preferences import PreferenceValue, to_api_value
from reconciler.model.server_log import LogEntry
from reconciler.model.snapshot import LiveTorrent, Snapshot, TorrentSift
from reconciler.model.versions import TORRENT_EXPORT, is_tested
from reconciler.qbittorrent.api_categories import CategoryCalls
from reconciler.qbittorrent.api_options import OptionCalls, check_ids
from reconciler.qbittorrent.api_tags import TagCalls
from reconciler.qbittorrent.api_torrentcreator import CreatorCalls
from reconciler.qbittorrent.api_torrents import TorrentCalls
from reconciler.qbittorrent.client import Client, StatusFilter
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.convert import (
    TorrentConverter,
    convert_preferences,
    count_other_seeds,
    is_stop_intent_hidden,
)
from reconciler.qbittorrent.host import (
    read_default_save_path,
    read_free_space,
    read_libtorrent_version,
    read_network_state,
)
from reconciler.qbittorrent.kept_sessions import KeptSessions
from reconciler.qbittorrent.logins import LoginMemory
from reconciler.qbittorrent.schemas import WARNING_TYPE, TorrentRow
from reconciler.side_thread import SideThread

if TYPE_CHECKING:
    from reconciler.qbittorrent.transfers import TransferStats

MAX_IDS_PER_READ: Final = 2500  # a reply of 4 MB; for each request the server goes through all its torrents


class Session(TorrentCalls, OptionCalls, CategoryCalls, CreatorCalls, TagCalls):
    """A session with one instance: a context manager, or `open()` and `close()`. Not thread-safe.

    Every call sends one request, except those of `Target` that say otherwise. If the server has dropped the session
    (it was idle for long, or the server restarted), a call opens it again, once. Every method except `close` raises
    `InstanceError`, or `StopRequested` before it sends once `stop` is set. After the server has refused the
    credentials, nothing more is sent: each call raises that refusal again. `transfer_stats` records the state of the
    transfers from the replies that are read anyway. `logins` is the memory of refused logins that sessions share.
    `kept_sessions` has the sessions of earlier runs.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        stop: threading.Event | None = None,
        transfer_stats: TransferStats | None = None,
        logins: LoginMemory | None = None,
        kept_sessions: KeptSessions | None = None,
    ) -> None:
        self._instance = instance
        self._stop = stop
        self._logins = logins or LoginMemory()
        self._cancelled = threading.Event()
        self._connection = Connection(instance, stop, self._cancelled, transfer_stats, self._logins, kept_sessions)
        self._separate_requests = 0  # sent in separate sessions
        self._libtorrent = (0, "")  # the session in which it was read, and the version
        self._torrents_ahead: list[LiveTorrent] | None = None  # what the next read of all torrents returns

    @property
    def version(self) -> str:
        """qBittorrent's version, like `v5.1.0`; empty before `open`."""
        return self._connection.version

    @property
    def web_api(self) -> str:
        """The Web API version, like `2.11.4`; empty before `open`."""
        return self._connection.web_api

    @property
    def request_count(self) -> int:
        """The number of HTTP requests sent so far."""
        return self._connection.request_count + self._separate_requests

    def open(self) -> None:
        """Log in, with one attempt, and read the versions.

        Three requests, two with an API key or the session of an earlier run.
        """
        self._connection.open()

    def close(self) -> None:
        """Log out, unless the session is kept for the next run, and close the connections. Never raises."""
        self._connection.close()

    def ignore_stop(self) -> AbstractContextManager[None]:
        """Context in which requests are sent although the run was asked to stop, to finish what has begun."""
        return self._connection.ignore_stop()

    def cancel(self) -> None:
        """End the request in flight, from another thread: it and all later ones fail. It may have been carried out."""
        self._cancelled.set()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Read every torrent and category, the files of the torrents with an id in `files_of`, and the creator tasks.

        Two requests, and more where needed: one if the state of a torrent hides the stop intent, one if preferences
        are declared, one for the files (before 5.2 one per torrent), one for the tasks of `creations`, and one for
        each of these tasks that is finished.
        """
        torrents = self._read_missing_files(self._read_all_torrents(), files_of)
        categories, preferences = self.read_categories(), self._read_declared_preferences()
        tasks = self._read_tasks_for(creations)
        return Snapshot(self.version, self.web_api, torrents, categories, self._known_libtorrent, preferences, tasks)

    def read_ahead(self) -> None:
        """Read every torrent now, for the next snapshot: one request, two if a state hides the stop intent."""
        self._torrents_ahead = self._read_all_torrents()

    @property
    def has_full_snapshot(self) -> bool:
        """True if the last snapshot was a full read. In this session every snapshot is."""
        return True

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Read a snapshot; in this session every snapshot is a full read."""
        return self.read_snapshot(files_of, creations)

    def read_preferences(self) -> Mapping[str, PreferenceValue]:
        """Return every preference of the application by its key."""
        return convert_preferences(self._connection.call("app/preferences", Client.read_preference_values))

    def set_preferences(self, values: Mapping[str, PreferenceValue]) -> None:
        """Set these preferences and leave the others. A server ignores preferences that its version lacks."""
        body = {name: to_api_value(name, value) for name, value in values.items()}
        self._connection.call("app/setPreferences", lambda client: client.app_set_preferences(body))

    def read_log(self, after_id: int) -> Sequence[LogEntry]:
        """Return the entries of the server's log after the one with that id, oldest first; -1: all that it keeps."""
        rows = self._connection.call("log/main", lambda client: client.read_log_rows(after_id))
        return [LogEntry(row["id"], row["type"] >= WARNING_TYPE, row["message"]) for row in rows]

    def count_other_seeds(self, ids: Collection[str]) -> Mapping[str, int]:
        """Return, for each torrent that is there, how many other seeds it has at least."""
        return {row["hash"]: count_other_seeds(row) for row in self._read_rows(check_ids(ids))}

    def read_torrents(self, ids: Collection[str], sift: TorrentSift | None = None) -> tuple[LiveTorrent, ...]:
        """Return the torrents with these ids, as far as they are there: one request for every 2,500 ids on average.

        Sent as a POST, because a URL cannot hold thousands of ids. While a thread converts the rows of one reply, and
        `sift` gets the torrents, the server makes the next. It decides which are returned, and gets torrents whose
        state hides the stop intent last.
        """
        hashes = check_ids(ids)
        parts = split_ids(hashes)
        take = partial(self._take_part, TorrentConverter(), sift)
        if len(parts) == 1:
            torrents = take(hashes, self._request_rows(hashes))
        else:
            with SideThread("converting") as thread:
                conversions = [thread.hand_over(partial(take, part, self._request_rows(part))) for part in parts]
                torrents = [torrent for conversion in conversions for torrent in conversion.result()]
        if sift is None:
            return tuple(self._mark_stopped(torrents))
        known, hidden = _split_by_intent(torrents)
        return (*known, *sift(self._mark_stopped(hidden))) if hidden else tuple(known)

    def _take_part(
        self,
        converter: TorrentConverter,
        sift: TorrentSift | None,
        hashes: Sequence[str],
        rows: Iterator[TorrentRow],
    ) -> list[LiveTorrent]:
        """Convert the rows of a part. `sift` gets the torrents whose stop intent is known."""
        torrents = self._convert_rows(rows, converter)
        self._check_filter({torrent.id for torrent in torrents}, set(hashes))
        if sift is None:
            return torrents
        known, hidden = _split_by_intent(torrents)
        return [*sift(known), *hidden]

    def read_network_state(self, *, interface: bool, transfer: bool) -> NetworkState:
        """Read the network interface (two requests), the connection status and addresses (one request), or both."""
        return read_network_state(self._connection, interface=interface, transfer=transfer)

    def read_default_save_path(self) -> str:
        """Return the save path of torrents that have no path of their own."""
        return read_default_save_path(self._connection)

    def read_libtorrent_version(self) -> str:
        """Return the version of libtorrent, like `2.0.11.0`. Read once a session: another build needs a restart."""
        if not self._known_libtorrent:
            version = read_libtorrent_version(self._connection)
            self._libtorrent = self._connection.open_count, version
        return self._known_libtorrent

    @property
    def _known_libtorrent(self) -> str:
        """The version of libtorrent if this session has read it, otherwise empty."""
        session, version = self._libtorrent
        return version if session == self._connection.open_count else ""

    def read_free_space(self) -> int | None:
        """Return the bytes free at the default path; None before 5.3 with an API key.

        They are read in a separate session, so that the server drops what it keeps for them when that session ends.
        """
        connection = Connection(self._instance, self._stop, self._cancelled, logins=self._logins)
        try:
            connection.open()
            return read_free_space(connection, self._instance)
        finally:
            connection.close()
            self._separate_requests += connection.request_count

    def export_torrent(self, torrent_id: str) -> bytes | None:
        """Return the .torrent file of a torrent; None if it has no metadata yet, or is gone.

        Raises `UnsupportedError` before qBittorrent 4.5.
        """
        if not TORRENT_EXPORT.is_available(self._connection.api_version):
            raise UnsupportedError(
                f"{self._instance.name}: qBittorrent {self.version} exports no .torrent files; "
                f"{TORRENT_EXPORT.release} and later do"
            )
        try:
            return self._connection.call("torrents/export", lambda client: client.torrents_export(torrent_id))
        except RejectedError as error:
            if error.http_status in (404, 409):
                return None
            raise

    def _read_all_torrents(self) -> list[LiveTorrent]:
        """Read the torrents, unless they were read ahead. Each row is gone before the last one is parsed."""
        ahead, self._torrents_ahead = self._torrents_ahead, None
        if ahead is not None:
            return ahead
        converter = TorrentConverter()
        torrents = self._connection.call(
            "torrents/info", lambda client: [converter.convert(row) for row in client.iter_torrent_rows()]
        )
        return self._mark_stopped(torrents)

    def _mark_stopped(self, torrents: list[LiveTorrent]) -> list[LiveTorrent]:
        """Return the torrents, with those stopped whose state hides it."""
        hidden_ids = [torrent.id for torrent in torrents if is_stop_intent_hidden(torrent.state)]
        if not hidden_ids:
            return torrents
        stopped = self._find_stopped(hidden_ids)
        return [replace(torrent, stopped=True) if torrent.id in stopped else torrent for torrent in torrents]

    def _read_declared_preferences(self) -> Mapping[str, PreferenceValue] | None:
        return self.read_preferences() if self._instance.preferences else None

    def _read_missing_files(
        self, torrents: Sequence[LiveTorrent], files_of: Collection[str]
    ) -> tuple[LiveTorrent, ...]:
        """Return the torrents, with the files of each torrent in `files_of`."""
        ids = [torrent.id for torrent in torrents if is_missing_files(torrent, files_of)] if files_of else []
        if not ids:
            return tuple(torrents)
        files = self.read_files(ids)
        return tuple(
            replace(torrent, files=files[torrent.id]) if torrent.id in files else torrent for torrent in torrents
        )

    def _read_hashes(self, hashes: list[str], status: StatusFilter) -> set[str]:
        return {row["hash"] for row in self._read_rows(hashes, status)}

    def _read_rows(self, hashes: list[str], status: StatusFilter | None = None) -> list[TorrentRow]:
        """Return the rows of these torrents. Raises `InstanceError` if the server ignored the filter."""
        rows = self._connection.call("torrents/info", lambda client: client.read_torrent_rows(hashes, status))
        self._check_filter({row["hash"] for row in rows}, set(hashes))
        return rows

    def _request_rows(self, hashes: Sequence[str]) -> Iterator[TorrentRow]:
        """Request the rows of these torrents. They are parsed when they are iterated over."""
        return self._connection.call("torrents/info", lambda client: client.iter_torrent_rows(hashes))

    def _convert_rows(self, rows: Iterator[TorrentRow], converter: TorrentConverter) -> list[LiveTorrent]:
        with self._connection.translate_errors("torrents/info"):
            return [converter.convert(row) for row in rows]

    def _check_filter(self, read: AbstractSet[str], hashes: AbstractSet[str]) -> None:
        """Raise `InstanceError` if the server has ignored the filter: if it listed others than these."""
        if not read <= hashes:
            raise InstanceError(
                f"{self._instance.name}: torrents/info returned torrents that were not requested. "
                "Is a proxy dropping the body of requests?"
            )

    def _find_stopped(self, hashes: list[str]) -> set[str]:
        """Return those of the torrents that are stopped, by the server's filter, which follows the intent at once.

        An unknown filter means "all", so an untested version gets a request for the opposite too.
        """
        if not hashes:
            return set()
        stopped = self._read_hashes(hashes, "stopped")
        if is_tested(self._connection.api_version) or not stopped & self._read_hashes(hashes, "running"):
            return stopped
        raise UnsupportedError(
            f"{self._instance.name}: qBittorrent {self.version} does not report which torrents are stopped. "
            "Update reconcile, or report this"
        )


def _split_by_intent(torrents: Sequence[LiveTorrent]) -> tuple[list[LiveTorrent], list[LiveTorrent]]:
    """Return the torrents whose state shows if they are stopped, and those whose state hides it."""
    known: list[LiveTorrent] = []
    hidden: list[LiveTorrent] = []
    for torrent in torrents:
        (hidden if is_stop_intent_hidden(torrent.state) else known).append(torrent)
    return known, hidden


def split_ids(ids: list[str]) -> list[list[str]]:
    """Split ids into as few parts as may be, with 2,500 each on average.

    The last is a fifth of the others: nothing is left to do for the server while it is converted.
    """
    count = -(-len(ids) // MAX_IDS_PER_READ)
    size = -(-5 * len(ids) // (5 * count - 4))
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def is_missing_files(torrent: LiveTorrent, files_of: Collection[str]) -> bool:
    """True if `files_of` has an id of the torrent, and its files are not read yet but can be."""
    if torrent.files is not None or not torrent.has_metadata:
        return False
    return torrent.id in files_of or any(key in files_of for key in torrent.infohashes.ids)
