"""The overview of a watch before a real qBittorrent: it asks nothing of its own, and follows the files."""

from __future__ import annotations

import re

import requests

from tests.support.home import Home, make_entry
from tests.support.html_pages import HtmlPage
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.watch_process import start_watch


def test_the_overview_asks_nothing_and_follows_the_files(box: Proxy, home: Home) -> None:
    home.write(make_entry(1, paused=True))
    with start_watch(home, "--listen", "127.0.0.1:0", interval="1h") as watch:
        watch.wait_until(lambda: bool(watch.reports))
        url = next(line["url"] for line in watch.log if line["event"] == "http listening")

        def read() -> HtmlPage:
            return HtmlPage(requests.get(url, timeout=30).text)

        count = len(box.requests)
        for _ in range(5):
            page = read()
        assert len(box.requests) == count
        assert "In sync Everything is as declared: 1 torrent of ours on 1 instance. Nothing to do." in page.text
        assert box.url in page.foreign_links
        assert page.text.count("not known") == 3, "free space and both rates"

        assert requests.get(f"{url}/api/v1/torrents", timeout=30).status_code == 200
        page = read()
        assert "not known" not in page.text
        assert re.search(r"[KMGT]iB ↓ down \d.*B/s ↑ up \d.*B/s", page.text)

        home.file.write_text(home.file.read_text().replace("paused", "pausd"))
        RawClient.wait_until(lambda: "The desired state is invalid" in read().text)
        page = read()
        assert 'Did you mean "paused"?' in page.text
        assert re.search(
            r"In force is the last valid desired state, followed since .* UTC : 1 torrent, 1 instance", page.text
        )
