"""The session of a run on one instance: what `apply.target.Target` asks for, in qBittorrent's own words."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from reconciler.model.content import CreationSpec
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, RejectedError, UnsupportedError
from reconciler.model.health import NetworkState
from reconciler.model.preferences import PreferenceValue, to_api_value
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.versions import TORRENT_EXPORT, V2_INFOHASHES, is_tested
from reconciler.qbittorrent.api_categories import CategoryCalls
from reconciler.qbittorrent.api_options import OptionCalls, check_ids
from reconciler.qbittorrent.api_torrentcreator import CreatorCalls
from reconciler.qbittorrent.api_torrents import TorrentCalls
from reconciler.qbittorrent.client import Client, StatusFilter
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.convert import (
    convert_preferences,
    convert_torrents,
    count_other_seeds,
    find_hidden_stop_intents,
)
from reconciler.qbittorrent.network import read_network_state
from reconciler.qbittorrent.schemas import TorrentRow
from reconciler.qbittorrent.transfers import TransferStats


class Session(TorrentCalls, OptionCalls, CategoryCalls, CreatorCalls):
    """One run's conversation with one instance: a context manager, or `open()` and `close()`. Not thread-safe.

    Every call is one request, but for those of `Target` that say otherwise, and for a session that the server has
    dropped (it was idle for long, or restarted): that is opened anew, once per call. Every method but `close` raises
    `InstanceError`, or `StopRequested` once `stop_torrents` is set, before it sends. After the credentials were refused nothing more
    is sent: each call raises the refusal again. A `gauge` reads along how transfers get on.
    """

    def __init__(
        self, instance: Instance, *, stop: threading.Event | None = None, transfer_stats: TransferStats | None = None
    ) -> None:
        self._instance = instance
        self._stop = stop
        self._connection = Connection(instance, stop, transfer_stats)
        self._separate_requests = 0  # requests in sessions of their own

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
        """How many HTTP requests were sent so far."""
        return self._connection.request_count + self._separate_requests

    def open(self) -> None:
        """Log in, with one attempt, and learn the versions. Three requests, two with an API key."""
        self._connection.open()

    def close(self) -> None:
        """Log out and hang up. Never raises."""
        self._connection.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Every torrent and category: two requests, one more where the state of some hides the stop intent.

        And one for the preferences, where some are declared; one for the tasks that make what `content` asks for, if
        anything, and one for each of them that is finished. The files of the torrents that one of
        `read_file_rows` means take one more, and before 5.2 one for each of them.
        """
        rows = self._connection.call("torrents/info", lambda client: client.read_torrent_rows())
        torrents = self._read_missing_files(
            convert_torrents(rows, self._find_stopped(find_hidden_stop_intents(rows))), files_of
        )
        v2 = V2_INFOHASHES.is_available(self._connection.api_version)
        categories, preferences = self.read_categories(), self._read_declared_preferences()
        return Snapshot(
            self.version, self.web_api, torrents, categories, v2, preferences, self._read_tasks_for(creations)
        )

    @property
    def has_full_snapshot(self) -> bool:
        """Was the last snapshot a full read? Here each is."""
        return True

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """A full read, which is all that this session knows."""
        return self.read_snapshot(files_of, creations)

    def read_preferences(self) -> Mapping[str, PreferenceValue]:
        """Every preference of the application by its key."""
        return convert_preferences(self._connection.call("app/preferences", Client.read_preference_values))

    def set_preferences(self, values: Mapping[str, PreferenceValue]) -> None:
        """Set some preferences and leave the others. What a version does not know it ignores."""
        body = {name: to_api_value(name, value) for name, value in values.items()}
        self._connection.call("app/setPreferences", lambda client: client.app_set_preferences(body))

    def count_other_seeds(self, ids: Collection[str]) -> Mapping[str, int]:
        """How many seeds besides itself each of these knows, at least."""
        return {row["hash"]: count_other_seeds(row) for row in self._read_rows(check_ids(ids))}

    def read_torrents(self, ids: Collection[str]) -> tuple[LiveTorrent, ...]:
        """Those of the given ids that are there. Sent as a POST, since a URL could not hold thousands of ids."""
        rows = self._read_rows(check_ids(ids))
        return convert_torrents(rows, self._find_stopped(find_hidden_stop_intents(rows)))

    def read_network_state(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network: of the `interface` it is bound to (two requests), and the rest (one)."""
        return read_network_state(self._connection, interface=interface, transfer=transfer)

    def read_free_space(self) -> int | None:
        """Bytes free at the default path, in a session of its own: what the server keeps for it ends with that."""
        from reconciler.qbittorrent.inspector import Inspector  # which is a session itself

        aside = Inspector(self._instance, stop=self._stop)
        try:
            with aside:
                return aside.read_free_space()
        finally:
            self._separate_requests += aside.request_count

    def export_torrent(self, torrent_id: str) -> bytes | None:
        """The .torrent file of one torrent (qBittorrent >= 4.5); None where it has no metadata yet, or is gone."""
        if not TORRENT_EXPORT.is_available(self._connection.api_version):
            raise UnsupportedError(
                f"{self._instance.name}: qBittorrent {self.version} exports no .torrent files; "
                f"{TORRENT_EXPORT.release} and later do"
            )
        try:
            return self._connection.call("torrents/export", lambda c: c.torrents_export(torrent_id))
        except RejectedError as error:
            if error.http_status in (404, 409):
                return None
            raise

    def _read_declared_preferences(self) -> Mapping[str, PreferenceValue] | None:
        return self.read_preferences() if self._instance.preferences else None

    def _read_missing_files(
        self, torrents: Sequence[LiveTorrent], files_of: Collection[str]
    ) -> tuple[LiveTorrent, ...]:
        """The torrents, with the files of those of which they are wanted and not known yet."""
        lacking = [live.id for live in torrents if needs_files(live, files_of)] if files_of else []
        if not lacking:
            return tuple(torrents)
        files = self.read_files(lacking)
        return tuple(replace(live, files=files[live.id]) if live.id in files else live for live in torrents)

    def _read_hashes(self, hashes: list[str], status: StatusFilter) -> set[str]:
        return {row["hash"] for row in self._read_rows(hashes, status)}

    def _read_rows(self, hashes: list[str], status: StatusFilter | None = None) -> list[TorrentRow]:
        """Rows of the given torrents. Raises where the server gives others: then it did not heed what was asked."""
        rows = self._connection.call("torrents/info", lambda client: client.read_torrent_rows(hashes, status))
        if not {row["hash"] for row in rows} <= set(hashes):
            raise InstanceError(
                f"{self._instance.name}: torrents/info gave torrents that were not asked for. "
                "Is a proxy dropping the body of requests?"
            )
        return rows

    def _find_stopped(self, hashes: list[str]) -> set[str]:
        """Which of these are stopped, by the server's filter: it knows the intent at once, whatever the state.

        A filter that the server does not know means "all", so a version we never met is asked for the opposite too.
        """
        if not hashes:
            return set()
        stopped = self._read_hashes(hashes, "stopped")
        if is_tested(self._connection.api_version) or not stopped & self._read_hashes(hashes, "running"):
            return stopped
        raise UnsupportedError(
            f"{self._instance.name}: qBittorrent {self.version} does not tell which torrents are stopped. "
            "Update reconcile, or report this"
        )


def needs_files(live: LiveTorrent, files_of: Collection[str]) -> bool:
    """Are its files wanted, to be had, and not known yet?"""
    if live.files is not None or not live.has_metadata:
        return False
    return live.id in files_of or any(key in files_of for key in live.infohashes.ids)
