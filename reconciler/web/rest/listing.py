"""The list of torrents: filters, order, and pages that stay right while torrents change.

A cursor names the last torrent of a page by its place in the order, not by its number. So torrents that come, go or
change between two pages shift no other: each torrent whose place stays the same is on exactly one page.
See docs/decisions/0155-nothing-is-kept-for-a-client-of-rest.md.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from reconciler.web.catalogue import KnownTorrent
from reconciler.web.rest.documents import get_eta, get_number, list_tags
from reconciler.web.sync_states import SyncState

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_TEXT: Final = 1000  # characters of a filter
_MAX_CURSOR: Final = 4000

SortValue = str | float
Text = Annotated[str, Field(max_length=MAX_TEXT)]


class SortKey(StrEnum):
    """The keys that a list can be sorted by."""

    NAME = "name"
    INFOHASH = "infohash"
    ADDED = "added"
    CATEGORY = "category"
    ETA = "eta"
    INSTANCE = "instance"
    PROGRESS = "progress"
    RATIO = "ratio"
    SIZE = "size"
    STATE = "state"
    SYNC = "sync"
    DOWNLOAD_RATE = "download_rate"
    UPLOAD_RATE = "upload_rate"


_SORT_VALUES: Final[Mapping[SortKey, Callable[[KnownTorrent], SortValue | None]]] = {
    SortKey.NAME: lambda torrent: _shorten(torrent.row["name"].casefold()),
    SortKey.INFOHASH: lambda torrent: str(torrent.row["hash"]),
    SortKey.ADDED: lambda torrent: _live_number(torrent, "added_on"),
    SortKey.CATEGORY: lambda torrent: _shorten(torrent.row.get("category") or "") or None,
    SortKey.ETA: lambda torrent: get_eta(torrent.row) if torrent.instance else None,
    SortKey.INSTANCE: lambda torrent: torrent.instance,
    SortKey.PROGRESS: lambda torrent: _live_number(torrent, "progress"),
    SortKey.RATIO: lambda torrent: _live_number(torrent, "ratio"),
    SortKey.SIZE: lambda torrent: _live_number(torrent, "size"),
    SortKey.STATE: lambda torrent: _shorten(torrent.row["state"]),
    SortKey.SYNC: lambda torrent: str(torrent.sync_state),
    SortKey.DOWNLOAD_RATE: lambda torrent: _live_number(torrent, "dlspeed"),
    SortKey.UPLOAD_RATE: lambda torrent: _live_number(torrent, "upspeed"),
}
_TEXT_KEYS: Final = frozenset(
    {SortKey.NAME, SortKey.INFOHASH, SortKey.CATEGORY, SortKey.INSTANCE, SortKey.STATE, SortKey.SYNC}
)


class ListQuery(BaseModel):
    """The parameters of `GET /api/v1/torrents`. A torrent is listed if it matches every filter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instance: Text | None = Field(default=None, description="Torrents that this instance has.")
    group: Text | None = Field(default=None, description="Torrents that are declared for this group, or instance.")
    category: Text | None = Field(default=None, description="Torrents of this category; an empty text: of none.")
    tag: Text | None = Field(default=None, description="Torrents with this tag.")
    state: Text | None = Field(
        default=None, description="Torrents in this state, as qBittorrent names it: `stalledUP`."
    )
    sync: SyncState | None = Field(default=None, description="Torrents in this state towards their declaration.")
    label: list[Annotated[str, Field(max_length=MAX_TEXT, pattern=r"^[^:]+:")]] = Field(
        default=[], max_length=20, description="Torrents with this label, `NAME:TEXT`, such as `movie_id:12`."
    )
    text: Text | None = Field(default=None, description="Torrents with this text in their name or infohash.")
    sort: str = Field(
        default="name",
        pattern=rf"^-?({'|'.join(SortKey)})$",
        description=f"{', '.join(SortKey)}; with `-`, the largest comes first. What is not known comes last.",
    )
    limit: int = Field(
        default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description=f"Torrents of a page, at most {MAX_LIMIT}."
    )
    cursor: Annotated[str, Field(max_length=_MAX_CURSOR)] | None = Field(
        default=None, description="`next` of the page before, with the same filters and order."
    )


