"""Torrents of a real server that do not work: lost ones, missing files, an error, and no metadata."""

from __future__ import annotations

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeServer
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.seeding import DEFAULT_SIZE, keep_introducing_peer, seed_torrent
from tests.support.swarm import shut_down
from tests.support.torrents import make_content, make_torrent


def _declare_file(home: Home, number: int, path: object) -> str:
    (home.folder / f"{number}.torrent").write_bytes(make_torrent(number, size=DEFAULT_SIZE))
    return f"{{torrent: {number}.torrent, save_path: '{path}'}}"


@pytest.mark.builds("4.2.5", "5.3.0")
def test_a_torrent_that_lost_its_files_is_not_in_sync(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    (server.downloads / "torrent-1").write_bytes(make_content(1, DEFAULT_SIZE))
    home.write(_declare_file(home, 1, server.downloads))
    assert home.run().exit_code == 0
    truth.wait_until(lambda: [row["state"] for row in truth.list_torrents().values()] == ["stalledUP"])
    (server.downloads / "torrent-1").unlink()
    server.restart()
    restarted = RawClient(server)
    restarted.wait_until(lambda: [row["state"] for row in restarted.list_torrents().values()] == ["missingFiles"])
    proxy.clear()
    done = home.run()
    assert (done.exit_code, done.summary, proxy.mutations) == (1, {"unchanged": 1, "faults": 1}, [])
    (fault,) = done.instance()["faults"]
    assert (fault["kind"], fault["serious"]) == ("missing_files", True)
    text = home.run_arguments()
    assert "box  1 fault" in text.out
    assert home.run_arguments("status").exit_code == 1
    home.write(_declare_file(home, 1, server.downloads).replace("}", ", paused: true}"))
    assert home.run().exit_code == 0
    assert home.run("--strict").exit_code == 1, "it is not meant to run, but its files are gone"


@pytest.mark.builds("5.1.0")
def test_a_torrent_that_cannot_be_written_is_not_in_sync(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient, make_server: MakeServer
) -> None:
    seeder = make_server()
    key = str(seed_torrent(seeder, 1, "v1").v1)
    home.write(_declare_file(home, 1, "/proc/nowhere"))
    assert home.run().exit_code == 0
    with keep_introducing_peer(server, key, seeder):
        truth.wait_until(lambda: truth.list_torrents()[key]["state"] == "error")
    done = home.run()
    assert (done.exit_code, done.instance()["faults"][0]["kind"]) == (1, "error")


@pytest.mark.builds("4.2.5")
def test_a_torrent_without_metadata_counts_only_with_strict(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    home.write(make_entry(1))
    assert home.run("--strict").exit_code == 0, "it was not there yet when the instance was read"
    truth.wait_until(lambda: truth.read_torrent(1)["state"] == "metaDL")
    done = home.run()
    assert (done.exit_code, done.instance()["faults"]) == (0, []), "that is normal for ten minutes"
    strict = home.run(environ={"RECONCILE_STRICT": "1"})
    assert (strict.exit_code, [fault["kind"] for fault in strict.instance()["faults"]]) == (1, ["no_metadata"])


@pytest.mark.builds("5.1.0")
def test_a_torrent_that_an_orderly_stop_of_the_server_lost_is_added_again(
    home: Home, server: QbittorrentServer, proxy: Proxy
) -> None:
    """Of 200 torrents that were added just before, 85 to 200 are there after the stop; here one is certainly lost."""
    home.write(make_entry(1, category="c", tags=["x"], paused=True))
    assert home.run().exit_code == 0
    home.write(*(make_entry(number, category="c", tags=["x"], paused=True) for number in range(1, 4)))
    assert home.run().summary == {"add": 2, "unchanged": 1}
    shut_down(server)
    saved = server.profile / "qBittorrent" / "data" / "BT_backup"
    (saved / f"{make_infohash(2)}.fastresume").unlink(missing_ok=True)
    remaining = {path.stem for path in saved.glob("*.fastresume")}
    server.start()
    truth = RawClient(server)
    truth.wait_until(lambda: set(truth.list_torrents()) == remaining)
    done = home.run()
    assert (done.exit_code, done.summary.get("add"), done.summary.get("delete")) == (0, 3 - len(remaining), None)
    assert [truth.read_torrent(number)["tags"] for number in range(1, 4)] == [{"x", "reconcile:home"}] * 3
    assert home.run().summary == {"unchanged": 3}
