"""A session that follows the rows of one instance, with all their fields, for those who show them.

See docs/decisions/0140-rows-are-read-once-for-all-clients.md.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from operator import itemgetter
from typing import Any, Final

from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.rows import Reply, Row
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.delta_risks import DeltaRisks
from reconciler.qbittorrent.deltas import NotADelta
from reconciler.qbittorrent.logins import LoginMemory
from reconciler.qbittorrent.main_data_polls import MainDataPolls
from reconciler.qbittorrent.row_schemas import MainValues

MAX_DELTA_AGE: Final = 60.0  # seconds since the last read, after which no delta is asked for: who knows what happened
DETAILS_INTERVAL: Final = 30.0  # seconds between reads of the categories and tags where there are no deltas
_ID: Final = re.compile(r"[0-9a-f]{40}\Z")
_get_texts: Final = itemgetter("name", "state", "category", "tags", SAVE_PATH, "magnet_uri")
_STOPPED_STATES: Final = ("stopped", "paused")


@dataclass(frozen=True, slots=True)
class FeedState:
    """An instance as it was last read. `rows` by `hash`. What did not change is the same object as the last time."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    server_state: Mapping[str, Any] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


class RowFeed:
    """A session beside that of the loop. Not thread-safe. Every method but `close` raises `InstanceError`.

    It follows the deltas of sync/maindata from qBittorrent 4.6 on, with the care that the server needs: see
    `MainDataPolls`. Where it may not, and before 4.6 or with an API key, it reads torrents/info. `now` is a
    monotonic clock in seconds. `warn` receives messages for the log.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        stop: threading.Event | None = None,
        logins: LoginMemory | None = None,
        delta_risks: DeltaRisks | None = None,
        now: Callable[[], float] = time.monotonic,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._instance = instance
        self._connection = Connection(instance, stop, logins=logins)
        self._delta_risks = delta_risks or DeltaRisks()
        self._now = now
        self._state = FeedState()
        self._polls = MainDataPolls(instance, self._connection, Client.read_main_values, self._delta_risks, now, warn)
        self._known_risks = 0  # counted before the last read
        self._read_at: float | None = None
        self._details_read_at: float | None = None

    @property
    def version(self) -> str:
        """qBittorrent's version, like `v5.1.0`; empty before the first request."""
        return self._connection.version

    @property
    def web_api(self) -> str:
        """The Web API version, like `2.11.4`; empty before the first request."""
        return self._connection.web_api

    @property
    def request_count(self) -> int:
        """The number of HTTP requests sent so far."""
        return self._connection.request_count

    def read(self) -> FeedState:
        """Read what has changed: one request, and one more while torrents wait for metadata.

        A full read costs the requests of a login more; without deltas, categories and tags cost three from time to
        time.
        """
        self._open()
        risks = self._delta_risks.count(self._instance.url)
        is_at_risk, self._known_risks = risks != self._known_risks, risks
        if not self._polls.is_possible:
            self._state = self._read_without_deltas()
        elif is_at_risk and self._read_at is not None:
            self._polls.end()
            self._state = self._read_list()
        elif self._polls.can_continue and self._is_recent():
            self._state = self._read_delta()
        elif self._polls.may_begin and (reply := self._polls.begin()) is not None:
            self._state = self._apply_full(reply)
        else:
            self._state = self._read_without_deltas()
        self._read_at = self._now()
        return self._state

    def _is_recent(self) -> bool:
        """True if the last read is recent enough for a delta."""
        return self._read_at is not None and self._now() - self._read_at < MAX_DELTA_AGE

    def ask(self, endpoint: str, form: Mapping[str, str]) -> Reply:
        """Send any request, and return the answer, also a refusal with its reason."""
        self._open()
        response = self._connection.call(endpoint, lambda client: client.send_request(endpoint, form))
        return Reply(response.status_code, response.content, response.headers.get("Content-Type", ""))

    def close(self) -> None:
        """Log out. Never raises."""
        self._connection.close()

    def _open(self) -> None:
        if self._connection.open_count == 0:
            self._connection.open()

    def _apply_full(self, reply: MainValues) -> FeedState:
        torrents = reply.get("torrents", {})
        for key, row in torrents.items():
            row["hash"] = key
        return keep_unchanged(
            self._state,
            FeedState(
                self._index_rows(torrents.values()),
                reply.get("server_state", {}),
                reply.get("categories", {}),
                tuple(reply.get("tags", ())),
            ),
        )

    def _read_delta(self) -> FeedState:
        waiting = [key for key, row in self._state.rows.items() if is_waiting_for_metadata(row)]
        if not self._polls.are_ids_kept(waiting):
            self._polls.end()
            return self._read_list()
        try:
            reply, is_full = self._polls.follow()
            return self._apply_full(reply) if is_full else apply_changes(self._state, reply)
        except NotADelta:
            self._polls.end()
            return self._read_list()

    def _read_without_deltas(self) -> FeedState:
        return self._read_details(self._read_list())

    def _read_list(self) -> FeedState:
        rows = self._connection.call("torrents/info", lambda client: client.read_row_values())
        return keep_unchanged(self._state, replace(self._state, rows=self._index_rows(rows)))

    def _read_details(self, state: FeedState) -> FeedState:
        if self._details_read_at is not None and self._now() - self._details_read_at < DETAILS_INTERVAL:
            return state
        categories = self._connection.call("torrents/categories", Client.read_category_values)
        tags = self._connection.call("torrents/tags", Client.read_tag_names)
        transfer = self._connection.call("transfer/info", Client.read_transfer_values)
        self._details_read_at = self._now()
        return keep_unchanged(state, FeedState(state.rows, transfer, categories, tuple(tags)))

    def _index_rows(self, rows: Iterable[Row]) -> dict[str, Row]:
        rows_by_id = {str(row.get("hash")): row for row in rows}
        broken = next((key for key, row in rows_by_id.items() if not is_complete(key, row)), None)
        if broken is not None:
            raise InstanceError(
                f"{self._instance.name}: the list of torrents at {self._instance.shown_url} is not as qBittorrent "
                "sends it. Does `url` lead to qBittorrent?"
            )
        return rows_by_id


