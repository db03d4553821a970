"""The routes of the adapters. Each is there only while the desired state in force names its adapter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from reconciler.model.gateway import ServiceSettings
from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.catalogue import Catalogue, CatalogueView
from reconciler.web.context import WebContext
from reconciler.web.gateway.access import GatewayAccess
from reconciler.web.services import creator, downloader, radarr
from reconciler.web.services.access import AdmitCaller, make_admission
from reconciler.web.services.calls import Call, Refusal, WaitForInfohashes
from reconciler.web.services.creator import CreatorEndpoints
from reconciler.web.services.downloader import DownloaderEndpoints
from reconciler.web.services.infohashes import InfohashWaiter
from reconciler.web.services.radarr import RadarrEndpoints
from reconciler.web.services.router import RouterEndpoints

HEALTH_TEXT: Final = "OK"
_ROUTER_PATHS: Final = ("/api/downloads", "/api/downloads/")  # the front end writes the second
_Answer = Callable[[Call, CatalogueView], Response]
_Table = tuple[tuple[str, str, _Answer], ...]


@dataclass(frozen=True, slots=True)
class _Adapter:
    """An adapter: whether it is named, and how it refuses."""

    is_named: Callable[[ServiceSettings], bool]
    render_refusal: Callable[[Refusal], Response]


@dataclass(frozen=True, slots=True)
class _Site:
    """The things that every endpoint needs."""

    context: WebContext
    catalogue: Catalogue
    admit_caller: AdmitCaller
    wait_for_infohashes: WaitForInfohashes


class _Endpoint:
    """An ASGI endpoint that lets a request in, and answers it in a thread."""

    def __init__(self, site: _Site, adapter: _Adapter, answer: _Answer) -> None:
        self._site, self._adapter, self._answer = site, adapter, answer

    async def __call__(self, request: Request) -> Response:
        """Answer a request. Raises `HTTPException`: 404 while the adapter is not named, and 401 or 403."""
        if not self._adapter.is_named(find_settings(self._site.context)):
            raise HTTPException(404)
        self._site.admit_caller(request)
        body = await request.body()
        try:
            return await run_in_threadpool(self._answer_call, request, body)
        except Refusal as refusal:
            return self._adapter.render_refusal(refusal)

    def _answer_call(self, request: Request, body: bytes) -> Response:
        desired, intake = self._site.context.get_desired(), self._site.context.intake
        if desired.gateway is None or intake is None:
            raise HTTPException(404)
        call = Call(request, body, desired, desired.gateway, intake, self._site.wait_for_infohashes)
        return self._answer(call, self._site.catalogue.read())


def find_settings(context: WebContext) -> ServiceSettings:
    """Return the settings of the adapters in force. Raises `HTTPException` (404) without a gateway."""
    desired = context.get_desired()
    if desired.gateway is None:
        raise HTTPException(404)
    return desired.gateway.services


def make_service_routes(context: WebContext, catalogue: Catalogue, access: GatewayAccess) -> list[BaseRoute]:
    """Return the routes of all adapters: none where nothing reads the instances."""
    if context.rows is None:
        return []
    site = _Site(context, catalogue, make_admission(access, context.token_reader), InfohashWaiter().wait)

    async def get_health(_request: Request) -> Response:
        """Answer at once, whatever a run does."""
        if not find_settings(context).downloader:
            raise HTTPException(404)
        return PlainTextResponse(HEALTH_TEXT)

    tables = (
        _list_downloader_routes(DownloaderEndpoints(context.rows)),
        _list_router_routes(
            RouterEndpoints(lambda: context.board.get_view().last_run, context.request_reload, _read_clock)
        ),
        _list_radarr_routes(RadarrEndpoints(_read_clock)),
        _list_creator_routes(CreatorEndpoints(context.rows)),
    )
    routes: list[BaseRoute] = [Route("/health", get_health)]
    for adapter, table in tables:
        for method, path, answer in table:
            routes.append(Route(path, _Endpoint(site, adapter, answer).__call__, methods=[method]))
    return routes


def _read_clock() -> datetime:
    return datetime.now(UTC)


def _list_downloader_routes(endpoints: DownloaderEndpoints) -> tuple[_Adapter, _Table]:
    adapter = _Adapter(lambda settings: settings.downloader, downloader.render_refusal)
    return adapter, (
        ("POST", "/downloads", endpoints.post_downloads),
        ("GET", "/downloads", endpoints.get_downloads),
        ("POST", "/downloads/cancel", endpoints.post_cancel),
        ("POST", "/downloads/{id}/pause", endpoints.post_pause),
        ("POST", "/downloads/{id}/resume", endpoints.post_resume),
        ("DELETE", "/downloads/{id}", endpoints.delete_download),
        ("POST", "/download", endpoints.post_download),
    )


def _list_router_routes(endpoints: RouterEndpoints) -> tuple[_Adapter, _Table]:
    adapter = _Adapter(lambda settings: settings.router, endpoints.render_refusal)
    return adapter, (
        *(("GET", path, endpoints.list_downloads) for path in _ROUTER_PATHS),
        *(("POST", path, endpoints.post_download) for path in _ROUTER_PATHS),
        ("GET", "/api/downloads/pending", endpoints.list_pending),
        ("GET", "/api/downloads/failed", endpoints.list_failed),
        ("GET", "/api/downloads/retry-due", endpoints.list_retry_due),
        ("GET", "/api/downloads/{id}", endpoints.get_download),
        ("DELETE", "/api/downloads/{id}", endpoints.delete_download),
        ("PUT", "/api/downloads/{id}/pause", endpoints.put_pause),
        ("PUT", "/api/downloads/{id}/resume", endpoints.put_resume),
        ("PUT", "/api/downloads/{id}/retry", endpoints.put_retry),
        ("PUT", "/api/downloads/{id}/status", endpoints.put_status),
    )


def _list_radarr_routes(endpoints: RadarrEndpoints) -> tuple[_Adapter, _Table]:
    adapter = _Adapter(lambda settings: settings.radarr, radarr.render_refusal)
    return adapter, (
        ("GET", "/api/v3/download", endpoints.list_downloads),
        ("POST", "/api/v3/download", endpoints.post_download),
        ("GET", "/api/v3/download/{id}", endpoints.get_download),
        ("DELETE", "/api/v3/download/{id}", endpoints.delete_download),
    )


def _list_creator_routes(endpoints: CreatorEndpoints) -> tuple[_Adapter, _Table]:
    adapter = _Adapter(lambda settings: bool(settings.creator), creator.render_refusal)
    return adapter, (
        ("POST", "/api/torrent/create", endpoints.post_create),
        ("GET", "/api/torrent/status/{id}", endpoints.get_status),
        ("GET", "/api/torrent/download/{id}", endpoints.get_file),
        ("GET", "/api/qbittorrent/info", endpoints.get_info),
        ("GET", "/api/qbittorrent/test", endpoints.get_test),
    )
