"""The pages of torrents before a real qBittorrent: declared beside live, as it is now, with its files and history."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.conftest import MakeServer
from tests.support.home import Home
from tests.support.html_pages import HtmlPage
from tests.support.raw import RawClient
from tests.support.torrents import make_torrent
from tests.support.watch_process import WatchProcess, start_watch

PASSKEY = "0123456789abcdef0123456789abcdef"
ENTRY = (
    "{torrent: film.torrent, paused: true, category: films, tags: [hd], "
    f'trackers: ["http://127.0.0.9/{PASSKEY}/announce"]}}'
)


def read_page(watch: WatchProcess, path: str) -> HtmlPage:
    """Return a page of a watch."""
    url = next(line["url"] for line in watch.log if line["event"] == "http listening")
    answer = requests.get(url + path, timeout=60)
    assert answer.status_code == 200 and PASSKEY not in answer.text, answer.text
    return HtmlPage(answer.text)


@pytest.mark.builds("5.3.0", "4.2.5")
def test_a_torrent_is_shown_as_it_is_declared_and_as_it_is(
    make_server: MakeServer, tmp_path: Path, version: str
) -> None:
    server = make_server(version)
    home = Home(tmp_path)
    home.add_instance(server.url, server.username, server.password)
    (tmp_path / "film.torrent").write_bytes(make_torrent(7, name="Film"))
    home.write(ENTRY)
    options = ("--listen", "127.0.0.1:0", "--state-dir", "state")
    with start_watch(home, *options, interval="600s") as watch:
        watch.wait_until(lambda: watch.has_logged("http listening") and bool(watch.reports))
        watch.wait_until(lambda: "Film hd ✓ in sync" in read_page(watch, "/torrents?category=films").text)
        (infohash,) = RawClient(server).list_torrents()
        page = read_page(watch, f"/torrents/{infohash}?files=1")
        assert "declared desired.yaml:12:5" in page.text
        assert "owner ours (reconcile:home) plan + added: not on the instance" in page.text
        assert "category films films tags hd hd" in page.text and "differs" not in page.text
        assert "box + category: none → films" in page.text.partition("In a terminal")[2]
        assert "Film 19.5 KiB 0 % normal" in page.text
        RawClient(server).post("torrents/setCategory", hashes=infohash, category="")
        path = f"/torrents/{infohash}"
        watch.wait_until(lambda: "Changed since the last run: category." in read_page(watch, path).text)
        assert "category ~ differs films (none)" in read_page(watch, path).text
