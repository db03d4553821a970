"""Torrents that a real server checks: a check makes a stopped torrent run, and a stop would end it."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.support.held_files import hold_file
from tests.support.home import Home
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.torrents import bencode

SIZE = 1 << 20
PIECE_SIZE = 1 << 16


def _write_stopped_entry(home: Home, server: QbittorrentServer, **keys: str) -> str:
    """Declare a complete torrent that is stopped; return its infohash."""
    with (server.downloads / "big").open("wb") as file:
        file.truncate(SIZE)
    pieces = hashlib.sha1(bytes(PIECE_SIZE)).digest() * (SIZE // PIECE_SIZE)
    info = {"name": "big", "piece length": PIECE_SIZE, "length": SIZE, "pieces": pieces}
    (home.folder / "big.torrent").write_bytes(bencode({"info": info}))
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    home.write(f"{{torrent: big.torrent, save_path: '{server.downloads}', paused: true, skip_checking: true{more}}}")
    return hashlib.sha1(bencode(info)).hexdigest()


def _start_check(truth: RawClient, key: str) -> None:
    """Recheck a torrent that was just added, once it is stopped: until then it is `checkingResumeData`."""
    truth.wait_until(lambda: truth.list_torrents()[key]["state"] in ("stoppedUP", "pausedUP"))
    truth.post("torrents/recheck", hashes=key)
    truth.wait_until(lambda: truth.list_torrents()[key]["state"] in ("checkingDL", "checkingUP"))


def _wait_for_end(truth: RawClient, key: str) -> None:
    truth.wait_until(lambda: truth.list_torrents()[key]["state"] in ("stoppedUP", "pausedUP"))
    assert truth.list_torrents()[key]["progress"] == 1


@pytest.mark.builds("4.5.2", "5.3.0")
def test_a_run_does_not_end_the_check_of_a_stopped_torrent(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    key = _write_stopped_entry(home, server)
    assert home.run().exit_code == 0
    with hold_file(server.downloads / "big"):
        _start_check(truth, key)
        proxy.clear()
        known, unknown = home.run(), home.run("--state-dir", str(home.folder / "elsewhere"))
        assert "checking" in truth.list_torrents()[key]["state"], "the check was over before the runs"
    assert (known.exit_code, known.summary, proxy.mutations) == (0, {"unchanged": 1}, []), "its journal shows the stop"
    assert (unknown.exit_code, unknown.summary) == (0, {"deferred": 1})
    assert "it is being checked" in unknown.instance()["actions"][0]["reason"]
    _wait_for_end(truth, key)
    assert home.run().summary == {"unchanged": 1}


@pytest.mark.builds("5.1.0")
def test_an_import_leaves_out_a_torrent_that_is_being_checked(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    key = _write_stopped_entry(home, server)
    assert home.run().exit_code == 0
    home.write()
    with hold_file(server.downloads / "big"):
        _start_check(truth, key)
        imported = home.run_arguments("import")
    assert imported.exit_code == 0
    assert "it is being checked, which hides whether it is stopped" in imported.out
    assert "magnet:" not in imported.out
    _wait_for_end(truth, key)
    assert "paused: true" in home.run_arguments("import").out
