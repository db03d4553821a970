"""The list of torrents: search, filters with their counts, order and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.desired import DesiredState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.rows import FIRST_READ, InstanceRows
from reconciler.report.sanitize import truncate_text
from reconciler.web.catalogue import Catalogue, KnownTorrent
from reconciler.web.context import WebContext
from reconciler.web.pages.facets import Counts, count_facets
from reconciler.web.pages.frame import PageFrame
from reconciler.web.pages.torrent_text import (
    SYNC_HINTS,
    SYNC_MARKS,
    Mark,
    describe_state,
    duration_text,
    percent_text,
    rate_text,
    ratio_text,
    size_text,
)
from reconciler.web.rest.bodies import parse_parameters
from reconciler.web.rest.documents import get_eta, get_number, list_tags
from reconciler.web.rest.listing import DEFAULT_LIMIT, CursorError, ListQuery, Page, SortKey, list_page, make_filters
from reconciler.web.sync_states import SyncState

NO_CATEGORY: Final = "/"  # in the address of the page: torrents without one. No category can have this name
MAX_NAME_LENGTH: Final = 255  # characters
MAX_UNLISTED: Final = 5  # entries whose torrent is not known yet, to name
OLD_AFTER: Final = timedelta(seconds=30)  # since its last read, the page says how old an instance's torrents are
_PAGE_PARAMETERS: Final = frozenset({"refresh"})  # of every page
_FACET_LABELS: Final = {
    "sync": "Sync",
    "state": "State",
    "instance": "Instance",
    "group": "Group",
    "category": "Category",
    "tag": "Tag",
}
# label, the key that it sorts by, and the class of its cells
_COLUMNS: Final = (
    ("Torrent", "name", ""),
    ("Sync", "sync", ""),
    ("State", "state", ""),
    ("ETA", "eta", "number eta"),
    ("Ratio", "ratio", "number ratio"),
    ("Size", "size", "number"),
    ("Speed", "download_rate", "number"),
    ("Category", "category", "category"),
    ("Where", "instance", ""),
    ("Declared at", "", "source"),
    ("Added", "added", "wide"),
)
_SORT_LABELS: Final[Mapping[SortKey, str]] = {
    SortKey.NAME: "name",
    SortKey.SYNC: "sync",
    SortKey.STATE: "state",
    SortKey.PROGRESS: "progress",
    SortKey.ETA: "ETA",
    SortKey.RATIO: "ratio",
    SortKey.SIZE: "size",
    SortKey.DOWNLOAD_RATE: "download rate",
    SortKey.UPLOAD_RATE: "upload rate",
    SortKey.CATEGORY: "category",
    SortKey.INSTANCE: "instance",
    SortKey.ADDED: "added",
    SortKey.INFOHASH: "infohash",
}
_ASCENDING_FIRST: Final = frozenset({"name", "category", "instance", "state", "sync", "eta"})


@dataclass(frozen=True, slots=True)
class TorrentLine:
    """A torrent of the list. Texts of what is not known are a dash.

    `where`: the instances that have it; `target`: the group or instance that it is declared for, if that is not the
    same. `source`: file and line of its entry, "" if it has none.
    """

    infohash: str
    name: str
    mark: Mark
    reason: str
    state: str
    state_tone: str
    progress: float | None
    percent: str
    eta: str
    ratio: str
    size: str
    down: str
    up: str
    category: str
    tags: tuple[str, ...]
    where: str
    target: str
    source: str
    added: datetime | None


@dataclass(frozen=True, slots=True)
class FacetOption:
    """A value of a filter, and the number of torrents that it would leave."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FacetView:
    """A filter with its values."""

    name: str
    label: str
    options: tuple[FacetOption, ...]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column. `query` sorts by it, None: it cannot be sorted by. `order`: `ascending`, `descending` or ""."""

    label: str
    css_class: str
    query: Mapping[str, Any] | None
    order: str


class TorrentsPage:
    """The page."""

    def __init__(self, frame: PageFrame, context: WebContext, catalogue: Catalogue) -> None:
        self._frame, self._context, self._catalogue = frame, context, catalogue

    def get(self, request: Request) -> Response:
        """Return the page; with status 400 if a parameter is wrong."""
        loop, view = self._context.board.get_view(), self._catalogue.read(is_urgent=True)
        desired = self._context.get_desired()
        try:
            query, error = parse_page_query(request.query_params.multi_items()), ""
        except HTTPException as failure:
            query, error = ListQuery(), failure.detail
        matching, counts = count_facets(view.torrents.values(), make_filters(query))
        try:
            page = list_page(matching, query)
        except CursorError:
            page, error = list_page(matching, query.model_copy(update={"cursor": None})), "This page does not exist."
        parameters = build_parameters(query)
        return self._frame.respond(
            request,
            loop,
            "torrents.html",
            "Torrents",
            status=400 if error else 200,
            error=error,
            query=query,
            facets=build_facets(counts, query, desired),
            columns=build_columns(query, parameters),
            lines=[build_line(torrent) for torrent in page.torrents],
            page_links=_link_pages(page, parameters),
            page_of=page,
            last_number=page.first_number + len(page.torrents) - 1,
            filters_count=len(make_filters(query)),
            all_count=len(view.torrents),
            hidden=_list_hidden(query),
            sort_choices=[(label, str(key)) for key, label in _SORT_LABELS.items()],
            unread=describe_reads(view.instances.values(), loop.now),
            unlisted=[str(entry.position) for entry in view.unlisted[:MAX_UNLISTED]],
            unlisted_count=len(view.unlisted),
        )


def parse_page_query(parameters: Iterable[tuple[str, str]]) -> ListQuery:
    """Return the query of an address, as a form sends it: an empty field is none. Raises `HTTPException`."""
    given = [(name, value.strip()) for name, value in parameters if value.strip() and name not in _PAGE_PARAMETERS]
    return parse_parameters(
        ListQuery, [(name, "" if (name, value) == ("category", NO_CATEGORY) else value) for name, value in given]
    )


def build_parameters(query: ListQuery) -> dict[str, Any]:
    """Return the parameters of an address for a query, without its place in the list and without what is usual."""
    given = query.model_dump(exclude_defaults=True, exclude={"cursor"}, mode="json")
    return {**given, **({"category": NO_CATEGORY} if query.category == "" else {})}


def build_line(torrent: KnownTorrent) -> TorrentLine:
    """Return a torrent as the list shows it."""
    row, is_live = torrent.row, torrent.instance is not None
    sync = SyncState(torrent.sync_state)
    state, state_tone = describe_state(row["state"])
    if not is_live or sync is SyncState.UNKNOWN:
        state, state_tone = "not added yet" if sync is SyncState.PENDING else "unknown", ""
    progress = get_number(row, "progress", is_live=is_live)
    target = torrent.entry.instance if torrent.entry else ""
    return TorrentLine(
        row["hash"],
        truncate_text(row["name"], MAX_NAME_LENGTH),
        SYNC_MARKS[sync],
        torrent.reason or SYNC_HINTS.get(sync, ""),
        state,
        state_tone,
        progress,
        percent_text(progress),
        "" if progress == 1 else duration_text(get_eta(row) if is_live else None),
        ratio_text(get_number(row, "ratio", is_live=is_live)),
        size_text(get_number(row, "size", is_live=is_live and row.get("has_metadata") is not False)),
        rate_text(get_number(row, "dlspeed", is_live=is_live)),
        rate_text(get_number(row, "upspeed", is_live=is_live)),
        row.get("category") or "",
        tuple(list_tags(row)),
        ", ".join(torrent.instances) or ("unknown" if sync is SyncState.UNKNOWN else "nowhere yet"),
        "" if (target,) == torrent.instances else target,
        f"{torrent.position.file}:{torrent.position.line}" if torrent.position else "",
        read_time(row, "added_on"),
    )


def read_time(row: Mapping[str, Any], key: str) -> datetime | None:
    """Return a time of a row; None if it is not known."""
    value = row.get(key)
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) and value > 0 else None
    except (OverflowError, ValueError, OSError):  # of a server that writes nonsense
        return None


def build_facets(counts: Mapping[str, Counts], query: ListQuery, desired: DesiredState) -> tuple[FacetView, ...]:
    """Return the filters that have a choice, or are chosen. Only what is a group counts as one."""
    facets = []
    for name, label in _FACET_LABELS.items():
        chosen = getattr(query, name)
        values = {value: count for value, count in counts[name].items() if name != "group" or value in desired.groups}
        if chosen is not None:
            values.setdefault(str(chosen), 0)
        if len(values) > 1 or chosen is not None:
            facets.append(FacetView(name, label, tuple(_build_options(name, values, chosen))))
    return tuple(facets)


def _build_options(name: str, values: Counts, chosen: object) -> list[FacetOption]:
    order = [str(state) for state in SYNC_MARKS]
    ranked = sorted(values, key=order.index if name == "sync" else str.casefold)
    return [
        FacetOption(
            NO_CATEGORY if (name, value) == ("category", "") else value,
            _describe_value(name, value),
            values[value],
            value == chosen,
        )
        for value in ranked
    ]


def _describe_value(name: str, value: str) -> str:
    if name == "sync":
        return SYNC_MARKS[SyncState(value)].text
    if name == "state":
        text, _ = describe_state(value)
        return text if text == value else f"{text} ({value})"
    return truncate_text(value, 80) or "none"


def build_columns(query: ListQuery, parameters: Mapping[str, Any]) -> tuple[ColumnView, ...]:
    """Return the columns, each with the query that sorts by it, or the other way round."""
    return tuple(_build_column(column, query.sort, parameters) for column in _COLUMNS)


def _build_column(column: tuple[str, str, str], sort: str, parameters: Mapping[str, Any]) -> ColumnView:
    label, key, css_class = column
    if not key:
        return ColumnView(label, css_class, None, "")
    order = {key: "ascending", f"-{key}": "descending"}.get(sort, "")
    first, second = (key, f"-{key}") if key in _ASCENDING_FIRST else (f"-{key}", key)
    return ColumnView(label, css_class, {**parameters, "sort": second if sort == first else first}, order)


@dataclass(frozen=True, slots=True)
class ReadNotice:
    """A sentence about an instance whose torrents are not shown as they are now. `is_passing`: it is being read."""

    text: str
    is_passing: bool


def describe_reads(instances: Iterable[InstanceRows], now: datetime) -> list[ReadNotice]:
    """Return a notice for each instance whose torrents are not shown as they are now."""
    notices = []
    for rows in instances:
        if not rows.is_read:
            known = "Its torrents are as they were last seen." if rows.rows else "Its torrents are not known."
            end = "" if rows.reason.endswith(("?", ".")) else "."
            notices.append(ReadNotice(f"{rows.name}: {rows.reason}{end} {known}", rows.reason == FIRST_READ))
        elif rows.read_at and now - rows.read_at > OLD_AFTER:
            seconds = int((now - rows.read_at).total_seconds())
            text = f"{rows.name} was read {duration_text(seconds)} ago, and is being read again."
            notices.append(ReadNotice(text, is_passing=True))
    return notices


def _link_pages(page: Page, parameters: Mapping[str, Any]) -> dict[str, Mapping[str, Any] | None]:
    """Return the parameters of the first page, and of the pages before and after; None where there is none."""
    is_first = page.first_number == 1 and page.torrents
    return {
        "first": None if is_first or not page.total else parameters,
        "previous": {**parameters, "cursor": page.previous_cursor} if page.previous_cursor else None,
        "next": {**parameters, "cursor": page.next_cursor} if page.next_cursor else None,
    }


def _list_hidden(query: ListQuery) -> list[tuple[str, str]]:
    """Return the parameters that the form of the filters keeps, and does not show."""
    hidden = [("label", label) for label in query.label]
    return hidden + ([("limit", str(query.limit))] if query.limit != DEFAULT_LIMIT else [])
