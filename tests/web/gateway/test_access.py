"""The gateway lets in clients as qBittorrent 5.1 does, and by an API key as 5.2 does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from structlog.testing import capture_logs

from reconciler.model.gateway import GatewaySettings
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.web.gateway.access import BANNED_TEXT, AccessMiddleware, GatewayAccess, make_auth_routes, session_of
from reconciler.web.gateway.sessions import MAX_FAILURES, MAX_LOGIN_BURST, SESSION_TIMEOUT
from tests.support.asgi_calls import AsgiAnswer, call_app
from tests.support.fake_time import FakeTime

KEY = "qbt_0123456789abcdefghijklmnopqr"
SETTINGS = GatewaySettings(
    Position("desired.yaml", 3, 1), username="arr", password=Secret("right"), api_key=Secret(KEY)
)


async def get_version(request: Request) -> Response:
    """Answer with the id of the session."""
    return PlainTextResponse(f"v5.1.0 {session_of(request).id}")


class Gateway:
    """A gateway with one endpoint beside those of the login, under a clock of ours."""

    def __init__(self, settings: GatewaySettings | None = SETTINGS) -> None:
        self.settings, self.time = settings, FakeTime()
        access = GatewayAccess(lambda: self.settings, self.time.clock.now)
        inner = Starlette(routes=[*make_auth_routes(access), Route("/app/version", get_version)])
        self.app = Starlette(routes=[Mount("/api/v2", app=AccessMiddleware(inner, access))])

    def get(self, path: str = "app/version", peer: str = "192.0.2.7", **headers: str) -> AsgiAnswer:
        """Send a GET."""
        return call_app(self.app, "GET", f"/api/v2/{path}", headers=headers, peer=peer)

    def log_in(
        self, username: str = "arr", password: str = "right", peer: str = "192.0.2.7", **headers: str
    ) -> AsgiAnswer:
        """Send a login."""
        form = {"username": username, "password": password}
        return call_app(self.app, "POST", "/api/v2/auth/login", form, headers, peer)

    def get_cookie(self) -> str:
        """Log in, and return the cookie."""
        return (self.log_in().get_header("set-cookie") or "").partition(";")[0]


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    with capture_logs():
        yield


def test_a_login_gives_a_cookie_that_lets_in() -> None:
    gateway = Gateway()
    answer = gateway.log_in()
    assert (answer.status, answer.text) == (200, "Ok.")
    cookie, *attributes = (answer.get_header("set-cookie") or "").split("; ")
    assert attributes == ["HttpOnly", "SameSite=Strict", "path=/"]
    assert gateway.get(cookie=f"other=1; {cookie}").status == 200
    assert gateway.get(cookie="SID=guess").status == 403
    gateway.time.moment += SESSION_TIMEOUT + 1
    assert gateway.get(cookie=cookie).status == 403


def test_everything_else_is_forbidden_without_a_session() -> None:
    gateway = Gateway()
    for path in ("app/version", "unknown/endpoint", "auth/logout", "auth"):
        answer = gateway.get(path)
        assert (answer.status, answer.text) == (403, "Forbidden")
    answer = gateway.get("auth/login")
    assert (answer.status, answer.text) == (405, "Method Not Allowed")


def test_a_logout_ends_the_session() -> None:
    gateway = Gateway()
    cookie = gateway.get_cookie()
    answer = call_app(gateway.app, "POST", "/api/v2/auth/logout", headers={"cookie": cookie})
    assert (answer.status, answer.text) == (200, "")
    assert (answer.get_header("set-cookie") or "").startswith("SID=; expires=")
    assert gateway.get(cookie=cookie).status == 403


@pytest.mark.parametrize(
    ("username", "password"), [("arr", "wrong"), ("x", "right"), ("", ""), ("arr", "ri\u00fcht"), ("\udcff", "")]
)
def test_a_wrong_login_fails(username: str, password: str) -> None:
    form = {"username": username.encode(errors="replace").decode(), "password": password}
    answer = call_app(Gateway().app, "POST", "/api/v2/auth/login", form)
    assert (answer.status, answer.text, answer.get_header("set-cookie")) == (200, "Fails.", None)


@pytest.mark.parametrize(
    "settings", [replace(SETTINGS, password=None), replace(SETTINGS, username=None, password=None)]
)
def test_nobody_logs_in_without_a_password_of_ours(settings: GatewaySettings) -> None:
    for username in ("", "arr"):
        assert Gateway(settings).log_in(username, "").text == "Fails."


def test_five_wrong_logins_ban_a_peer_but_not_its_sessions() -> None:
    gateway = Gateway()
    cookie = gateway.get_cookie()
    with capture_logs() as log:
        assert [gateway.log_in(password="secret-guess").text for _ in range(MAX_FAILURES)] == ["Fails."] * MAX_FAILURES
    assert [(line["client"], line["failures"], line["banned"]) for line in log][-2:] == [
        ("192.0.2.7", 4, False),
        ("192.0.2.7", 5, True),
    ]
    assert "guess" not in str(log)
    answer = gateway.log_in()
    assert (answer.status, answer.text) == (403, BANNED_TEXT)
    assert gateway.log_in(peer="192.0.2.8").text == "Ok."
    assert gateway.log_in(peer="::ffff:192.0.2.7").status == 403
    assert gateway.get(cookie=cookie).status == 200
    gateway.time.moment += 3601
    assert gateway.log_in().text == "Ok."


def test_a_session_needs_no_password_to_log_in_again() -> None:
    gateway = Gateway()
    assert gateway.log_in(password="wrong", cookie=gateway.get_cookie()).text == "Ok."


def test_too_many_logins_are_refused() -> None:
    gateway = Gateway()
    assert all(gateway.log_in().text == "Ok." for _ in range(int(MAX_LOGIN_BURST)))
    answer = gateway.log_in()
    assert (answer.status, answer.get_header("retry-after")) == (429, "1")


def test_an_api_key_lets_in_without_a_cookie_of_ours() -> None:
    gateway = Gateway()
    answer = gateway.get(authorization=f"Bearer {KEY}")
    assert (answer.status, answer.get_header("set-cookie")) == (200, None)
    assert gateway.get(authorization=f"bearer  {KEY} ", origin="http://elsewhere.example").status == 200
    assert gateway.log_in(authorization=f"Bearer {KEY}").status == 403


def test_a_wrong_api_key_is_forbidden_also_with_a_cookie_and_bans_nobody() -> None:
    gateway = Gateway()
    cookie = gateway.get_cookie()
    with capture_logs() as log:
        for _ in range(10):
            assert gateway.get(authorization="Bearer secret-guess", cookie=cookie).status == 403
    assert [line["event"] for line in log] == ["gateway api key is wrong"]
    assert "guess" not in str(log)
    assert gateway.log_in().text == "Ok."
    assert Gateway(replace(SETTINGS, api_key=None)).get(authorization="Bearer x").status == 403


def test_basic_authentication_is_of_no_use_as_in_5_1() -> None:
    assert Gateway().get(authorization="Basic YXJyOnJpZ2h0").status == 403


def test_trusted_peers_need_nothing_and_get_a_session() -> None:
    gateway = Gateway(replace(SETTINGS, trusted=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))))
    with capture_logs() as log:
        answer = gateway.get(peer="10.1.2.3")
    assert [(line["event"], line["networks"]) for line in log] == [
        ("peers of these networks need no credentials", ["10.0.0.0/8", "2001:db8::/32"])
    ]
    assert answer.status == 200
    cookie = (answer.get_header("set-cookie") or "").partition(";")[0]
    assert gateway.get(peer="10.1.2.3", cookie=cookie).text == answer.text
    assert gateway.get(peer="::ffff:10.1.2.3").status == 200
    assert gateway.get(peer="2001:db8::5").status == 200
    assert gateway.log_in(password="any", peer="10.1.2.3").text == "Ok."
    for headers in ({}, {"x-forwarded-for": "10.1.2.3"}, {"forwarded": "for=10.1.2.3"}):
        assert gateway.get(peer="192.0.2.7", **headers).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost:9470"}, 200),
        ({"origin": "http://elsewhere.example"}, 401),
        ({"origin": "http://localhost"}, 401),
        ({"origin": "null"}, 401),
        ({"referer": "http://localhost:9470/page"}, 200),
        ({"referer": "http://elsewhere.example/page"}, 401),
        ({"referer": "http://localhost:port/"}, 401),
        ({"origin": "https://seedbox.example", "x-forwarded-host": "seedbox.example"}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "localhost:8080"}, 401),
    ],
)
def test_requests_of_other_sites_and_for_other_ports_are_refused(headers: dict[str, str], status: int) -> None:
    gateway = Gateway()
    answer = gateway.get(cookie=gateway.get_cookie(), **headers)
    assert answer.status == status
    assert status == 200 or answer.text == "Unauthorized"


def test_new_credentials_end_all_sessions() -> None:
    gateway = Gateway()
    cookie = gateway.get_cookie()
    gateway.settings = replace(SETTINGS, position=Position("desired.yaml", 9, 1))
    assert gateway.get(cookie=cookie).status == 200
    gateway.settings = replace(SETTINGS, password=Secret("new"))
    assert gateway.get(cookie=cookie).status == 403


def test_without_a_gateway_there_is_nothing() -> None:
    gateway = Gateway(None)
    for answer in (gateway.get(), gateway.log_in()):
        assert (answer.status, answer.text) == (404, "Not Found")
