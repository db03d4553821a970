"""The frame of every page: relative links, the state in the tab, the refresh, and what the policy permits."""

from __future__ import annotations

import re

import pytest

from reconciler.web import StatusBoard, WebContext
from reconciler.web.app import make_app
from reconciler.web.pages.frame import make_link, make_root, mark_code, parse_refresh, took_text
from tests.support.asgi_calls import call_app
from tests.support.example_runs import converged, refused
from tests.support.html_pages import get_page
from tests.support.status_site import make_finished_run

NO_TORRENT = f"/torrents/{'0' * 40}"
STATUSES = {"/": 200, "/torrents": 200, NO_TORRENT: 404, "/plan": 200, "/history": 200}


@pytest.mark.parametrize("path", STATUSES)
def test_links_work_below_any_prefix(board: StatusBoard, path: str) -> None:
    paths = get_page(board, path, STATUSES[path]).resolve_paths(f"/behind/a/proxy{path}")
    assert {f"/behind/a/proxy{path}" for path in ("/", "/torrents", "/plan", "/history", "/metrics")} <= paths
    assert all(path.startswith("/behind/a/proxy/") for path in paths)


@pytest.mark.parametrize(
    ("path", "root"), [("/", "./"), ("/plan", "./"), ("/torrents/01", "../"), ("/actions/a/b", "../../")]
)
def test_the_way_to_the_root(path: str, root: str) -> None:
    assert make_root(path) == root


def test_a_link_leaves_out_what_is_not_given_and_quotes_the_rest() -> None:
    assert make_link("../", "torrents", {"text": 'a&b="c"', "instance": None, "tag": ""}) == (
        "../torrents?text=a%26b%3D%22c%22"
    )
    assert make_link("./", "torrents/\ud800", {"tag": "\ud800"}) == "./torrents/%3F?tag=%3F"
    assert make_link("./", "torrents/a b", {"label": ["x:1", "y:2"]}) == "./torrents/a%20b?label=x%3A1&label=y%3A2"


@pytest.mark.parametrize("path", STATUSES)
def test_the_state_is_in_the_tab(board: StatusBoard, path: str) -> None:
    board.on_run_end(make_finished_run(refused()))
    html = get_page(board, path, STATUSES[path]).html
    assert re.search("<title>✗ Refused by the guard · .* · reconcile</title>", html)
    assert "icon-bad.svg?v=" in html
    board.on_run_end(make_finished_run(converged()))
    html = get_page(board, path, STATUSES[path]).html
    assert re.search("<title>✓ In sync · .* · reconcile</title>", html)
    assert "icon-good.svg?v=" in html


def test_the_present_page_is_marked(board: StatusBoard) -> None:
    assert 'href="./plan" aria-current="page"' in get_page(board, "/plan").html
    assert 'href="../torrents" aria-current="page"' in get_page(board, NO_TORRENT, 404).html


def test_the_policy_permits_only_our_own_files(board: StatusBoard) -> None:
    app = make_app(WebContext(board), local_only=True)
    answer = call_app(app, "GET", "/")
    policy = answer.get_header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.get_header("content-type") == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("", 0), ("10", 10), ("1", 5), ("99999", 3600), ("1e3", 0), ("-5", 0), ("٣", 0), ("9" * 9, 0)],
)
def test_it_refreshes_only_when_asked(asked: str, seconds: int, board: StatusBoard) -> None:
    assert parse_refresh(asked) == seconds
    html = get_page(board, "/" if asked == "٣" else f"/?refresh={asked}").html
    assert re.findall(r'http-equiv="refresh" content="(\d+)"', html) == ([str(seconds)] if seconds else [])


def test_the_link_to_refresh_keeps_the_filters(board: StatusBoard) -> None:
    assert "?sync=drift&refresh=10" in get_page(board, "/torrents?sync=drift").links
    assert "?sync=drift" in get_page(board, "/torrents?sync=drift&refresh=10").links


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("give `url`", 'give <code class="nowrap">url</code>'),
        (f"`{'x' * 25}`", f"<code>{'x' * 25}</code>"),
        ("`<b>` & \u202e", '<code class="nowrap">&lt;b&gt;</code> &amp; \\u202e'),
        ("one ` alone, `` none", "one ` alone, `` none"),
    ],
)
def test_what_stands_in_backticks_is_code(text: str, html: str) -> None:
    assert mark_code(text) == html


@pytest.mark.parametrize(("seconds", "text"), [(0.004, "4 ms"), (0.1, "0.1 s"), (61.24, "61.2 s")])
def test_a_duration_does_not_break_in_two(seconds: float, text: str) -> None:
    assert took_text(seconds).split() == text.split() and " " not in took_text(seconds)
