"""The pages in a real browser, of real watches of real servers, in every state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.conftest import MakeServer
from tests.support.browser import (
    COLOUR_RULES,
    CONTRAST,
    Browser,
    find_bad_looks,
    find_unfocusable,
    find_unreachable,
    find_violations,
    start_browser,
)
from tests.support.home import Home
from tests.support.html_pages import HtmlPage
from tests.support.many_torrents import SOUGHT, serve_many_torrents
from tests.support.page_states import TOKEN, PageStage, PageState, sign_in, tell_of_a_watch, tell_of_drift


@pytest.fixture
def stage(home: Home, make_server: MakeServer) -> Iterator[PageStage]:
    """Two instances whose watch goes from state to state."""
    with PageStage(home, make_server) as stage:
        yield stage


@pytest.mark.timeout(480)  # a browser examines some forty pages, while other tests run
@pytest.mark.parametrize("story", [tell_of_a_watch, tell_of_drift])
def test_every_state_is_a_page_for_everyone(
    stage: PageStage, story: Callable[[PageStage], Iterator[PageState]]
) -> None:
    problems: list[str] = []
    with start_browser() as browser:
        examiner = PageExaminer(browser)
        for state in story(stage):
            problems += find_silence(state)
            problems += examiner.examine_all(state)
            if state.name == "acting":
                type_a_local_time(examiner.open(state, "actions/suspend?instance=home"))
            for walk in WALKS.get(state.name, ()):
                walk(examiner.open(state, ""), state)
            if state.name == "guard-refused":
                outcome = approve_the_plan(browser.open(state.url, scripts=False), state)
                problems += examiner.examine(state, outcome)
            examiner.rest()
    assert problems == [], "\n".join(problems)


class PageExaminer:
    """Examines pages by what a person may need, and each kind of page not more often than it tells something new."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._pages: dict[bool, Page] = {}  # of who has signed in, and of who has not
        self._seen: set[tuple[str, str]] = set()

    def examine_all(self, state: PageState) -> list[str]:
        """Return what is wrong with the pages of a state."""
        return [f"{state.name} /{path}: {problem}" for path in state.paths for problem in self.examine(state, path)]

    def rest(self) -> None:
        """Close what is open: a page that is live costs time."""
        for page in self._pages.values():
            page.goto("about:blank")

    def examine(self, state: PageState, path: str) -> list[str]:
        """Return what is wrong with a page: for the keyboard and the screen reader, in every look."""
        page = self.open(state, path)
        problems = find_unreachable(page) if self._is_new(path, "keyboard") else find_unfocusable(page)
        has_new_colours = self._is_new(path, state.tone if path in ("", "plan") else "colours")
        problems += find_violations(page, without=COLOUR_RULES if has_new_colours else (CONTRAST,))
        return problems + find_bad_looks(page, colours=has_new_colours)

    def open(self, state: PageState, path: str) -> Page:
        """Return a page, as seen by who has signed in if it is about actions."""
        is_private = path.startswith("actions")
        page = self._pages.get(is_private)
        if page is None:
            page = self._pages[is_private] = self._browser.open(
                state.url, reduced_motion="reduce", timezone_id="Asia/Kolkata"
            )
            if is_private:
                sign_in(page, state.url)
        page.goto(state.url + path)
        return page

    def _is_new(self, path: str, aspect: str) -> bool:
        """Return True the first time for each kind of page."""
        key = re.sub("(torrents|outcomes)/[^?]+", r"\1/one", path), aspect
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new


def find_silence(state: PageState) -> list[str]:
    """Return what an overview does not say to who has no scripts."""
    text = HtmlPage(requests.get(state.url, timeout=30).text).text
    return [f"{state.name}: does not say {said}" for said in state.says if said not in text]


def see_that_it_is_well(page: Page, _state: PageState) -> None:
    """Read the verdict, without scrolling or clicking."""
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    expect(page.get_by_role("heading", level=1)).to_contain_text("In sync")
    expect(page).to_have_title(re.compile("^✓ In sync"))


def see_what_is_wrong(page: Page, _state: PageState) -> None:
    """Read what a person has to do, without scrolling or clicking."""
    expect(page.get_by_text("5 deletions are more than max_delete 3").first).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Needs you")).to_be_in_viewport()


def find_a_torrent(page: Page, _state: PageState) -> None:
    """Find out where a torrent is, and why."""
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Torrents").click()
    page.get_by_role("searchbox", name="Search").fill("fedora")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Fedora-Workstation").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fedora-Workstation")
    expect(page.locator("#torrent")).to_contain_text("home")
    expect(page.locator("main")).to_contain_text("desired.yaml:")


def find_the_approval(page: Page, state: PageState) -> None:
    """Find out how to approve a plan that the guard refused."""
    page.get_by_role("link", name="Look at the plan").first.click()
    expect(page.get_by_text(state.says[0]).first).to_be_visible()


def walk_with_the_keyboard(page: Page, state: PageState) -> None:
    """Skip to the content, and find a torrent without a mouse."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.goto(f"{state.url}torrents")
    search = page.get_by_role("searchbox", name="Search")
    search.focus()
    page.keyboard.type("nothing")
    page.keyboard.press("Escape")
    expect(search).to_have_value("")
    page.keyboard.type("fedora")
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Fedora-Workstation")
    expect(page.locator("tbody tr")).to_have_count(1)
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fedora-Workstation")


def type_a_local_time(page: Page) -> None:
    """Type the end of a suspension as a person in India, who sees it in UTC and whose browser sends it so."""
    expect(page.locator("label[for=until]")).to_contain_text("in GMT+5:30")
    page.locator("#until").fill("2026-12-31T02:00")
    expect(page.locator("#until-other")).to_have_text("That is 2026-12-30 20:30 UTC.")
    assert page.evaluate("new FormData(document.querySelector('form.form')).get('until')") == "2026-12-30T20:30Z"


def approve_the_plan(page: Page, state: PageState) -> str:
    """Approve the plan of this page, by a person who has the token and no scripts. Return where it says what came."""
    see_what_is_wrong(page, state)
    find_the_approval(page, state)
    page.get_by_role("link", name="sign in", exact=True).click()
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#outcome")).to_contain_text("accepted")
    outcome = page.url.partition("?")[0].removeprefix(state.url)
    page.context.close()
    return outcome


WALKS: Final[Mapping[str, tuple[Callable[[Page, PageState], None], ...]]] = {
    "in-sync": (see_that_it_is_well, find_a_torrent, walk_with_the_keyboard)
}


def test_ten_thousand_torrents_are_found_sorted_and_paged() -> None:
    with serve_many_torrents() as url, start_browser() as browser:
        page = browser.open(url)
        expect(page.locator("main")).to_contain_text("10,000")
        page.goto(url + "torrents")
        rows = page.locator("tbody tr")
        assert 20 <= rows.count() <= 250, "a page of the list is short enough to be fast"
        page.get_by_role("link", name="Next").first.click()
        expect(page.locator("main")).to_contain_text(f"{rows.count() + 1}–")
        page.get_by_role("searchbox", name="Search").fill(f"film {SOUGHT} ")
        page.keyboard.press("Enter")
        expect(rows).to_have_count(1)
        page.get_by_role("link", name=f"Film {SOUGHT} ").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"Film {SOUGHT} ")
        page.goto(url + "plan")
        assert page.locator("li, tr").count() < 1000, "the plan is shortened"
        for path in ("", "torrents", "plan"):
            page.goto(url + path)
            assert find_bad_looks(page, colours=True) == find_violations(page, without=COLOUR_RULES) == [], path
