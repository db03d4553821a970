"""Pictures of the pages in every state, for people to look at: `python -m tests.support.screenshots FOLDER [STATE…]`.

Each page is taken in the width of a laptop and of a phone, in light and in dark. Without a folder, docs/images/page.png
is taken.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import expect

from reconciler.demo.servers import QbittorrentServer, ServerSettings
from tests.support.browser import NARROW, SCHEMES, WIDE, Browser, set_look, start_browser
from tests.support.home import Home
from tests.support.page_states import PageStage, PageState, sign_in, tell_of_a_watch, tell_of_drift

STORIES: tuple[Callable[[PageStage], Iterator[PageState]], ...] = (tell_of_a_watch, tell_of_drift)
SIZE = 700_000_000  # bytes of each torrent
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "page.png"


def take_screenshots(folder: Path, *names: str) -> None:
    """Write `STATE-PAGE-WIDTH-SCHEME.png` for each state; `names`: only these states."""
    folder.mkdir(parents=True, exist_ok=True)
    for story in STORIES:
        with start_stage() as stage, start_browser() as browser:
            for state in story(stage):
                if not names or state.name in names:
                    for path in state.paths:
                        _photograph(browser, state, path, folder)


def take_picture_for_docs() -> None:
    """Write docs/images/page.png: the overview while a plan waits for a person, in a watch of a usual interval."""
    with start_stage() as stage, start_browser() as browser:
        stage.declare()
        watch = stage.watch(interval="5m")
        watch.wait_for("in_sync", "pending")
        stage.wait_for_data()
        watch.run_now()
        watch.wait_for("in_sync")
        stage.declare(isos=1)
        watch.wait_for("refused")
        page = browser.open(watch.url + "torrents")  # a look at the list brings the rates
        page.goto(watch.url)
        expect(page.locator("#live-state")).to_contain_text("Live")
        PICTURE.parent.mkdir(exist_ok=True)
        page.set_viewport_size({"width": WIDE, "height": 1010})
        page.screenshot(path=PICTURE)


@contextmanager
def start_stage() -> Iterator[PageStage]:
    """Start the servers, with everything that they and the watch write in a folder that goes away."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["XDG_STATE_HOME"] = str(folder / ".state")

        def make_server(version: str) -> QbittorrentServer:
            server = QbittorrentServer(version, ServerSettings(trusted_client="127.0.0.2"))
            stack.callback(server.stop)
            return server

        home = stack.enter_context(Home(folder))
        yield stack.enter_context(PageStage(home, make_server, SIZE))


def _photograph(browser: Browser, state: PageState, path: str, folder: Path) -> None:
    page = browser.open(state.url)
    if path.startswith("actions"):
        sign_in(page, state.url)
    page.goto(state.url + path)
    if page.query_selector("main[data-live]"):
        expect(page.locator("#live-state")).to_contain_text("Live")
    title = re.sub(r"\W+", "-", re.sub("[0-9a-f]{40}", "one", path)) or "overview"
    for width in (WIDE, NARROW):
        for scheme in SCHEMES:
            set_look(page, scheme, width)
            file = folder / f"{state.name}-{title}-{width}-{scheme}.png"
            page.screenshot(path=file, full_page=True)
    page.context.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        take_screenshots(Path(sys.argv[1]), *sys.argv[2:])
    else:
        take_picture_for_docs()
