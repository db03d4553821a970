"""Paths of Windows for a server on another system, on real servers."""

from __future__ import annotations

import pytest

from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Proxy
from tests.support.raw import RawClient

WINDOWS_PATH = r"C:\data"


@pytest.mark.builds("4.2.5", "5.3.0")  # we refuse it, not the server
def test_a_path_of_windows_is_refused_before_anything_is_sent(home: Home, proxy: Proxy, truth: RawClient) -> None:
    entries = [make_entry(1, save_path=WINDOWS_PATH), make_entry(2, category="films")]
    home.write(*entries, head=r"categories: {films: {save_path: '\\nas\films'}}")
    on_empty_server = home.run()
    assert (on_empty_server.exit_code, on_empty_server.summary) == (1, {"blocked": 2, "settings": 1})
    assert proxy.mutations == []
    assert on_empty_server.instance()["requests"] == 7, "one more, which shows the platform where no torrent does"
    expected = r"C:\data is a path for Windows, and this qBittorrent does not run on Windows; write it like /data"
    assert expected in [action["reason"] for action in on_empty_server.instance()["actions"]]

    truth.add_magnets([f"magnet:?xt=urn:btih:{make_infohash(1)}"])
    assert home.run().exit_code == 1, "it is adopted, and its path is refused"
    again = home.run("--retry-login")
    assert (again.exit_code, again.summary, again.instance()["requests"]) == (1, {"blocked": 2, "settings": 1}, 6)
    home.write(make_entry(1, save_path="/tmp/here"), make_entry(2, save_path="/tmp/here"))
    assert home.run().exit_code == 0
    assert {row["save_path"].rstrip("/") for row in truth.list_torrents().values()} == {"/tmp/here"}


@pytest.mark.builds("4.2.5", "5.3.0")  # we refuse it, not the server
def test_a_move_to_a_path_of_windows_is_refused_in_each_run(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1))
    assert home.run().exit_code == 0
    path = truth.read_torrent(1)["save_path"]
    home.write(make_entry(1, save_path=WINDOWS_PATH))
    proxy.clear()
    for _ in range(2):
        refused = home.run()
        assert (refused.exit_code, refused.summary) == (1, {"blocked": 1})
    assert proxy.mutations == []
    assert truth.read_torrent(1)["save_path"] == path
