"""A slash too many or too few: a browser stays below the path of its proxy."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest

from reconciler.web import StatusBoard, WebContext
from reconciler.web.app import make_app
from tests.support.asgi_calls import call_app


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/plan/", "/plan"),
        ("/torrents/?text=a%20b", "/torrents?text=a%20b"),
        ("/torrents/0123/", "/torrents/0123"),
        ("/api/v1/status/", "/api/v1/status"),
        ("/api/v2", "/api/v2/"),
    ],
)
def test_the_redirect_is_relative(path: str, target: str) -> None:
    app = make_app(WebContext(StatusBoard(60)), local_only=True)
    answer = call_app(app, "GET", path)
    location = str(answer.get_header("location"))
    assert answer.status == 307
    assert urljoin(f"https://example.org/reconcile{path}", location) == f"https://example.org/reconcile{target}"


@pytest.mark.parametrize("path", ["/nowhere/", "//example.org/", "/plan//", "/plan/more/"])
def test_an_address_that_leads_nowhere_is_unknown(path: str) -> None:
    app = make_app(WebContext(StatusBoard(60)), local_only=True)
    assert call_app(app, "GET", path).status == 404
