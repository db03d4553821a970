"""Signing in and out, as a browser does."""

from __future__ import annotations

import re

import pytest
from starlette.types import ASGIApp
from structlog.testing import capture_logs

from reconciler.web import StatusBoard, WebContext
from reconciler.web.app import make_app
from reconciler.web.pages.sign_in import check_target
from tests.support.asgi_calls import AsgiAnswer, call_app
from tests.support.example_runs import refused
from tests.support.html_pages import HtmlPage
from tests.support.status_site import TOKEN, make_finished_run

FORM_TEXT = (
    "Only those who have the token can read here. They can also change something. Token The content of the file that "
    "--token-file names. The session ends after 12 hours, or with another token. Sign in"
)
FORM = {"token": TOKEN.reveal(), "next": "torrents?sync=drift"}


@pytest.fixture
def app(board: StatusBoard) -> ASGIApp:
    return make_app(WebContext(board, token_reader=lambda: TOKEN), local_only=False)


def cookie_of(answer: AsgiAnswer) -> dict[str, str]:
    """Return the header with which a browser sends the cookie of an answer back."""
    return {"Cookie": (answer.get_header("set-cookie") or "").partition(";")[0]}


def test_who_signs_in_goes_on_to_what_was_asked_for_and_can_sign_out(app: ASGIApp) -> None:
    with capture_logs() as logs:
        answer = call_app(app, "POST", "/sign-in", FORM)
    assert (answer.status, answer.get_header("location")) == (303, "./torrents?sync=drift")
    cookie = cookie_of(answer)
    assert [log["event"] for log in logs] == ["somebody has signed in to the pages"]
    assert TOKEN.reveal() not in str(logs) + str(answer.headers)
    page = HtmlPage(call_app(app, "GET", "/", headers=cookie).text)
    assert "Sign out" in page.text and "Read-only" not in page.text
    assert call_app(app, "GET", "/sign-in", headers=cookie).status == 303
    (csrf,) = re.findall('name="csrf" value="([^"]+)"', page.html)
    assert call_app(app, "POST", "/sign-out", {"csrf": "wrong"}, cookie).status == 403
    gone = call_app(app, "POST", "/sign-out", {"csrf": csrf}, cookie)
    assert (gone.status, gone.get_header("location")) == (303, "./") and "Max-Age=0" in str(gone.headers)
    assert call_app(app, "GET", "/", headers=cookie).status == 401


def test_whoever_may_not_read_learns_nothing_from_the_frame(board: StatusBoard, app: ASGIApp) -> None:
    board.on_run_end(make_finished_run(refused()))
    for path in ("/", "/sign-in", "/torrents/" + "a" * 40):
        page = HtmlPage(call_app(app, "GET", path).text)
        assert page.text == "Sign in · reconcile Skip to the content reconcile Sign in Sign in " + FORM_TEXT
        assert "icon-wait" in page.html


def test_a_wrong_token_is_told_and_logged_and_five_lock_out(app: ASGIApp) -> None:
    wrong = {**FORM, "token": "not-this-one-at-all"}
    with capture_logs() as logs:
        answers = [call_app(app, "POST", "/sign-in", wrong) for _ in range(5)]
    assert [answer.status for answer in answers] == [401] * 4 + [403]
    page = HtmlPage(answers[0].text)
    assert "This is not the token." in page.text
    assert ("input", "value", FORM["next"]) in page.attributes
    assert "not-this-one-at-all" not in answers[0].text + str(logs)
    assert "locked out for an hour" in answers[4].text
    assert call_app(app, "POST", "/sign-in", FORM).status == 403
    assert call_app(app, "POST", "/sign-in", FORM, peer="192.0.2.9").status == 303


def test_a_form_of_another_site_signs_nobody_in(app: ASGIApp) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = call_app(app, "POST", "/sign-in", FORM, headers)
        assert (answer.status, answer.get_header("set-cookie")) == (403, None)


def test_without_a_token_there_is_no_form(board: StatusBoard) -> None:
    app = make_app(WebContext(board), local_only=True)
    assert "No token is configured" in call_app(app, "GET", "/sign-in").text
    assert call_app(app, "POST", "/sign-in", FORM).status == 403
    assert "Sign in" not in HtmlPage(call_app(app, "GET", "/").text).text
    assert "Start reconcile with --token-file" in HtmlPage(call_app(app, "GET", "/").text).text


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "../elsewhere",
        "torrents/../../elsewhere",
        "plan\r\nSet-Cookie: a=b",
        "a b",
        "ä",
        "http://[",
    ],
)
def test_only_an_address_of_ours_is_gone_on_to(text: str) -> None:
    assert check_target(text) == ""


@pytest.mark.parametrize("text", ["", "plan", "torrents?text=a%20b&sort=-added", "actions/run"])
def test_addresses_of_ours(text: str) -> None:
    assert check_target(text) == text


@pytest.mark.parametrize(
    ("headers", "is_led"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Referer": "https://elsewhere/"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Referer": "http://dashboard.example/"}, True),
        ({"Referer": "http://localhost:9470/plan"}, False),
        ({"Referer": "https://films.example/", "X-Forwarded-Host": "films.example"}, False),
        ({"Referer": "http://["}, True),
    ],
)
def test_a_link_of_another_site_is_followed_once_more_with_the_cookie(
    app: ASGIApp, headers: dict[str, str], is_led: bool
) -> None:
    answer = call_app(app, "GET", "/plan", headers=headers)
    assert (answer.status, answer.get_header("refresh")) == (401, "0" if is_led else None)
    assert call_app(app, "POST", "/actions/run", {}, headers).get_header("refresh") is None