class CursorError(ValueError):
    """A cursor is not one of ours, or belongs to another order; the message says so."""


@dataclass(frozen=True, slots=True)
class Page:
    """Torrents of a list in its order, the number of all that match, and the cursor of the next page."""

    torrents: tuple[KnownTorrent, ...]
    total: int
    next_cursor: str | None


def list_torrents(torrents: Iterable[KnownTorrent], query: ListQuery) -> Page:
    """Return the page of a list that a query asks for. Raises `CursorError`."""
    descending, key = query.sort.startswith("-"), SortKey(query.sort.removeprefix("-"))
    after = _decode_cursor(query.cursor, query.sort) if query.cursor else None
    get_value, tests = _SORT_VALUES[key], _make_tests(query)
    matching = [torrent for torrent in torrents if all(test(torrent) for test in tests)] if tests else torrents
    ranked = [(*_rank(get_value(torrent), descending=descending), torrent.row["hash"], torrent) for torrent in matching]
    total = len(ranked)
    if after:
        last = (*_rank(after[0], descending=descending), after[1])
        ranked = [item for item in ranked if (item[:3] < last if descending else item[:3] > last)]
    choose = heapq.nlargest if descending else heapq.nsmallest
    page = [torrent for *_, torrent in choose(query.limit, ranked)]  # the infohashes differ, so it is never compared
    has_more = len(ranked) > len(page)
    next_cursor = _encode_cursor(query.sort, get_value(page[-1]), page[-1].row["hash"]) if page and has_more else None
    return Page(tuple(page), total, next_cursor)


def _rank(value: SortValue | None, *, descending: bool) -> tuple[bool, SortValue]:
    """Return the place of a value in the order: what is not known comes last in both directions."""
    return (False, 0) if value is None and descending else (True, 0) if value is None else (descending, value)


def _encode_cursor(sort: str, value: SortValue | None, infohash: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, value, infohash]).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, sort: str) -> tuple[SortValue | None, str]:
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        place = None
    match place:
        case [str(of_sort), None | str() | int() | float() as value, str(infohash)] if of_sort == sort:
            if value is None or isinstance(value, str) is (sort.removeprefix("-") in _TEXT_KEYS):
                return value, infohash
    raise CursorError('"cursor" is not the "next" of a page with this order')


def _make_tests(query: ListQuery) -> list[Callable[[KnownTorrent], bool]]:
    """Return the predicates of all filters of a query."""
    tests: list[Callable[[KnownTorrent], bool]] = []
    if query.instance is not None:
        tests.append(lambda torrent: query.instance in torrent.instances)
    if query.group is not None:
        tests.append(lambda torrent: torrent.entry is not None and torrent.entry.instance == query.group)
    if query.category is not None:
        tests.append(lambda torrent: (torrent.row.get("category") or "") == query.category)
    if query.tag is not None:
        tests.append(lambda torrent: query.tag in list_tags(torrent.row))
    if query.state is not None:
        tests.append(lambda torrent: torrent.row["state"] == query.state)
    if query.sync is not None:
        tests.append(lambda torrent: torrent.sync_state == query.sync)
    for name, _, value in (label.partition(":") for label in query.label):
        tests.append(partial(_has_label, name=name, value=value))
    if query.text:
        text = query.text.casefold()
        tests.append(lambda torrent: text in torrent.row["name"].casefold() or text in torrent.row["hash"])
    return tests


def _has_label(torrent: KnownTorrent, name: str, value: str) -> bool:
    return torrent.entry is not None and torrent.entry.labels.get(name) == value


def _shorten(text: str) -> str:
    """Return the beginning of a text, so that a cursor is short; the infohash decides between equal beginnings."""
    return text[:200]


def _live_number(torrent: KnownTorrent, key: str) -> float | None:
    return get_number(torrent.row, key, is_live=torrent.instance is not None)