def is_complete(torrent_id: str, row: Row) -> bool:
    """True if a row has its id and the texts that every version sends."""
    try:
        return bool(_ID.match(torrent_id)) and {*map(type, _get_texts(row))} == {str}
    except KeyError:
        return False


def is_waiting_for_metadata(row: Row) -> bool:
    """True if metadata may arrive for a torrent and give it another id, like a hybrid that was added by its v1 hash."""
    size = row.get("total_size")
    return isinstance(size, int) and size <= 0 and not row.get("infohash_v2") and not _is_stopped(row)


def apply_changes(state: FeedState, reply: MainValues) -> FeedState:
    """Return the state after a delta. Raises `NotADelta` if it does not continue the state."""
    changes = reply.get("torrents", {})
    changed = {key: {**state.rows.get(key, {"hash": key}), **change} for key, change in changes.items() if change}
    new = [row for key, row in changed.items() if key not in state.rows]
    if not all(is_complete(str(row["hash"]), row) for row in changed.values()):
        raise NotADelta
    if any(row.get("infohash_v1") in state.rows for row in new):  # a torrent has another id, and the old one stays
        raise NotADelta
    return FeedState(
        _merge(state.rows, changed, reply.get("torrents_removed", ())),
        _merge(state.server_state, reply.get("server_state", {}), ()),
        _merge(
            state.categories,
            {name: {**state.categories.get(name, {}), **row} for name, row in reply.get("categories", {}).items()},
            reply.get("categories_removed", ()),
        ),
        _merge_tags(state.tags, reply.get("tags", ()), reply.get("tags_removed", ())),
    )


def keep_unchanged(before: FeedState, after: FeedState) -> FeedState:
    """Return `after` with the objects of `before` for all that is equal."""
    rows = {
        key: known if (known := before.rows.get(key)) is not None and known == row else row
        for key, row in after.rows.items()
    }
    is_same = rows.keys() == before.rows.keys() and all(row is before.rows[key] for key, row in rows.items())
    return FeedState(
        before.rows if is_same else rows,
        before.server_state if after.server_state == before.server_state else after.server_state,
        before.categories if after.categories == before.categories else after.categories,
        before.tags if after.tags == before.tags else after.tags,
    )


def _merge(before: Mapping[str, Any], changed: Mapping[str, Any], removed: Sequence[str]) -> Mapping[str, Any]:
    if not changed and not removed:
        return before
    merged = {**before, **changed}
    for key in removed:
        merged.pop(key, None)
    return merged


def _merge_tags(before: tuple[str, ...], added: Sequence[str], removed: Sequence[str]) -> tuple[str, ...]:
    if not added and not removed:
        return before
    return tuple(tag for tag in dict.fromkeys((*before, *added)) if tag not in removed)


def _is_stopped(row: Row) -> bool:
    return str(row["state"]).startswith(_STOPPED_STATES)
