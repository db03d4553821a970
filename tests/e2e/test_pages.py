"""The pages in a real browser, of real watches of real servers, in every state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import MakeServer
from tests.support.browser import (
    NARROW,
    SCHEMES,
    WIDE,
    find_overflow,
    find_unreachable,
    find_violations,
    set_look,
    start_browser,
)
from tests.support.home import Home
from tests.support.many_torrents import SOUGHT, serve_many_torrents
from tests.support.page_states import TOKEN, PageStage, PageState, tell_of_a_watch, tell_of_drift


@pytest.fixture
def stage(home: Home, make_server: MakeServer) -> Iterator[PageStage]:
    """Two instances whose watch goes from state to state."""
    with PageStage(home, make_server) as stage:
        yield stage


@pytest.mark.parametrize("story", [tell_of_a_watch, tell_of_drift])
def test_every_state_is_a_page_for_everyone(
    stage: PageStage, story: Callable[[PageStage], Iterator[PageState]]
) -> None:
    problems: list[str] = []
    examiner = PageExaminer()
    with start_browser() as browser:
        for state in story(stage):
            for scripts in (True, False):
                page = browser.open(state.url, scripts=scripts)
                problems += examiner.examine_all(page, state) if scripts else find_silence(page, state)
                for walk in WALKS.get(state.name, ()):
                    page.goto(state.url)
                    walk(page, state)
                if state.name == "guard-refused" and not scripts:
                    approve_the_plan(page)
                page.context.close()
    assert problems == [], "\n".join(problems)


class PageExaminer:
    """Examines pages by what a person may need, and each kind of page not more often than it tells something new."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def examine_all(self, page: Page, state: PageState) -> list[str]:
        """Return what is wrong with the pages of a state."""
        return [
            f"{state.name} /{path}: {problem}" for path in state.paths for problem in self.examine(page, state, path)
        ]

    def examine(self, page: Page, state: PageState, path: str) -> list[str]:
        """Return what is wrong with a page, in light and dark, on a laptop and a phone."""
        set_look(page, "light", WIDE)
        page.goto(state.url + path)
        problems = find_silence(page, state) if path == "" else []
        problems += find_violations(page, contrast=False)
        if self._is_new(path, "keyboard"):
            problems += find_unreachable(page)
        if state.name != "empty" and self._is_new(path, state.tone if path in ("", "plan") else "colours"):
            for scheme in SCHEMES:
                set_look(page, scheme, WIDE)
                problems += find_violations(page, contrast=True)
        set_look(page, "light", NARROW)
        return problems + [f"wider than a phone: {element}" for element in find_overflow(page)]

    def _is_new(self, path: str, aspect: str) -> bool:
        """Return True the first time for each kind of page."""
        key = re.sub("/.+", "/one", path), aspect
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new


def find_silence(page: Page, state: PageState) -> list[str]:
    """Return what an overview does not say."""
    text = page.inner_text("body")
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


def approve_the_plan(page: Page) -> None:
    """Approve the plan of this page, by a person who has the token and no scripts."""
    page.get_by_role("link", name="sign in", exact=True).click()
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#outcome")).to_contain_text("accepted")


WALKS: Final[Mapping[str, tuple[Callable[[Page, PageState], None], ...]]] = {
    "in-sync": (see_that_it_is_well, find_a_torrent),
    "guard-refused": (see_what_is_wrong, find_the_approval),
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
