"""The endpoints that only read. They answer as qBittorrent 5.1 does, from the catalogue; only details cost a request.

See docs/decisions/0142-the-gateway-is-one-qbittorrent-5-1.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.gateway import Shows
from reconciler.model.rows import InstanceUnavailable, LiveRows
from reconciler.web.catalogue import Catalogue, CatalogueView, KnownTorrent
from reconciler.web.context import WebContext
from reconciler.web.gateway.access import session_of
from reconciler.web.gateway.details import (
    JSON_MEDIA_TYPE,
    PENDING_LISTS,
    DetailReader,
    make_json_response,
    make_tracker,
)
from reconciler.web.gateway.listing import list_torrents
from reconciler.web.gateway.main_data import MainDataMemory, MainState, index_trackers
from reconciler.web.gateway.parameters import parse_bool, parse_int, read_post_form, require
from reconciler.web.gateway.preferences import PreferenceReader
from reconciler.web.gateway.server_state import merge_server_states, select_transfer_info
from reconciler.web.path_maps import PathMap

VERSION: Final = "v5.1.0"
WEB_API_VERSION: Final = "2.11.4"
BUILD_INFO: Final = {
    "bitness": 64,
    "boost": "1.83.0",
    "libtorrent": "2.0.11.0",
    "openssl": "3.5.9",
    "platform": "linux",
    "qt": "6.8.2",
    "zlib": "1.3.1",
}
SHARED_STATES: Final = 16  # that clients of one API key have
_MEMORY_KEY: Final = "sync/maindata"
Parameters = Mapping[str, str]
Handler = Callable[[Parameters], Response]


class ReadEndpoints:
    """The endpoints of `app/`, `torrents/`, `sync/` and `transfer/` that change nothing. Each takes GET and POST."""

    def __init__(self, context: WebContext, catalogue: Catalogue, rows: LiveRows) -> None:
        self._context, self._catalogue, self._rows = context, catalogue, rows
        self._details, self._preferences = DetailReader(rows), PreferenceReader(rows)
        self._trackers: tuple[Mapping[str, KnownTorrent], Mapping[str, tuple[str, ...]]] = ({}, {})

    def make_routes(self) -> list[Route]:
        """Return the routes, without `/api/v2`."""
        handlers: dict[str, Handler] = {
            "app/version": lambda _: PlainTextResponse(VERSION),
            "app/webapiVersion": lambda _: PlainTextResponse(WEB_API_VERSION),
            "app/buildInfo": lambda _: make_json_response(BUILD_INFO),
            "app/preferences": lambda _: make_json_response(self._read_preferences()),
            "app/defaultSavePath": lambda _: PlainTextResponse(str(self._read_preferences()[SAVE_PATH])),
            "torrents/info": self.list_torrents,
            "torrents/count": lambda _: PlainTextResponse(str(len(self._select(self._catalogue.read())))),
            "torrents/categories": lambda _: make_json_response(self._catalogue.read().categories),
            "torrents/tags": lambda _: make_json_response(self._catalogue.read().tags),
            "torrents/properties": self.read_properties,
            "torrents/export": lambda parameters: self._details.export_file(self._find(parameters)),
            "torrents/uploadLimit": lambda parameters: self.list_limits(parameters, "up_limit"),
            "torrents/downloadLimit": lambda parameters: self.list_limits(parameters, "dl_limit"),
            "sync/torrentPeers": lambda parameters: self._details.read_peers(self._find(parameters, is_required=False)),
            "transfer/info": lambda _: make_json_response(select_transfer_info(self._read_server_state())),
            "transfer/speedLimitsMode": lambda _: self._make_transfer_response("use_alt_speed_limits"),
            "transfer/uploadLimit": lambda _: self._make_transfer_response("up_rate_limit"),
            "transfer/downloadLimit": lambda _: self._make_transfer_response("dl_rate_limit"),
            **{endpoint: self._make_detail_handler(endpoint) for endpoint in PENDING_LISTS},
        }
        routes = [_make_route(endpoint, handler) for endpoint, handler in handlers.items()]
        return [*routes, Route("/sync/maindata", self.sync_main_data, methods=["GET", "POST"])]

    def list_torrents(self, parameters: Parameters) -> Response:
        """Return `torrents/info`."""
        view = self._catalogue.read()
        has_subcategories = any(rows.server_state.get("use_subcategories") for rows in view.instances.values())
        torrents = list_torrents(self._select(view), parameters, has_subcategories=has_subcategories)
        if parse_bool(parameters.get("includeTrackers", "")):
            return make_json_response(self._add_trackers(torrents))
        return make_json_response([known.row for known in torrents])

    def read_properties(self, parameters: Parameters) -> Response:
        """Return `torrents/properties`."""
        known = self._find(parameters)
        return self._details.read_properties(known, self._path_map_of(known))

    def list_limits(self, parameters: Parameters, name: str) -> Response:
        """Return the limits of torrents by their ids, -1 for a torrent that is not there."""
        require(parameters, "hashes")
        torrents = self._select(self._catalogue.read())
        ids = parameters["hashes"].split("|")
        found = {key: torrents.get(key.lower()) for key in ids}
        return make_json_response({key: known.row[name] if known else -1 for key, known in found.items()})

    async def sync_main_data(self, request: Request) -> Response:
        """Return `sync/maindata`: what has changed since the reply with the number `rid` in this session."""
        parameters = await _read_parameters(request)
        session = session_of(request)
        is_shared = not session.id  # by all clients that have the API key
        memory = session.memory.setdefault(_MEMORY_KEY, MainDataMemory(SHARED_STATES if is_shared else 2))
        rid = parse_int(parameters.get("rid", "")) or 0
        body = await run_in_threadpool(lambda: memory.reply(rid, self._make_main_state()))
        return Response(body, media_type=JSON_MEDIA_TYPE)

    def _make_main_state(self) -> MainState:
        view = self._catalogue.read()
        torrents = self._select(view)
        if self._trackers[0] is not torrents:
            self._trackers = torrents, index_trackers(torrents)
        known_torrents, trackers = self._trackers
        if known_torrents is not torrents:  # another thread has been faster
            trackers = index_trackers(torrents)
        return MainState(torrents, view.categories, view.tags, trackers, self._read_server_state(view))

    def _make_detail_handler(self, endpoint: str) -> Handler:
        passed_on = ("indexes",) if endpoint == "torrents/files" else ()

        def read(parameters: Parameters) -> Response:
            known = self._find(parameters)
            more = {name: parameters[name] for name in passed_on if name in parameters}
            return self._details.read_list(known, endpoint, more)

        return read

    def _add_trackers(self, torrents: Sequence[KnownTorrent]) -> list[dict[str, Any]]:
        """Return rows with the trackers of each torrent: one request to each instance, from 5.1 on."""
        trackers: dict[str, Any] = {}
        for name in dict.fromkeys(known.instance for known in torrents if known.instance):
            ids = [str(known.row["hash"]) for known in torrents if known.instance == name]
            trackers |= self._read_trackers(name, ids)
        return [_insert_trackers(known, trackers.get(str(known.row["hash"]))) for known in torrents]

    def _read_trackers(self, instance: str, ids: Sequence[str]) -> dict[str, Any]:
        form = {"includeTrackers": "true", "hashes": "|".join(ids)}
        try:
            rows = from_json(self._rows.ask(instance, "torrents/info", form).body, allow_inf_nan=False)
        except (InstanceUnavailable, ValueError):
            return {}
        return {
            row["hash"]: row["trackers"] for row in rows if isinstance(row, dict) and {"hash", "trackers"} <= row.keys()
        }

    def _find(self, parameters: Parameters, *, is_required: bool = True) -> KnownTorrent:
        """Return the torrent that a request is about. Raises `HTTPException`: 400 without `hash`, 404 if unknown."""
        if is_required:
            require(parameters, "hash")
        known = self._select(self._catalogue.read()).get(parameters.get("hash", "").strip().lower())
        if known is None:
            raise HTTPException(404, "Not Found")
        return known

    def _select(self, view: CatalogueView) -> Mapping[str, KnownTorrent]:
        gateway = self._context.get_desired().gateway
        return view.select(gateway.shows if gateway else Shows.INTAKE)

    def _list_targets(self) -> tuple[str, ...]:
        """Return the instances that torrents go to, in the order of preference."""
        desired = self._context.get_desired()
        return desired.members_of(desired.intake.instance) if desired.intake else tuple(desired.instances)

    def _path_map_of(self, known: KnownTorrent) -> PathMap:
        declared = self._context.get_desired().instances.get(known.instance or "")
        return declared.path_map if declared else {}

    def _read_preferences(self) -> dict[str, Any]:
        maps = {name: instance.path_map for name, instance in self._context.get_desired().instances.items()}
        return self._preferences.read(self._list_targets(), maps)

    def _read_server_state(self, view: CatalogueView | None = None) -> dict[str, Any]:
        instances = (view or self._catalogue.read()).instances
        return merge_server_states(instances.values(), self._list_targets())

    def _make_transfer_response(self, name: str) -> Response:
        return PlainTextResponse(str(int(self._read_server_state()[name])))


def _insert_trackers(known: KnownTorrent, trackers: object) -> dict[str, Any]:
    """Return a row with its trackers, in the order of 5.1. If an instance does not say them, none was contacted."""
    listed = trackers or [make_tracker(url, tier) for tier, url in enumerate(known.trackers)]
    return dict(sorted({**known.row, "trackers": listed}.items()))


def _make_route(endpoint: str, handler: Handler) -> Route:
    async def answer(request: Request) -> Response:
        return await run_in_threadpool(handler, await _read_parameters(request))

    return Route(f"/{endpoint}", answer, methods=["GET", "POST"])


async def _read_parameters(request: Request) -> Parameters:
    """Return the parameters: those of the query for GET, those of the body for POST, as in 5.1."""
    if request.method == "POST":
        return (await read_post_form(request)).fields
    return dict(request.query_params)
