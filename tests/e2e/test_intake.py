"""Torrents of services on a real server: added, taken back with their data, kept through a kill, and promoted."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.metainfo import parse_metainfo
from tests.conftest import MakeServer
from tests.support.gateway import HEAD, start_gateway
from tests.support.home import Home
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.seeding import DEFAULT_SIZE
from tests.support.torrents import make_content, make_torrent

NO_DELETIONS = "guard: {max_delete: 0}\n"  # of people


def test_what_a_service_hands_in_is_added_and_taken_back(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server()
    truth = RawClient(server)
    data = make_torrent(1, "v1", size=DEFAULT_SIZE)
    infohash = str(parse_metainfo(data).infohashes)
    content = server.downloads / "torrent-1"
    content.write_bytes(make_content(1, DEFAULT_SIZE))
    intake = tmp_path / "intake.yaml"
    with start_gateway(Home(tmp_path), server, head=HEAD + NO_DELETIONS) as world:
        answer = world.gateway.post("torrents/add", files={"torrents": ("x.torrent", data)}, tags="handed in")
        assert answer.text == "Ok." and infohash in intake.read_text(), "it is on disk when it is answered"
        world.wait_until(lambda: set(truth.list_torrents()) == {infohash})
        world.wait_until(lambda: "reconcile:home" in truth.list_torrents()[infohash]["tags"])
        assert "handed in" in truth.list_torrents()[infohash]["tags"]
        assert world.gateway.post("torrents/delete", hashes=infohash, deleteFiles="true").status_code == 200
        world.wait_until(lambda: not truth.list_torrents() and not content.exists())
        world.wait_until(lambda: infohash not in intake.read_text())
        world.wait_until(lambda: not (tmp_path / f"{infohash}.torrent").exists())


def test_what_was_answered_outlasts_a_kill_and_can_become_ones_own(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server()
    truth = RawClient(server)
    home, again = Home(tmp_path), Home(tmp_path)
    with start_gateway(home, server) as world:
        assert world.gateway.post("torrents/add", urls=make_magnet(1), category="films").text == "Ok."
        world.watch.process.kill()
        world.watch.process.wait(20)
    assert make_infohash(1) in (tmp_path / "intake.yaml").read_text()
    with start_gateway(again, server) as world:
        world.wait_until(lambda: set(truth.list_torrents()) == {make_infohash(1)})
        assert truth.read_torrent(1)["category"] == "films"
        promoted = again.run_arguments("intake", "promote", make_infohash(1)[:10], "desired.yaml")
        assert promoted.exit_code == 0, promoted.err
        assert make_infohash(1) in again.file.read_text()
        assert make_infohash(1) not in (tmp_path / "intake.yaml").read_text()
        form = {"hashes": make_infohash(1), "deleteFiles": "true"}
        world.wait_until(lambda: "desired.yaml:" in world.gateway.post("torrents/delete", **form).text)
    assert again.run("--dry-run").summary == {"unchanged": 1}
