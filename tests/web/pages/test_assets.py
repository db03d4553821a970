"""The files that pages load: kept by browsers as long as they are the same."""

from __future__ import annotations

import re

from reconciler.web import StatusBoard, WebContext
from reconciler.web.app import make_app
from tests.support.asgi_calls import call_app
from tests.support.html_pages import get_page


def test_browsers_keep_what_a_page_loads(board: StatusBoard) -> None:
    app = make_app(WebContext(board), local_only=True)
    addresses = [link for link in get_page(board).links if link.startswith("./static/")]
    assert {re.sub(r"\?.*", "", address) for address in addresses} >= {"./static/style.css", "./static/icon-wait.svg"}
    for address in addresses:
        answer = call_app(app, "GET", address.removeprefix("."))
        assert answer.status == 200
        assert "immutable" in (answer.get_header("cache-control") or "")


def test_another_version_is_not_kept(board: StatusBoard) -> None:
    answer = call_app(make_app(WebContext(board), local_only=True), "GET", "/static/style.css?v=0000")
    assert answer.get_header("content-type") == "text/css; charset=utf-8"
    assert answer.get_header("cache-control") == "no-cache"
    assert "prefers-color-scheme: dark" in answer.text
    assert "url(" not in answer.text


def test_an_unknown_file_is_not_found(board: StatusBoard) -> None:
    assert call_app(make_app(WebContext(board), local_only=True), "GET", "/static/..").status == 404
