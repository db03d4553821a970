"""The routes of the adapters: there while they are named, for those who are let in."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from reconciler.model.desired import DesiredState, Policy
from reconciler.model.gateway import GatewaySettings, ServiceSettings
from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.gateway.access import GatewayAccess
from reconciler.web.services.routes import make_service_routes
from reconciler.web.status_board import StatusBoard
from tests.support.asgi_calls import AsgiAnswer, call_app
from tests.support.service_calls import HASH_A, HERE, FixedRows, RecordingIntake

ALL = ServiceSettings(downloader=True, router=True, radarr=True, creator="box")
GATEWAY = GatewaySettings(HERE, trusted=(ip_network("192.0.2.0/24"),), services=ALL)
MAGNET = f"magnet:?xt=urn:btih:{HASH_A}"


class Site:
    """An application with the adapters."""

    def __init__(self, gateway: GatewaySettings | None = GATEWAY) -> None:
        self.intake = RecordingIntake(HASH_A)
        desired = DesiredState(Policy.SYNC, {}, gateway=gateway)
        context = WebContext(StatusBoard(60.0), lambda: desired, intake=self.intake, rows=FixedRows())
        access = GatewayAccess(lambda: context.get_desired().gateway)
        self.app = Starlette(routes=make_service_routes(context, Catalogue(context), access))

    def call(self, method: str, path: str, body: Any = None, peer: str = "192.0.2.7") -> AsgiAnswer:
        """Send a request."""
        content = b"" if body is None else json.dumps(body).encode()
        with capture_logs():
            return call_app(self.app, method, path, content, peer=peer)


CALLS = [
    ("downloader", "POST", "/downloads", {"items": [{"url": MAGNET, "save_path": ""}]}, 200),
    ("downloader", "GET", f"/downloads?hashes={HASH_A}", None, 200),
    ("downloader", "POST", "/downloads/cancel", {"hashes": [HASH_A]}, 200),
    ("downloader", "POST", f"/downloads/{HASH_A}/pause", None, 200),
    ("downloader", "POST", f"/downloads/{HASH_A}/resume", None, 200),
    ("downloader", "DELETE", f"/downloads/{HASH_A}?delete_files=true", None, 200),
    ("downloader", "POST", "/download", {"link_id": 1, "url": MAGNET}, 201),
    ("router", "GET", "/api/downloads", None, 200),
    ("router", "GET", "/api/downloads/?limit=1", None, 200),
    ("router", "POST", "/api/downloads/", {"title": "A", "source": "MAM", "magnet_link": MAGNET}, 201),
    ("router", "GET", "/api/downloads/pending", None, 200),
    ("router", "GET", "/api/downloads/failed", None, 200),
    ("router", "GET", "/api/downloads/retry-due", None, 200),
    ("router", "GET", "/api/downloads/1", None, 404),
    ("router", "DELETE", "/api/downloads/1", None, 404),
    ("router", "PUT", "/api/downloads/1/pause", None, 404),
    ("router", "PUT", "/api/downloads/1/resume", None, 404),
    ("router", "PUT", "/api/downloads/1/retry", {}, 404),
    ("router", "PUT", "/api/downloads/1/status", {"status": "queued"}, 404),
    ("radarr", "GET", "/api/v3/download", None, 200),
    ("radarr", "POST", "/api/v3/download", {"guid": MAGNET, "indexerId": 1}, 201),
    ("radarr", "GET", "/api/v3/download/1", None, 404),
    ("radarr", "DELETE", "/api/v3/download/1", None, 404),
    ("creator", "POST", "/api/torrent/create", {"path": "/a"}, 503),
    ("creator", "GET", "/api/torrent/status/1", None, 503),
    ("creator", "GET", "/api/torrent/download/1", None, 503),
    ("creator", "GET", "/api/qbittorrent/info", None, 503),
    ("creator", "GET", "/api/qbittorrent/test", None, 200),
]


@pytest.mark.parametrize(("adapter", "method", "path", "body", "status"), CALLS)
def test_each_endpoint_answers_while_its_adapter_is_named(
    adapter: str, method: str, path: str, body: Any, status: int
) -> None:
    assert Site().call(method, path, body).status == status
    off: dict[str, Any] = {adapter: "" if adapter == "creator" else False}
    without = Site(replace(GATEWAY, services=replace(ALL, **off)))
    answer = without.call(method, path, body)
    assert (answer.status, answer.text) == (404, "Not Found"), "as an endpoint that never was"
    assert Site().call(method, path, body, peer="203.0.113.9").status == 401


def test_without_a_gateway_nothing_is_there() -> None:
    assert Site(None).call("GET", "/health").status == 404
    assert Site(None).call("GET", "/downloads?hashes=a").status == 404


def test_health_needs_no_credentials() -> None:
    answer = Site().call("GET", "/health", peer="203.0.113.9")
    assert (answer.status, answer.text) == (200, "OK")
    assert Site(replace(GATEWAY, services=ServiceSettings())).call("GET", "/health").status == 404


def test_each_adapter_refuses_in_its_own_form() -> None:
    site = Site()
    assert site.call("POST", "/downloads", {}).text == "items: Field required\n"
    assert '"success":false' in site.call("GET", "/api/downloads/1").text
    assert site.call("GET", "/api/v3/download/1").text.startswith('{"error":{"message":"Resource not found')
    assert site.call("POST", "/api/torrent/create", {}).text == '{"detail":"path: Field required"}'
