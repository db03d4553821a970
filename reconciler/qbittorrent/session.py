"""The session of a run on one instance: what `apply.target.Target` asks for, in qBittorrent's own words."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from reconciler.model.content import Creation
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, Rejected, Unsupported
from reconciler.model.health import NetworkState
from reconciler.model.preferences import PreferenceValue, sendable
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.qbittorrent.api_categories import CategoryCalls
from reconciler.qbittorrent.api_options import OptionCalls, checked_ids
from reconciler.qbittorrent.api_torrentcreator import CreatorCalls
from reconciler.qbittorrent.api_torrents import TorrentCalls
from reconciler.qbittorrent.client import Client, Status
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.convert import intent_hidden, live_preferences, live_torrents, other_seeds
from reconciler.qbittorrent.network import read_network
from reconciler.qbittorrent.schemas import TorrentRow
from reconciler.qbittorrent.transfers import Gauge


class Session(TorrentCalls, OptionCalls, CategoryCalls, CreatorCalls):
    """One run's conversation with one instance: a context manager, or `open()` and `close()`. Not thread-safe.

    Every call is one request, but for those of `Target` that say otherwise, and for a session that the server has
    dropped (it was idle for long, or restarted): that is opened anew, once per call. Every method but `close` raises
    `InstanceError`, or `Stopped` once `stop` is set, before it sends. After the credentials were refused nothing more
    is sent: each call raises the refusal again. A `gauge` reads along how transfers get on.
    """

    def __init__(self, instance: Instance, *, stop: threading.Event | None = None, gauge: Gauge | None = None) -> None:
        self._instance = instance
        self._stop = stop
        self._connection = Connection(instance, stop, gauge)
        self._aside = 0  # requests in sessions of their own

    @property
    def version(self) -> str:
        """qBittorrent's version, like `v5.1.0`; empty before `open`."""
        return self._connection.version

    @property
    def web_api(self) -> str:
        """The Web API version, like `2.11.4`; empty before `open`."""
        return self._connection.web_api

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent so far."""
        return self._connection.requests + self._aside

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

    def snapshot(self, files_of: Collection[str] = (), content: Collection[Creation] = ()) -> Snapshot:
        """Every torrent and category: two requests, one more where the state of some hides the stop intent.

        And one for the preferences, where some are declared; one for the tasks that make what `content` asks for, if
        anything, and one for each of them that is finished. The files of the torrents that one of
        `files_of` means take one more, and before 5.2 one for each of them.
        """
        rows = self._connection.call("torrents/info", lambda client: client.torrent_rows())
        torrents = self._with_files(live_torrents(rows, self._stopped_among(intent_hidden(rows))), files_of)
        v2 = self._connection.capabilities.v2
        categories, preferences = self.categories(), self._declared_preferences()
        return Snapshot(self.version, self.web_api, torrents, categories, v2, preferences, self._tasks_for(content))

    @property
    def fresh(self) -> bool:
        """Was the last snapshot a full read? Here each is."""
        return True

    def refresh(self, files_of: Collection[str] = (), content: Collection[Creation] = ()) -> Snapshot:
        """A full read, which is all that this session knows."""
        return self.snapshot(files_of, content)

    def preferences(self) -> Mapping[str, PreferenceValue]:
        """Every preference of the application by its key."""
        return live_preferences(self._connection.call("app/preferences", Client.preference_values))

    def set_preferences(self, values: Mapping[str, PreferenceValue]) -> None:
        """Set some preferences and leave the others. What a version does not know it ignores."""
        body = {name: sendable(name, value) for name, value in values.items()}
        self._connection.call("app/setPreferences", lambda client: client.app_set_preferences(body))

    def other_seeds(self, ids: Collection[str]) -> Mapping[str, int]:
        """How many seeds besides itself each of these knows, at least."""
        return {row["hash"]: other_seeds(row) for row in self._rows(checked_ids(ids))}

    def read(self, ids: Collection[str]) -> tuple[LiveTorrent, ...]:
        """Those of the given ids that are there. Sent as a POST, since a URL could not hold thousands of ids."""
        rows = self._rows(checked_ids(ids))
        return live_torrents(rows, self._stopped_among(intent_hidden(rows)))

    def network(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network: of the `interface` it is bound to (two requests), and the rest (one)."""
        return read_network(self._connection, interface=interface, transfer=transfer)

    def free_space(self) -> int | None:
        """Bytes free at the default path, in a session of its own: what the server keeps for it ends with that."""
        from reconciler.qbittorrent.inspector import Inspector  # which is a session itself

        aside = Inspector(self._instance, stop=self._stop)
        try:
            with aside:
                return aside.free_space()
        finally:
            self._aside += aside.requests

    def export(self, torrent_id: str) -> bytes | None:
        """The .torrent file of one torrent (qBittorrent >= 4.5); None where it has no metadata yet, or is gone."""
        if not self._connection.capabilities.export:
            raise Unsupported(
                f"{self._instance.name}: qBittorrent {self.version} exports no .torrent files; 4.5 and later do"
            )
        try:
            return self._connection.call("torrents/export", lambda c: c.torrents_export(torrent_id))
        except Rejected as error:
            if error.http_status in (404, 409):
                return None
            raise

    def _declared_preferences(self) -> Mapping[str, PreferenceValue] | None:
        return self.preferences() if self._instance.preferences else None

    def _with_files(self, torrents: Sequence[LiveTorrent], files_of: Collection[str]) -> tuple[LiveTorrent, ...]:
        """The torrents, with the files of those of which they are wanted and not known yet."""
        lacking = [live.id for live in torrents if lacks_files(live, files_of)] if files_of else []
        if not lacking:
            return tuple(torrents)
        files = self.files(lacking)
        return tuple(replace(live, files=files[live.id]) if live.id in files else live for live in torrents)

    def _hashes(self, hashes: list[str], status: Status) -> set[str]:
        return {row["hash"] for row in self._rows(hashes, status)}

    def _rows(self, hashes: list[str], status: Status | None = None) -> list[TorrentRow]:
        """Rows of the given torrents. Raises where the server gives others: then it did not heed what was asked."""
        rows = self._connection.call("torrents/info", lambda client: client.torrent_rows(hashes, status))
        if not {row["hash"] for row in rows} <= set(hashes):
            raise InstanceError(
                f"{self._instance.name}: torrents/info gave torrents that were not asked for. "
                "Is a proxy dropping the body of requests?"
            )
        return rows

    def _stopped_among(self, hashes: list[str]) -> set[str]:
        """Which of these are stopped, by the server's filter: it knows the intent at once, whatever the state.

        A filter that the server does not know means "all", so a version we never met is asked for the opposite too.
        """
        if not hashes:
            return set()
        stopped = self._hashes(hashes, "stopped")
        if self._connection.capabilities.tested or not stopped & self._hashes(hashes, "running"):
            return stopped
        raise Unsupported(
            f"{self._instance.name}: qBittorrent {self.version} does not tell which torrents are stopped. "
            "Update reconcile, or report this"
        )


def lacks_files(live: LiveTorrent, files_of: Collection[str]) -> bool:
    """Are its files wanted, to be had, and not known yet?"""
    if live.files is not None or not live.has_metadata:
        return False
    return live.id in files_of or any(key in files_of for key in live.infohashes.ids)
