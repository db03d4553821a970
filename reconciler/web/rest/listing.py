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
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.rest.documents import get_eta, get_number, list_tags
from reconciler.web.sync_states import SyncState

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_TEXT: Final = 1000  # characters of a filter
_MAX_CURSOR: Final = 4000
_END: Final = "end"  # in a cursor: the page ends before the torrent

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
    """Torrents of a list in its order, the number of all that match, and the cursors of the pages after and before.

    `first_number`: the number of its first torrent in the list, from 1.
    """

    torrents: tuple[KnownTorrent, ...]
    total: int
    next_cursor: str | None
    previous_cursor: str | None = None
    first_number: int = 1


Filter = Callable[[KnownTorrent], bool]
_Ranked = tuple[bool, SortValue, str, KnownTorrent]  # its infohashes differ, so torrents are never compared


def list_torrents(torrents: Iterable[KnownTorrent], query: ListQuery) -> Page:
    """Return the page of a list that a query asks for. Raises `CursorError`."""
    filters = make_filters(query).values()
    return list_page([torrent for torrent in torrents if all(is_match(torrent) for is_match in filters)], query)


def list_page(matching: Collection[KnownTorrent], query: ListQuery) -> Page:
    """Return the page of torrents that match the filters already. Raises `CursorError`."""
    descending, key = query.sort.startswith("-"), SortKey(query.sort.removeprefix("-"))
    get_value, limit, total = _SORT_VALUES[key], query.limit, len(matching)
    cursor = _decode_cursor(query.cursor, query.sort) if query.cursor else None
    ranked: list[_Ranked] = [
        (*_rank(get_value(torrent), descending=descending), torrent.row["hash"], torrent) for torrent in matching
    ]
    choose_first, choose_last = (heapq.nlargest, heapq.nsmallest) if descending else (heapq.nsmallest, heapq.nlargest)
    skipped = 0
    if cursor:
        place = (*_rank(cursor.value, descending=descending), cursor.infohash)
        before = [item for item in ranked if (item[:3] > place if descending else item[:3] < place)]
        if cursor.is_end:
            ranked = choose_last(limit, before)[::-1] if len(before) >= limit else ranked  # never a short first page
            skipped = max(0, len(before) - limit)
        else:
            ranked = [item for item in ranked if (item[:3] < place if descending else item[:3] > place)]
            skipped = total - len(ranked)
    page = tuple(torrent for *_, torrent in choose_first(limit, ranked))
    has_more = bool(page) and skipped + len(page) < total
    return Page(
        page,
        total,
        _encode_cursor(query.sort, get_value(page[-1]), page[-1].row["hash"]) if has_more else None,
        _encode_cursor(query.sort, get_value(page[0]), page[0].row["hash"], _END) if page and skipped else None,
        skipped + 1,
    )


def _rank(value: SortValue | None, *, descending: bool) -> tuple[bool, SortValue]:
    """Return the place of a value in the order: what is not known comes last in both directions."""
    return (False, 0) if value is None and descending else (True, 0) if value is None else (descending, value)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """A place in the order, by a torrent. The page is after it, or ends before it (`is_end`)."""

    value: SortValue | None
    infohash: str
    is_end: bool = False


def _encode_cursor(*parts: SortValue | None) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, sort: str) -> _Cursor:
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        place = None
    match place:
        case [str(of_sort), None | str() | int() | float() as value, str(infohash), *end] if of_sort == sort:
            is_text = sort.removeprefix("-") in _TEXT_KEYS
            if end in ([], [_END]) and (value is None or isinstance(value, str) is is_text):
                return _Cursor(value, infohash, bool(end))
    raise CursorError('"cursor" is not the "next" of a page with this order')


def make_filters(query: ListQuery) -> Mapping[str, Filter]:
    """Return the filters of a query as predicates, by their parameter."""
    filters: dict[str, Filter] = {}
    if query.instance is not None:
        filters["instance"] = lambda torrent: query.instance in torrent.instances
    if query.group is not None:
        filters["group"] = lambda torrent: torrent.entry is not None and torrent.entry.instance == query.group
    if query.category is not None:
        filters["category"] = lambda torrent: (torrent.row.get("category") or "") == query.category
    if query.tag is not None:
        filters["tag"] = lambda torrent: query.tag in list_tags(torrent.row)
    if query.state is not None:
        filters["state"] = lambda torrent: torrent.row["state"] == query.state
    if query.sync is not None:
        filters["sync"] = lambda torrent: torrent.sync_state == query.sync
    if query.label:
        labels = [label.partition(":")[::2] for label in query.label]
        filters["label"] = partial(_has_labels, labels=labels)
    if query.text:
        filters["text"] = partial(_has_text, text=query.text.casefold())
    return filters


def _has_text(torrent: KnownTorrent, text: str) -> bool:
    row = torrent.row
    return text in row["name"].casefold() or text in row["hash"] or text in (row.get("infohash_v2") or "")


def _has_labels(torrent: KnownTorrent, labels: Iterable[tuple[str, str]]) -> bool:
    entry = torrent.entry
    return entry is not None and all(entry.labels.get(name) == value for name, value in labels)


def _shorten(text: str) -> str:
    """Return the beginning of a text, so that a cursor is short; the infohash decides between equal beginnings."""
    return text[:200]


def _live_number(torrent: KnownTorrent, key: str) -> float | None:
    return get_number(torrent.row, key, is_live=torrent.instance is not None)
