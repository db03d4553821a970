"""The routes of our REST, made from the table of operations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.web.api import JSON_MEDIA_TYPE, encode_json
from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.rest.events import EventLog, EventStream, RunWatch, TorrentWatch
from reconciler.web.rest.openapi import build_openapi
from reconciler.web.rest.operations import OPERATIONS
from reconciler.web.rest.torrents import TorrentEndpoints

Endpoint = Callable[[Request], Any]


def make_rest_routes(context: WebContext, catalogue: Catalogue) -> list[Route]:
    """Return the routes of the operations that are not those of the status board."""
    torrents, log = TorrentEndpoints(context, catalogue), EventLog()
    context.board.subscribe(RunWatch(log).on_change)
    events = EventStream(log, TorrentWatch(log, lambda: catalogue.read().torrents))
    endpoints: dict[str, Endpoint] = {
        "list_torrents": torrents.get_list,
        "add_torrent": torrents.post,
        "get_torrent": torrents.get_one,
        "change_torrent": torrents.patch,
        "remove_torrent": torrents.delete,
        "get_events": events.open,
        "get_openapi": _OpenApiDocument(context.read_schema).get,
    }
    return [
        Route(operation.path, endpoints[operation.name], methods=[operation.method])
        for operation in OPERATIONS
        if operation.name in endpoints
    ]


class _OpenApiDocument:
    """The OpenAPI document, made when it is first asked for."""

    def __init__(self, read_schema: Callable[[], Mapping[str, Any]]) -> None:
        self._read_schema = read_schema
        self._lock = threading.Lock()
        self._body = b""

    def get(self, _request: Request) -> Response:
        with self._lock:
            self._body = self._body or encode_json(build_openapi(self._read_schema()))
        return Response(self._body, media_type=JSON_MEDIA_TYPE)
