"""The scripts of the pages in a real browser: pages that are always of now, ages that grow, and buttons that copy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from reconciler.web import StatusBoard
from reconciler.web.client_text import elapsed_text, lasting_text, remaining_text
from reconciler.web.rest import events
from tests.support.browser import Browser, start_browser
from tests.support.example_runs import PLAN_HASH, converged, refused
from tests.support.fake_time import FakeTime
from tests.support.status_site import NOON, MakeStatusSite, StatusSite, make_finished_run

FRAME = """<!doctype html><html><head><title>{title}</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="static/style.css">
<script src="static/enhance.js" defer></script><script src="static/live.js" defer></script></head>
<body><span id="live-state" hidden></span><main id="content" data-live>{content}</main></body></html>"""
BEFORE = """<p id="gone">gone</p>
<ul><li id="one"><a href="#">one</a></li><li id="two">two</li></ul>
<details><summary>more</summary><p>old</p></details>
<input id="filter" value="">
<p id="quote">selected text, and <b>old</b></p>
<progress max="10" value="1"></progress>"""
AFTER = """<section id="new">new</section>
<ul><li id="two">two</li><li id="three">three</li><li id="one" class="bad"><a href="#">one</a></li></ul>
<details><summary>more</summary><p>new</p></details>
<input id="filter" value="" class="used">
<p id="quote">selected text, and <b>new</b></p>
<progress max="10" value="7"></progress>"""


@pytest.fixture(scope="module")
def started_browser() -> Iterator[Browser]:
    """A browser for all tests: to start one takes as much as a test."""
    with start_browser() as started:
        yield started


@pytest.fixture
def browser(started_browser: Browser, make_site: MakeStatusSite) -> Iterator[Browser]:
    """A browser that fails the test for whatever a page must not do, and whose pages close before the sites."""
    yield started_browser
    started_browser.close_pages()


def get_url(site: StatusSite) -> str:
    """Return the address of the overview."""
    return f"http://127.0.0.1:{site.server.port}/"


def expect_state(page: Page, text: str) -> None:
    """Wait until the page says that about itself."""
    expect(page.locator("#live-state")).to_contain_text(text)


def test_a_page_takes_over_what_has_changed_and_leaves_the_reader_alone(browser: Browser, site: StatusSite) -> None:
    contents = [BEFORE]

    def answer(route: Route) -> None:
        route.fulfill(content_type="text/html", body=FRAME.format(title=f"{len(contents)}", content=contents[-1]))

    url = get_url(site)
    context = browser.make_context(url)
    context.route(lambda address: urlsplit(address).path == "/", answer)
    page = context.new_page()
    page.goto(url)
    expect_state(page, "Live")
    page.locator("summary").click()
    page.locator("#filter").type("typed")
    page.locator("#one a").focus()
    page.evaluate(
        """() => {
            window.isSamePage = true;
            window.nodes = ["one", "two", "filter"].map(id => document.getElementById(id));
            const quote = document.getElementById("quote").firstChild;
            getSelection().setBaseAndExtent(quote, 0, quote, 8);
        }"""
    )
    contents.append(AFTER)
    site.board.on_run_end(make_finished_run(converged()))
    expect(page.locator("#new")).to_be_visible()
    assert page.title() == "2"
    assert page.locator("li").all_inner_texts() == ["two", "three", "one"]
    assert page.locator("#one").get_attribute("class") == "bad"
    assert page.locator("#gone").count() == 0
    assert page.locator("details p").inner_text() == "new" and page.locator("details").get_attribute("open") is not None
    assert page.locator("#filter").input_value() == "typed"
    assert page.evaluate("document.activeElement.textContent") == "one"
    assert page.evaluate("getSelection().toString()") == "selected"
    assert page.evaluate("document.querySelector('progress').value") == 7
    assert page.evaluate("isSamePage && nodes.every(node => node === document.getElementById(node.id))")


def test_a_page_says_that_it_is_stale_and_comes_back_after_a_restart(
    browser: Browser, make_site: MakeStatusSite, board: StatusBoard, time: FakeTime
) -> None:
    board.on_run_end(make_finished_run(converged()))
    site = make_site()
    context = browser.make_context(get_url(site))
    page = context.new_page()
    page.clock.install()
    page.goto(get_url(site))
    expect_state(page, "Live")
    assert page.title().startswith("✓")

    site.server.stop()
    expect_state(page, "Reconnecting")
    page.clock.fast_forward(11_000)
    expect_state(page, "Stale since")
    assert page.title().startswith("? Stale since")
    assert "data:" in str(page.locator("link[rel=icon]").get_attribute("href"))

    board.on_run_end(make_finished_run(refused()))
    make_site(listen=f"127.0.0.1:{site.server.port}")
    page.clock.fast_forward(3_000)
    expect_state(page, "Live")
    expect(page.locator("h1")).to_contain_text("Refused")
    assert page.title().startswith("✗") and "icon-bad" in str(page.locator("link[rel=icon]").get_attribute("href"))
    assert all("ERR_CONNECTION_REFUSED" in fault or "INCOMPLETE_CHUNKED" in fault for fault in browser.faults)
    browser.faults.clear()


def test_a_page_that_cannot_listen_looks_from_time_to_time(
    browser: Browser, site: StatusSite, board: StatusBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_LISTENERS", 1)
    board.on_run_end(make_finished_run(converged()))
    context = browser.make_context(get_url(site))
    first, second = context.new_page(), context.new_page()
    second.clock.install()
    first.goto(get_url(site))
    expect_state(first, "Live")
    second.goto(get_url(site))
    expect_state(second, "Updates every 15 s")
    board.on_run_end(make_finished_run(refused()))
    second.clock.fast_forward(15_000)
    expect(second.locator("h1")).to_contain_text("Refused")

    # a tab that nobody sees leaves its place to others
    first.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    first.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    second.clock.fast_forward(15_000)
    expect_state(second, "Live")
    browser.faults[:] = [fault for fault in browser.faults if "503" not in fault]


def test_scripts_let_ages_grow_and_add_local_times_and_buttons(
    browser: Browser, site: StatusSite, board: StatusBoard
) -> None:
    steps = [0, 1, 2, 59, 60, 89, 90, 150, 3569, 3570, 3600, 5400, 9000, 84599, 84600, 86400, 172800, 1295999]
    board.on_run_end(make_finished_run(refused()))
    page = browser.open(get_url(site), timezone_id="Asia/Kolkata", permissions=["clipboard-read", "clipboard-write"])
    ages = page.evaluate("steps => steps.map(step => enhance.describeAge(0, 1000 * step, ''))", steps)
    assert ages == [elapsed_text(NOON, NOON + timedelta(seconds=step)) for step in steps]
    deadlines = page.evaluate("steps => steps.map(step => enhance.describeAge(1000 * step, 0, 'until'))", steps)
    assert deadlines == [remaining_text(NOON + timedelta(seconds=step), NOON) for step in steps]
    durations = page.evaluate("steps => steps.map(step => enhance.describeAge(0, 1000 * step, 'for'))", steps)
    assert durations == [lasting_text(NOON, NOON + timedelta(seconds=step)) for step in steps]
    assert page.inner_text("#page-time time") == "2026-01-02 12:00:00 UTC · 17:30:00 GMT+5:30"

    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert PLAN_HASH in page.evaluate("navigator.clipboard.readText()")
    # as at an address that is not secure
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.evaluate("navigator.clipboard === undefined && (document.execCommand = command => window.command = command)")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("command + getSelection()") == f"copyaccept_plan: {PLAN_HASH}"
