"""The session of a run on one instance: what `apply.target.Target` asks for, in qBittorrent's own words."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from reconciler.live.client import Client, Status
from reconciler.live.connection import Connection
from reconciler.live.creator_calls import CreatorCalls
from reconciler.live.gauge import Gauge
from reconciler.live.network import read_network
from reconciler.live.option_calls import OptionCalls, added_options, checked_ids
from reconciler.live.replies import (
    TorrentRow,
    intent_hidden,
    live_categories,
    live_preferences,
    live_torrents,
    other_seeds,
)
from reconciler.model.content import Creation
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, Rejected, Unsupported
from reconciler.model.fields import normal_path
from reconciler.model.network import NetworkState
from reconciler.model.preferences import PreferenceValue, sendable
from reconciler.model.snapshot import AddOptions, DownloadPath, LiveCategory, LiveTorrent, Snapshot

# What a category of >= 5.2 has besides its paths: as torrents/categories reads it, as editCategory takes it (5.3), and
# the value that means "not set".
_LIMITS = (
    ("ratio_limit", "ratioLimit", -2),
    ("seeding_time_limit", "seedingTimeLimit", -2),
    ("inactive_seeding_time_limit", "inactiveSeedingTimeLimit", -2),
    ("share_limit_action", "shareLimitAction", "Default"),
    ("share_limits_mode", "shareLimitsMode", "Default"),
)


class Session(OptionCalls, CreatorCalls):
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

    @property
    def tags_at_add(self) -> bool:
        """Does an add take tags (qBittorrent >= 4.3.2)? Where not, `add` leaves them out and `add_tags` must follow."""
        return self._connection.capabilities.tags_at_add

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

    def categories(self) -> Mapping[str, LiveCategory]:
        """Every category by its name."""
        return live_categories(self._connection.call("torrents/categories", Client.category_rows))

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
        from reconciler.live.inspector import Inspector  # which is a session itself

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

    def add_peer(self, torrent_id: str, address: str) -> None:
        """Tell a torrent of a peer, `IP:port`. One that is not there is no error."""
        self._connection.call("torrents/addPeers", lambda c: c.torrents_add_peers(address, torrent_id))

    def add(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links that share their options; one that is already there is no error.

        Everything that the server's own settings would otherwise decide about running and place goes with it. A reply
        says nothing to build on (4.2 to 5.3): a duplicate answers like a failure, and `Ok.` may cover failures.
        """
        if not magnets or any(not uri.startswith("magnet:?") or "\n" in uri or "\r" in uri for uri in magnets):
            raise ValueError("only magnet links are added here: anything else could be a path on the server's own disk")
        self._add(options, urls=magnets)

    def upload(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files by names of their own, sharing their options; one that is already there is no error.

        Where the server takes one of them for none it refuses (415), and some of the others may have been added.
        """
        if not files:
            raise ValueError("no file would mean an add of nothing")
        self._add(options, torrent_files=files)

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Put tags on, creating those that are new."""
        hashes, names = checked_ids(ids), _checked_tags(tags)
        self._connection.call("torrents/addTags", lambda c: c.torrents_add_tags(names, hashes))

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Take tags off. `tags` is never empty: qBittorrent would take off all of them."""
        hashes, names = checked_ids(ids), _checked_tags(tags)
        self._connection.call("torrents/removeTags", lambda c: c.torrents_remove_tags(names, hashes))

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Put into a category that exists; "" takes out of any."""
        hashes = checked_ids(ids)
        self._connection.call("torrents/setCategory", lambda c: c.torrents_set_category(category, hashes))

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path; management becomes manual."""
        hashes = checked_ids(ids)
        self._connection.call("torrents/setLocation", lambda c: c.torrents_set_location(path, hashes))

    def rename(self, torrent_id: str, name: str) -> None:
        """Give one torrent its name."""
        self._connection.call("torrents/rename", lambda c: c.torrents_rename(torrent_id, name))

    def stop(self, ids: Collection[str]) -> None:
        """Stop (pause). The state shows it only with the server's next refresh, 1.5 s later at most."""
        hashes = checked_ids(ids)
        self._connection.call("torrents/stop", lambda c: c.torrents_stop(hashes))

    def start(self, ids: Collection[str]) -> None:
        """Start (resume). Never for one that runs: it would lose its forced start."""
        hashes = checked_ids(ids)
        self._connection.call("torrents/start", lambda c: c.torrents_start(hashes))

    def delete(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove, with or without downloaded data."""
        hashes = checked_ids(ids)
        self._connection.call("torrents/delete", lambda c: c.torrents_delete(delete_files, hashes))

    def create_category(self, name: str, save_path: str, download_path: DownloadPath = None) -> None:
        """Make a category that is not there; one that is there is refused (409)."""
        paths = _download_path(download_path)
        self._connection.call("torrents/createCategory", lambda c: c.torrents_create_category(name, save_path, **paths))

    def edit_category(
        self, category: LiveCategory, save_path: str | None = None, download_path: DownloadPath = None
    ) -> None:
        """Give a category that is there these paths; None: as it has it, like all else.

        An edit replaces everything (until 5.2), so what was read is sent back. Nothing is sent where the paths are as
        they were read: until 5.1 an edit that changes nothing is refused.
        """
        save_path = category.save_path if save_path is None else save_path
        download_path = category.download_path if download_path is None else download_path
        if (normal_path(save_path), download_path) == (normal_path(category.save_path), category.download_path):
            return
        extra = category.extra
        limits: dict[str, Any] = {
            write: extra[read] for read, write, unset in _LIMITS if extra.get(read, unset) != unset
        }
        if limits and self._connection.capabilities.resets_category_limits:
            raise Unsupported(
                f"{self._instance.name}: category {category.name} has share limits of its own, which qBittorrent 5.2 "
                "would reset with an edit through the API. Change its path in qBittorrent itself, or update to 5.3"
            )
        limits |= _download_path(download_path)
        self._connection.call(
            "torrents/editCategory", lambda c: c.torrents_edit_category(category.name, save_path, **limits)
        )

    def remove_categories(self, names: Collection[str]) -> None:
        """Remove categories, with the sub-categories they may have. One that is not there is no error."""
        if not names or any(not name or "\n" in name for name in names):
            raise ValueError("names are a non-empty collection of categories")
        self._connection.call("torrents/removeCategories", lambda c: c.torrents_remove_categories(list(names)))

    def _declared_preferences(self) -> Mapping[str, PreferenceValue] | None:
        return self.preferences() if self._instance.preferences else None

    def _add(self, options: AddOptions, **what: Any) -> None:
        """`what`: links or files, as qbittorrent-api takes them."""

        def send(client: Client) -> None:
            client.torrents_add(
                **what,
                save_path=options.save_path,
                category=options.category or None,
                rename=options.name,
                tags=options.tags if options.tags and self.tags_at_add else None,
                is_stopped=options.stopped,  # is_paused=False would be dropped by the library
                use_auto_torrent_management=options.auto_tmm,
                **added_options(options),
            )

        try:
            self._connection.call("torrents/add", send)
        except Rejected as error:
            if error.http_status != 409:  # >= 5.2: none was added, which is also what all duplicates answer
                raise

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


def _checked_tags(tags: Collection[str]) -> list[str]:
    """Tags as qBittorrent takes them: joined by commas, so none may hold one."""
    if not tags or any(not tag.strip() or "," in tag for tag in tags):
        raise ValueError("tags are a non-empty collection of names without commas")
    return list(tags)


def _download_path(path: DownloadPath) -> dict[str, Any]:
    """A category's download path (>= 4.4) as it is written: not said (None), none (False), or a path."""
    if path is None:
        return {}
    return {"enable_download_path": path is not False, "download_path": path or ""}
