"""The operations of `/api/v1`, in one table: the routes and the OpenAPI document are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.rest.documents import (
    ChangeResult,
    LiveSnapshotDocument,
    PlanDocument,
    StatusDocument,
    TorrentList,
    TorrentResult,
)
from reconciler.web.rest.events import MEDIA_TYPE
from reconciler.web.rest.listing import ListQuery
from reconciler.web.rest.torrents import PATH, DeleteQuery, WaitQuery


class Body(StrEnum):
    """The bodies of requests: keys of a torrent entry with its source, or keys that change."""

    NEW_TORRENT = "new torrent"
    CHANGES = "changes"


class SnapshotQuery(BaseModel):
    """The parameters of a snapshot."""

    model_config = ConfigDict(extra="allow")

    hash_names: bool = Field(default=False, description="Hash the names of torrents, paths and hosts.")


@dataclass(frozen=True, slots=True)
class Success:
    """A reply that is no error. `kind`: its typed dictionary or, if it is no JSON of ours, its media type."""

    kind: Any
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, with its successes and errors by status.

    `errors`: when they occur, besides the errors of every operation.
    """

    name: str
    method: str
    path: str
    summary: str
    successes: Mapping[int, Success]
    query: type[BaseModel] | None = None
    body: Body | None = None
    needs_token: bool = False
    errors: Mapping[int, str] = field(default_factory=dict)


EARLY: Final = {503: "No run has ended yet."}
UNKNOWN: Final = {404: "No torrent has this infohash."}
REFUSED: Final = {
    409: "A file of people declares the torrent, or the intake is full. The problems name the place.",
    503: "The intake cannot be written, or the token cannot be read.",
}
WRONG_BODY: Final = {413: "The body is too large.", 415: "The body has another type."}
COMMON_ERRORS: Final = {400: "The request is wrong.", 429: "Too many requests.", 431: "The headers are too large."}
TOKEN_ERRORS: Final = {
    401: "The bearer token is missing or wrong.",
    403: "No token is configured, or no intake is declared.",
}
JSON_OBJECT: Final = "application/json"

OPERATIONS: Final = (
    Operation(
        "list_torrents",
        "GET",
        PATH,
        "List torrents",
        {200: Success(TorrentList, "A page of the torrents that match the filters.")},
        ListQuery,
    ),
    Operation(
        "add_torrent",
        "POST",
        PATH,
        "Hand in a torrent: its entry is on disk when the reply comes",
        {
            201: Success(ChangeResult, "It was added. `Location` is its address."),
            200: Success(ChangeResult, "It had been handed in before; nothing was changed."),
            202: Success(ChangeResult, "Its URL was recorded, and could not be fetched yet."),
        },
        WaitQuery,
        Body.NEW_TORRENT,
        needs_token=True,
        errors=REFUSED | WRONG_BODY,
    ),
    Operation(
        "get_torrent",
        "GET",
        f"{PATH}/{{infohash}}",
        "Show a torrent",
        {200: Success(TorrentResult, "The torrent.")},
        errors=UNKNOWN,
    ),
    Operation(
        "change_torrent",
        "PATCH",
        f"{PATH}/{{infohash}}",
        "Change keys of the entry of a torrent that was handed in; null removes a key",
        {200: Success(ChangeResult, "The entry was changed.")},
        WaitQuery,
        Body.CHANGES,
        needs_token=True,
        errors=UNKNOWN | REFUSED | WRONG_BODY,
    ),
    Operation(
        "remove_torrent",
        "DELETE",
        f"{PATH}/{{infohash}}",
        "Remove a torrent that was handed in",
        {
            202: Success(ChangeResult, "Its entry is marked as absent, and the next run deletes it."),
            200: Success(ChangeResult, "It is gone: only with `wait`."),
        },
        DeleteQuery,
        needs_token=True,
        errors=UNKNOWN | REFUSED,
    ),
    Operation(
        "get_events",
        "GET",
        "/api/v1/events",
        "Follow runs, torrents and instances as server-sent events",
        {200: Success(MEDIA_TYPE, "A stream without end.")},
        errors={503: "There are too many listeners."},
    ),
    Operation(
        "get_status",
        "GET",
        "/api/v1/status",
        "Show the loop and its instances",
        {200: Success(StatusDocument, "The status.")},
    ),
    Operation(
        "get_plan",
        "GET",
        "/api/v1/plan",
        "Show the report of the last run",
        {200: Success(PlanDocument, "The report.")},
        errors=EARLY,
    ),
    Operation(
        "get_snapshot",
        "GET",
        "/api/v1/snapshot",
        "Show what the last run has read",
        {200: Success(LiveSnapshotDocument, "The snapshot.")},
        SnapshotQuery,
        needs_token=True,
        errors=EARLY,
    ),
    Operation(
        "get_openapi", "GET", "/api/v1/openapi.json", "Show this document", {200: Success(JSON_OBJECT, "The document.")}
    ),
)
