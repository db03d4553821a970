"""The session of a run on one instance: what `apply.target.Target` asks for, in qBittorrent's own words."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from reconciler.live.client import Client, Status
from reconciler.live.connection import Connection
from reconciler.live.network import read_network
from reconciler.live.replies import TorrentRow, intent_hidden, live_categories, live_torrents
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, Rejected, Unsupported
from reconciler.model.fields import normal_path
from reconciler.model.network import NetworkState
from reconciler.model.snapshot import AddOptions, LiveCategory, LiveTorrent, Snapshot

_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")

# What a category of >= 5.2 has besides its paths: as torrents/categories reads it, as editCategory takes it (5.3), and
# the value that means "not set".
_LIMITS = (
    ("ratio_limit", "ratioLimit", -2),
    ("seeding_time_limit", "seedingTimeLimit", -2),
    ("inactive_seeding_time_limit", "inactiveSeedingTimeLimit", -2),
    ("share_limit_action", "shareLimitAction", "Default"),
    ("share_limits_mode", "shareLimitsMode", "Default"),
)


class Session:
    """One run's conversation with one instance: a context manager, or `open()` and `close()`. Not thread-safe.

    Every call is one request, but for those of `Target` that say otherwise, and for a session that the server has
    dropped (it was idle for long, or restarted): that is opened anew, once per call. Every method but `close` raises
    `InstanceError`, or `Stopped` once `stop` is set, before it sends. After the credentials were refused nothing more
    is sent: each call raises the refusal again.
    """

    def __init__(self, instance: Instance, *, stop: threading.Event | None = None) -> None:
        self._instance = instance
        self._connection = Connection(instance, stop)

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
        return self._connection.requests

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

    def snapshot(self) -> Snapshot:
        """Every torrent and category: two requests, one more where the state of some hides the stop intent."""
        rows = self._connection.call("torrents/info", lambda client: client.torrent_rows())
        torrents = live_torrents(rows, self._stopped_among(intent_hidden(rows)))
        v2 = self._connection.capabilities.v2
        return Snapshot(self.version, self.web_api, torrents, self.categories(), v2)

    @property
    def fresh(self) -> bool:
        """Was the last snapshot a full read? Here each is."""
        return True

    def refresh(self) -> Snapshot:
        """A full read, which is all that this session knows."""
        return self.snapshot()

    def categories(self) -> Mapping[str, LiveCategory]:
        """Every category by its name."""
        return live_categories(self._connection.call("torrents/categories", Client.category_rows))

    def read(self, ids: Collection[str]) -> tuple[LiveTorrent, ...]:
        """Those of the given ids that are there. Sent as a POST, since a URL could not hold thousands of ids."""
        rows = self._rows(_checked(ids))
        return live_torrents(rows, self._stopped_among(intent_hidden(rows)))

    def network(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network: of the `interface` it is bound to (two requests), and the rest (one)."""
        return read_network(self._connection, interface=interface, transfer=transfer)

    def add(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links that share their options; one that is already there is no error.

        Everything that the server's own settings would otherwise decide about running and place goes with it. A reply
        says nothing to build on (4.2 to 5.3): a duplicate answers like a failure, and `Ok.` may cover failures.
        """
        if not magnets or any(not uri.startswith("magnet:?") or "\n" in uri or "\r" in uri for uri in magnets):
            raise ValueError("only magnet links are added here: anything else could be a path on the server's own disk")
        try:
            self._connection.call("torrents/add", lambda client: self._add(client, magnets, options))
        except Rejected as error:
            if error.http_status != 409:  # >= 5.2: none was added, which is also what all duplicates answer
                raise

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Put tags on, creating those that are new."""
        hashes, names = _checked(ids), _checked_tags(tags)
        self._connection.call("torrents/addTags", lambda c: c.torrents_add_tags(names, hashes))

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Take tags off. `tags` is never empty: qBittorrent would take off all of them."""
        hashes, names = _checked(ids), _checked_tags(tags)
        self._connection.call("torrents/removeTags", lambda c: c.torrents_remove_tags(names, hashes))

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Put into a category that exists; "" takes out of any."""
        hashes = _checked(ids)
        self._connection.call("torrents/setCategory", lambda c: c.torrents_set_category(category, hashes))

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path; management becomes manual."""
        hashes = _checked(ids)
        self._connection.call("torrents/setLocation", lambda c: c.torrents_set_location(path, hashes))

    def rename(self, torrent_id: str, name: str) -> None:
        """Give one torrent its name."""
        self._connection.call("torrents/rename", lambda c: c.torrents_rename(torrent_id, name))

    def stop(self, ids: Collection[str]) -> None:
        """Stop (pause). The state shows it only with the server's next refresh, 1.5 s later at most."""
        hashes = _checked(ids)
        self._connection.call("torrents/stop", lambda c: c.torrents_stop(hashes))

    def start(self, ids: Collection[str]) -> None:
        """Start (resume). Never for one that runs: it would lose its forced start."""
        hashes = _checked(ids)
        self._connection.call("torrents/start", lambda c: c.torrents_start(hashes))

    def force_start(self, ids: Collection[str]) -> None:
        """Start past the queue, stopped or not. A stop takes this off, and a plain start does not bring it back."""
        hashes = _checked(ids)
        self._connection.call("torrents/setForceStart", lambda c: c.torrents_set_force_start(True, hashes))

    def delete(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove, with or without downloaded data."""
        hashes = _checked(ids)
        self._connection.call("torrents/delete", lambda c: c.torrents_delete(delete_files, hashes))

    def create_category(self, name: str, save_path: str) -> None:
        """Make a category that is not there; one that is there is refused (409)."""
        self._connection.call("torrents/createCategory", lambda c: c.torrents_create_category(name, save_path))

    def edit_category(self, category: LiveCategory, save_path: str) -> None:
        """Give a category that is there another path, keeping all else it has.

        An edit replaces everything (until 5.2), so the download path and limits that were read are sent back. Nothing
        is sent where the path is as it was read: until 5.1 an edit that changes nothing is refused.
        """
        if normal_path(save_path) == normal_path(category.save_path):
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
        limits |= _download_path(extra.get("download_path"))
        self._connection.call(
            "torrents/editCategory", lambda c: c.torrents_edit_category(category.name, save_path, **limits)
        )

    def _add(self, client: Client, magnets: Sequence[str], options: AddOptions) -> None:
        client.torrents_add(
            urls=magnets,
            save_path=options.save_path,
            category=options.category or None,
            rename=options.name,
            tags=options.tags if options.tags and self.tags_at_add else None,
            is_stopped=options.stopped,  # is_paused=False would be dropped by the library
            use_auto_torrent_management=options.auto_tmm,
            stopCondition="None",  # else the server's own setting (>= 4.5) may stop what should run
        )

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


def _checked(ids: Collection[str]) -> list[str]:
    """Ids as qBittorrent takes them. No id at all, or `all`, would mean every torrent: a mistake of the caller's."""
    if not ids or not all(map(_ID.fullmatch, ids)):
        raise ValueError("ids are a non-empty collection of infohashes")
    return list(ids)


def _checked_tags(tags: Collection[str]) -> list[str]:
    """Tags as qBittorrent takes them: joined by commas, so none may hold one."""
    if not tags or any(not tag.strip() or "," in tag for tag in tags):
        raise ValueError("tags are a non-empty collection of names without commas")
    return list(tags)


def _download_path(path: object) -> dict[str, Any]:
    """A category's download path (>= 4.4) as editCategory takes it: not said (absent, null), none (false) or a path."""
    if path is None:
        return {}
    return {"enable_download_path": path is not False, "download_path": path or ""}
