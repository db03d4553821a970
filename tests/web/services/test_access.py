"""The callers that the adapters let in."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from reconciler.model.gateway import GatewaySettings
from reconciler.model.secret import Secret
from reconciler.web.auth import TokenError
from reconciler.web.gateway.access import GatewayAccess
from reconciler.web.services.access import make_admission
from tests.support.asgi_calls import call_app
from tests.support.service_calls import HERE

TOKEN, KEY = Secret("0123456789abcdef-token"), "qbt_0123456789abcdef"
SETTINGS = GatewaySettings(HERE, username="arr", password=Secret("right"), api_key=Secret(KEY))
TRUSTING = replace(SETTINGS, trusted=(ip_network("192.0.2.0/24"),))


def call(settings: GatewaySettings | None, headers: dict[str, str], *, has_token: bool = True) -> int:
    """Return the status of a request from 192.0.2.7."""
    admit_caller = make_admission(GatewayAccess(lambda: settings), (lambda: TOKEN) if has_token else None)

    async def answer(request: Request) -> Response:
        admit_caller(request)
        return PlainTextResponse("in")

    with capture_logs():
        return call_app(Starlette(routes=[Route("/downloads", answer)]), "GET", "/downloads", headers=headers).status


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        (SETTINGS, {"authorization": f"Bearer {TOKEN.reveal()}"}, 200),
        (SETTINGS, {"authorization": f"Bearer {KEY}"}, 200),
        (SETTINGS, {"authorization": "Bearer wrong"}, 401),
        (SETTINGS, {}, 401),
        (SETTINGS, {"x-forwarded-for": "127.0.0.1"}, 401),
        (TRUSTING, {}, 200),
        (TRUSTING, {"origin": "https://evil.example"}, 401),
        (TRUSTING, {"origin": "https://evil.example", "authorization": f"Bearer {KEY}"}, 200),
        (None, {}, 404),
    ],
)
def test_who_has_a_token_a_key_or_a_trusted_address_is_let_in(
    settings: GatewaySettings | None, headers: dict[str, str], status: int
) -> None:
    assert call(settings, headers) == status


def test_without_a_token_file_the_token_is_none() -> None:
    assert call(SETTINGS, {"authorization": f"Bearer {TOKEN.reveal()}"}, has_token=False) == 401


def test_a_token_that_cannot_be_read_leaves_the_other_ways() -> None:
    def fail() -> Secret:
        raise TokenError("token: Permission denied")

    admit_caller = make_admission(GatewayAccess(lambda: TRUSTING), fail)

    async def answer(request: Request) -> Response:
        admit_caller(request)
        return PlainTextResponse("in")

    app = Starlette(routes=[Route("/", answer)])
    with capture_logs() as log:
        assert call_app(app, "GET", "/").status == 200
    assert any(entry["event"] == "the token cannot be read" for entry in log)
