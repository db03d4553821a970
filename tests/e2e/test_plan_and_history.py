"""The plan and the history of a watch before a real qBittorrent: a refused plan, its approval, and what came of it."""

from __future__ import annotations

import re

import requests

from tests.support.home import Home, make_entry
from tests.support.html_pages import HtmlPage
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.watch_process import start_watch

GUARD = "guard: {max_delete: 1, max_delete_percent: 100}"


def test_a_refused_plan_is_approved_from_its_page_and_becomes_history(box: Proxy, home: Home) -> None:
    home.write(*(make_entry(number, paused=True) for number in range(3)), head=GUARD)
    with start_watch(
        home, "--listen", "127.0.0.1:0", "--state-dir", str(home.folder / "state"), interval="1h"
    ) as watch:
        watch.wait_until(lambda: bool(watch.reports))
        url = next(line["url"] for line in watch.log if line["event"] == "http listening")

        def read(path: str) -> HtmlPage:
            return HtmlPage(requests.get(f"{url}{path}", timeout=30).text)

        assert "3 added" in read("/history").text
        assert "An instance was out of sync once, for" in read("/history").text

        home.write(make_entry(0, paused=True), head=GUARD)
        RawClient.wait_until(lambda: "Refused by the guard" in read("/plan").text)
        count = len(box.requests)
        page = read("/plan")
        assert "✗ deletions 2 more than 1" in page.text
        assert page.text.count("- delete") == 2
        assert len(box.requests) == count
        approval = re.findall("accept_plan: sha256:[0-9a-f]{64}", page.text)
        assert len(approval) == 1

        home.file.write_text(f"{approval[0]}\n{home.file.read_text()}")
        RawClient.wait_until(lambda: "2 deleted" in read("/history").text)
        page = read("/history")
        assert page.text.index("2 deleted") < page.text.index("refused by the guard") < page.text.index("3 added")
        assert "out of sync 2 times" in page.text
        assert "guard: 2 deletions are more than max_delete 1; accepted by its hash" in read("/plan").text
