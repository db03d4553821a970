"""`reconcile explain`, `add` and `rm` on a real server, one after the other."""

from __future__ import annotations

import pytest

from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient


@pytest.mark.builds("4.2.5", "5.3.0")  # we decide it, by what all versions show alike
def test_the_life_of_an_entry(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1, paused=True))
    assert home.run().summary == {"add": 1}
    before = home.file.read_bytes()
    secret = "&tr=http%3A%2F%2Ft.example%2F0123456789abcdef%2Fannounce"
    added = home.run_arguments("add", make_magnet(2) + secret, "--category", "linux", "--paused")
    assert added.exit_code == 0, added.err
    assert home.file.read_bytes().startswith(before)
    assert "0123456789abcdef" not in added.out + added.err

    proxy.clear()
    explained = home.run_arguments("explain", make_infohash(2)[:6])
    assert explained.exit_code == 0, explained.err
    assert "not here" in explained.out and "+ add: not on the instance" in explained.out
    assert proxy.mutations == []
    assert home.run().summary == {"add": 1, "settings": 1, "unchanged": 1}

    truth.post("torrents/setCategory", hashes=make_infohash(2), category="")
    explained = home.run_arguments("explain", "torrent-2")
    assert "ours (reconcile:home)" in explained.out
    assert "category: (none) → linux" in explained.out
    assert home.run_arguments("explain", "nobody").exit_code == 1

    removed = home.run_arguments("rm", "torrent-2")
    assert removed.exit_code == 0, removed.err
    assert "the next run deletes the torrent" in removed.out
    assert home.file.read_bytes() == before
    assert "- delete: no longer declared" in home.run_arguments("explain", "torrent-2").out
    assert home.run().summary == {"delete": 1, "unchanged": 1}
    assert set(truth.list_torrents()) == {make_infohash(1)}
