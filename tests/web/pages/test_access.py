"""The rights to read pages and REST, and to change something through forms."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

import pytest
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.model.secret import Secret
from reconciler.web import StatusBoard, TokenError, WebContext
from reconciler.web.app import make_app
from reconciler.web.pages.access import (
    NO_READER_TEXT,
    NO_TOKEN_NOTE,
    READERS_TEXT,
    SIGN_IN_NOTE,
    PageAccess,
    check_origin,
    guard_reads,
    read_cookie,
    write_cookie,
)
from reconciler.web.pages.sessions import PageSession
from tests.support.asgi_calls import AsgiAnswer, call_app
from tests.support.example_runs import planned
from tests.support.html_pages import HtmlPage
from tests.support.status_site import TOKEN, make_finished_run

PAGES: Final = ("/", "/torrents", f"/torrents/{'0' * 40}", "/plan", "/history", "/torrents?text=x")
READS: Final = ("status", "plan", "openapi.json", "torrents", f"torrents/{'0' * 40}", "events", "torrents?limit=1")
OPEN: Final = ("/healthz/live", "/metrics", "/static/style.css", "/sign-in")
BEARER: Final = {"Authorization": f"Bearer {TOKEN.reveal()}"}
NOT_HERE: Final = {"Host": "sidecar:9470"}


def make_public_app(board: StatusBoard, *, token: bool = True, is_public: bool = False) -> ASGIApp:
    """Return the application as it is beyond loopback."""
    board.on_run_end(make_finished_run(planned()))
    context = WebContext(board, token_reader=(lambda: TOKEN) if token else None, is_public=is_public)
    return make_app(context, local_only=False)


def ask(app: ASGIApp, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> AsgiAnswer:
    return call_app(app, method, path, headers={**NOT_HERE, **(headers or {})})


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_a_stranger_to_sign_in_and_shows_nothing(board: StatusBoard, path: str) -> None:
    app = make_public_app(board)
    for method in ("GET", "HEAD"):
        assert ask(app, path, method=method).status == 401
    page = HtmlPage(ask(app, path).text)
    assert ("input", "value", path.lstrip("/")) in page.attributes, "it leads back to what was asked for"
    assert "Only those who have the token can read here" in page.text
    assert not {"home", "seedbox", "attic"} & set(page.text.split())
    assert "data-live>" not in page.html.replace('id="page-time" data-live>', "")


@pytest.mark.parametrize("path", READS)
def test_rest_is_read_only_with_the_token(board: StatusBoard, path: str) -> None:
    answer = ask(make_public_app(board), f"/api/v1/{path}")
    assert (answer.status, answer.get_header("www-authenticate")) == (401, "Bearer")
    assert json.loads(answer.body) == {"format_version": 1, "error": READERS_TEXT}


@pytest.mark.parametrize("path", [*PAGES, *(f"/api/v1/{path}" for path in READS if path != "events")])
def test_the_token_reads_everything(board: StatusBoard, path: str) -> None:
    app = make_public_app(board)
    assert ask(app, path, BEARER).status in (200, 404)
    assert ask(app, path, {"Authorization": "Bearer wrong-token-of-a-good-length"}).status == 401


@pytest.mark.parametrize("path", OPEN)
def test_these_are_for_everybody(board: StatusBoard, path: str) -> None:
    assert ask(make_public_app(board, token=False), path).status == 200


def test_no_route_that_reads_was_forgotten(board: StatusBoard) -> None:
    """Every route of ours is open on purpose, has credentials of its own, or is for readers."""
    own_checks = ("/-/reload", "/sign-out", "/actions")
    for route in find_routes(make_public_app(board)):
        path = route.path.replace("{infohash}", "0" * 40).replace("{name}", "style.css").replace("{id}", "0")
        if "GET" in (route.methods or ()) and not path.startswith((*OPEN, "/healthz/", *own_checks)):
            assert ask(make_public_app(board), path).status == 401, path


def find_routes(app: object) -> list[Route]:
    """Return the routes within the layers of the application."""
    while not hasattr(app, "routes"):
        app = app._app  # type: ignore[attr-defined]
    return [route for route in app.routes if isinstance(route, Route)]


@pytest.mark.parametrize("path", ["/", "/torrents", "/api/v1/plan"])
def test_everyone_reads_where_that_is_asked_for_and_on_loopback(board: StatusBoard, path: str) -> None:
    assert ask(make_public_app(board, token=False, is_public=True), path).status == 200
    assert call_app(make_app(WebContext(board), local_only=True), "GET", path).status == 200


def test_without_a_token_nobody_can_sign_in_and_the_page_says_what_to_do(board: StatusBoard) -> None:
    app = make_public_app(board, token=False)
    page = HtmlPage(ask(app, "/").text)
    assert "No token is configured" in page.text and "--public-read" in page.text
    assert not [value for tag, _, value in page.attributes if tag == "form"]
    assert json.loads(ask(app, "/api/v1/status").body)["error"] == NO_READER_TEXT


def test_a_token_that_cannot_be_read_lets_nobody_in(board: StatusBoard) -> None:
    def fail() -> Secret:
        raise TokenError("/run/token: No such file or directory")

    app = make_app(WebContext(board, token_reader=fail), local_only=False)
    assert ask(app, "/", BEARER).status == ask(app, "/api/v1/status", BEARER).status == 401


def make_request(headers: dict[str, str], scheme: str = "http") -> Request:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "method": "POST", "path": "/", "query_string": b"", "scheme": scheme, "headers": pairs}
    )


def sign_in(access: PageAccess) -> tuple[PageSession, dict[str, str]]:
    """Begin a session, and return it with the header of its cookie."""
    session = access.sessions.sign_in("192.0.2.7", TOKEN.reveal(), TOKEN)
    assert isinstance(session, PageSession)
    return session, {"Cookie": f"SID=x; {access.sessions.cookie_name}={session.id}", "Host": "sidecar:9470"}


def test_the_rights_of_a_reader() -> None:
    access = PageAccess(lambda: TOKEN, is_public=True)
    session, cookie = sign_in(access)
    stranger = access.get_rights(make_request({}))
    assert (stranger.may_change, stranger.can_sign_in, stranger.note) == (False, True, SIGN_IN_NOTE)
    rights = access.get_rights(make_request(cookie))
    assert (rights.may_change, rights.csrf, rights.note) == (True, session.csrf, "")
    assert access.get_rights(make_request(BEARER)).may_change
    without = PageAccess(None, is_public=True).get_rights(make_request(cookie))
    assert (without.may_change, without.can_sign_in, without.note) == (False, False, NO_TOKEN_NOTE)


def test_a_form_needs_the_value_of_its_session() -> None:
    access = PageAccess(lambda: TOKEN, is_public=True)
    session, cookie = sign_in(access)
    access.check_form(make_request(cookie), session.csrf)
    access.check_form(make_request(BEARER), "")
    other, _ = sign_in(access)
    basic = {"Authorization": "Basic eDphLXRva2VuLW9mLWEtZ29vZC1sZW5ndGg="}
    for headers, csrf in ((cookie, ""), (cookie, other.csrf), (cookie, "ä"), ({}, session.csrf), (basic, "")):
        with pytest.raises(HTTPException) as refusal:
            access.check_form(make_request(headers), csrf)
        assert refusal.value.status_code == 403


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://sidecar:9470"}, False),
        ({"Origin": "http://sidecar:9470"}, True),
        ({"Origin": "https://SIDECAR:9470"}, True),
        ({"Origin": "http://sidecar:9471"}, False),
        ({"Origin": "https://films.example"}, False),
        ({"Origin": "https://films.example", "X-Forwarded-Host": "films.example"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://["}, False),
    ],
)
def test_the_origin_of_a_form(headers: dict[str, str], is_ours: bool) -> None:
    given = Headers({"Host": "sidecar:9470", **headers})
    if is_ours:
        check_origin(given)
        return
    with pytest.raises(HTTPException) as refusal:
        check_origin(given)
    assert refusal.value.status_code == 403


def test_the_cookie_is_for_this_site_only_and_for_no_script() -> None:
    written = write_cookie(make_request({}), "reconcile_1", "abc")
    assert written == "reconcile_1=abc; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict"
    assert write_cookie(make_request({}), "reconcile_1", "").startswith("reconcile_1=; Max-Age=0;")
    for request in (make_request({}, "https"), make_request({"X-Forwarded-Proto": "https, http"})):
        assert write_cookie(request, "reconcile_1", "abc").endswith("; Secure")


@pytest.mark.parametrize(
    ("cookie", "value"), [("a=1; b=2", "2"), ("b=2", "2"), ("a=1", ""), ("", ""), ("b=\x01;;=", "")]
)
def test_a_cookie_among_others(cookie: str, value: str) -> None:
    assert read_cookie(Headers({"Cookie": cookie}), "b") == value


def test_a_stream_ends_where_its_reader_may_no_longer_read() -> None:
    token = [TOKEN]
    access = PageAccess(lambda: token[0], is_public=False)
    sent: list[bytes] = []

    async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for text in (b"one", b"two", b"three"):
            await send({"type": "http.response.body", "body": text, "more_body": True})
            sent.append(text)
            token[0] = Secret("another-token-of-a-good-length")

    route = Route("/api/v1/events", lambda _request: Response())
    route.app = stream

    async def refuse(_request: Request) -> Response:
        return Response(status_code=401)

    (guarded,) = guard_reads([route], access, refuse)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect):
            await guarded.app(scope, receive, send)

    answer = call_app(app, "GET", "/api/v1/events", headers=BEARER)
    assert (answer.body, sent) == (b"one", [b"one"])
