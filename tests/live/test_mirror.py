"""The mirror shows what a full read shows, whatever happens, and asks once where nothing does."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import Server
from reconciler.live import Mirror, Session
from reconciler.live.mirror import FULL_EVERY
from reconciler.model.errors import InstanceError
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions, Snapshot
from tests.conftest import MakeServer
from tests.live.hand import Hand
from tests.live.places import QBITTORRENT, as_json, instance, stub, text, torrent_file
from tests.support.magnets import infohash, magnet
from tests.support.proxy import Fault, Proxy, cut, hang, hang_after, reset_after, status
from tests.support.raw import Raw

MakeProxy = Callable[..., Proxy]

INCREMENTAL = pytest.mark.parametrize("new", ["5.1.0", "5.3.0"])  # the versions that tell deltas


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def content(snapshot: Snapshot) -> Any:
    """All that a snapshot says, but for the order of its torrents."""
    torrents = {torrent.id: torrent for torrent in snapshot.torrents}
    assert len(torrents) == len(snapshot.torrents)
    return snapshot.version, snapshot.web_api, snapshot.v2, torrents, snapshot.categories


def agree(mirror: Mirror, session: Session, within: float = 10.0) -> None:
    """Wait until the mirror shows what a full read shows: a rename, stop or start is told with the next refresh."""
    Raw.eventually(lambda: content(mirror.snapshot()) == content(session.snapshot()), within)


def full_reads(proxy: Proxy) -> int:
    """How often all torrents were asked for."""
    return sum(r.endpoint == "torrents/info" and b"hashes" not in r.body for r in proxy.requests)


def settled(mirror: Mirror) -> Snapshot:
    """A snapshot once nothing moves any more."""
    Raw.eventually(lambda: mirror.snapshot() is mirror.snapshot() and cost(mirror) <= 2)
    return mirror.snapshot()


def cost(mirror: Mirror) -> int:
    before = mirror.requests
    mirror.snapshot()
    return mirror.requests - before


@pytest.mark.parametrize("seed", [1, 2])
def test_it_shows_what_a_full_read_shows_after_any_changes(server: Server, make_proxy: MakeProxy, seed: int) -> None:
    proxy, dice = make_proxy(server), random.Random(seed)
    with Mirror(instance(proxy, server)) as mirror, Session(instance(server)) as session:
        hand = Hand(server, dice)
        mirror.snapshot()
        for _ in range(12):
            for _ in range(dice.randrange(1, 5)):
                hand.change()
            agree(mirror, session)
        assert full_reads(proxy) == 1 or server.version < "v4.6"


@INCREMENTAL
@pytest.mark.parametrize("count", [0, 1000])
def test_where_nothing_changes_it_asks_once_and_gives_the_same_object(
    make_server: MakeServer, make_proxy: MakeProxy, new: str, count: int
) -> None:
    server = make_server(new)
    raw, proxy = Raw(server), make_proxy(server)
    if count:
        raw.add(map(magnet, range(count)))
        raw.start(1, 2, 3)  # their times go on
        raw.eventually(lambda: {row["state"] for row in raw.torrents().values()} == {"stoppedDL", "metaDL"})
    with Mirror(instance(proxy, server)) as mirror:
        first = settled(mirror)
        proxy.clear()
        for _ in range(20):
            assert mirror.snapshot() is first
        assert [request.endpoint for request in proxy.requests] == ["sync/maindata"] * 20


@pytest.mark.parametrize("old", ["4.2.5", "4.5.2"])
def test_before_4_6_every_read_is_full(make_server: MakeServer, make_proxy: MakeProxy, old: str) -> None:
    server = make_server(old)
    raw, proxy = Raw(server), make_proxy(server)
    raw.add([magnet(1)])
    with Mirror(instance(proxy, server)) as mirror:
        first = settled(mirror)
        before = full_reads(proxy)
        assert mirror.snapshot() is mirror.refresh() is first
        assert full_reads(proxy) == before + 2
        assert proxy.count("sync/maindata") == 0


def test_what_it_does_itself_it_sees(server: Server) -> None:
    with Mirror(instance(server)) as mirror, Session(instance(server)) as session:
        assert mirror.snapshot().torrents == ()
        mirror.create_category("linux", "/tmp/linux")
        mirror.add([magnet(1), magnet(2)], AddOptions(stopped=True, auto_tmm=False, category="linux"))
        Raw.eventually(lambda: len(mirror.read([infohash(1), infohash(2)])) == 2)
        assert {torrent.id for torrent in mirror.snapshot().torrents} == {infohash(1), infohash(2)}
        mirror.add_tags([infohash(1)], ["x"])
        assert {torrent.id: torrent.tags for torrent in mirror.snapshot().torrents}[infohash(1)] == {"x"}
        mirror.edit_category(mirror.categories()["linux"], "/tmp/other")
        assert mirror.snapshot().categories["linux"].save_path == "/tmp/other"
        mirror.delete([infohash(1)], delete_files=False)
        assert [torrent.id for torrent in mirror.snapshot().torrents] == [infohash(2)]
        agree(mirror, session)


FAULTS: dict[str, Fault] = {
    "cut": cut(0.5),
    "502": status(502, "<html>bad gateway"),
    "hang": hang(2),
    "answer never arrives": hang_after(2),
    "reset after": reset_after,
    "a lost login": status(403, "Forbidden", "text/plain"),
}


@INCREMENTAL
@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_failure_it_reads_in_full(make_server: MakeServer, make_proxy: MakeProxy, new: str, fault: str) -> None:
    server = make_server(new)
    raw, proxy = Raw(server), make_proxy(server)
    raw.add(map(magnet, range(20)))
    with Mirror(instance(proxy, server, read_timeout=0.5)) as mirror, Session(instance(server)) as session:
        for number, endpoint in enumerate(("sync/maindata", "torrents/info", "torrents/categories")):
            settled(mirror)
            raw.tag([1], f"told to nobody {number}")
            proxy.clear()
            proxy.fail(endpoint, FAULTS[fault])
            if fault == "a lost login":
                mirror.refresh() if number else mirror.snapshot()
            else:
                with pytest.raises(InstanceError):
                    mirror.refresh() if number else mirror.snapshot()
            raw.tag([1], f"told after it {number}")
            reads = full_reads(proxy)
            agree(mirror, session)
            assert full_reads(proxy) > reads - (number == 0 and fault == "a lost login")
            assert proxy.count("auth/login") == (fault == "a lost login")


def test_a_restart_is_followed_by_a_full_read(server: Server, make_proxy: MakeProxy) -> None:
    raw, proxy = Raw(server), make_proxy(server)
    raw.add(map(magnet, range(5)))
    with Mirror(instance(proxy, server)) as mirror:
        mirror.snapshot()
        for number in range(2):
            raw.tag([number], "new")
            raw.post("torrents/delete", hashes=infohash(4 - number), deleteFiles="false")
            server.restart()
            proxy.port, raw = server.port, Raw(server)
            proxy.clear()
            with Session(instance(server)) as session:
                agree(mirror, session)
            assert full_reads(proxy) >= 1
            assert proxy.count("auth/login") == 1


@INCREMENTAL
def test_a_server_that_wants_no_login_is_known_to_have_restarted(
    make_server: MakeServer, make_proxy: MakeProxy, new: str
) -> None:
    server = make_server(new, preferences={"WebUI\\LocalHostAuth": "false"})
    raw, proxy = Raw(server), make_proxy(server)
    raw.add(map(magnet, range(3)))
    with Mirror(instance(proxy)) as mirror:
        mirror.snapshot()
        raw.tag([1], "new")
        server.restart()
        proxy.port = server.port
        proxy.clear()
        assert {"new"} in [torrent.tags for torrent in mirror.snapshot().torrents]
        assert (full_reads(proxy), proxy.count("app/version")) == (1, 1), "it may be another version"


@INCREMENTAL
def test_a_full_read_comes_every_15_minutes_and_when_asked_for(
    make_server: MakeServer, make_proxy: MakeProxy, new: str
) -> None:
    server, clock = make_server(new), Clock()
    raw, proxy = Raw(server), make_proxy(server)
    raw.add(map(magnet, range(3)))
    with Mirror(instance(proxy, server), now=clock) as mirror:
        first = settled(mirror)
        for passed, full, expected in (
            (FULL_EVERY - 1, False, 0),
            (1, False, 1),
            (FULL_EVERY - 1, False, 0),
            (0, True, 1),
            (FULL_EVERY - 1, False, 0),
        ):
            clock.time += passed
            proxy.clear()
            assert mirror.snapshot(full) is first, "nothing has changed, however it was read"
            assert full_reads(proxy) == expected


@INCREMENTAL
def test_what_the_server_has_not_yet_told_is_not_missed(make_server: MakeServer, new: str) -> None:
    # a rename is in torrents/info at once, in maindata with the next refresh: undone before it, it is never told
    server = make_server(new)
    raw, renamed = Raw(server), {"hash": infohash(1)}
    raw.add(map(magnet, range(3)))
    with Mirror(instance(server)) as mirror:
        settled(mirror)
        for _ in range(3):
            raw.post("torrents/rename", name="for a moment", **renamed)
            mirror.refresh()
            raw.post("torrents/rename", name="torrent-1", **renamed)
            assert {torrent.name for torrent in mirror.snapshot().torrents} == {f"torrent-{n}" for n in range(3)}
        Raw.eventually(lambda: cost(mirror) == 1)


@INCREMENTAL
def test_the_stop_intent_is_known_while_the_state_hides_it(
    make_server: MakeServer, make_proxy: MakeProxy, new: str, tmp_path: Path
) -> None:
    server = make_server(new)
    raw, proxy = Raw(server), make_proxy(server)
    data = os.urandom(60_000)
    (server.downloads / "lost").write_bytes(data)
    key, file = torrent_file(tmp_path, "lost", data)
    raw.add([str(file)], paused="false", stopped="false")
    raw.add([magnet(1)])
    raw.eventually(lambda: raw.torrents()[key]["progress"] == 1)
    (server.downloads / "lost").unlink()
    server.restart()
    proxy.port, raw = server.port, Raw(server)
    raw.eventually(lambda: raw.torrents()[key]["state"] == "missingFiles")
    with Mirror(instance(proxy, server)) as mirror:
        first = settled(mirror)
        assert {torrent.id: torrent.stopped for torrent in first.torrents} == {key: False, infohash(1): True}
        proxy.clear()
        raw.post("torrents/stop", hashes=key)  # which its state does not show, and no delta tells
        shown = mirror.snapshot()
        assert [(t.stopped, t.state) for t in shown.torrents if t.id == key] == [(True, "missingFiles")]
        assert mirror.snapshot() is shown
        assert [request.endpoint for request in proxy.requests] == ["sync/maindata", "torrents/info"] * 2
        assert full_reads(proxy) == 0


@INCREMENTAL
def test_a_hybrid_torrent_that_gets_another_id_leaves_no_ghost(make_server: MakeServer, new: str) -> None:
    seeder, server = make_server(new), make_server(new)
    source, raw = Raw(seeder), Raw(server)
    file = seeder.downloads / "data"
    file.write_bytes(os.urandom(300_000))
    source.post("torrentcreator/addTask", sourcePath=str(file), format="hybrid", startSeeding="true")
    source.eventually(lambda: [row["state"] for row in source.torrents().values()] == ["stalledUP"])
    ((key, row),) = source.torrents().items()
    v1 = row["infohash_v1"]
    with Mirror(instance(server)) as mirror, Session(instance(server)) as session:
        raw.add([f"magnet:?xt=urn:btih:{v1}"], stopped="false")
        assert [torrent.id for torrent in mirror.snapshot().torrents] == [v1]
        mirror.snapshot()
        raw.post("sync/maindata", rid=0)
        peers = {"hashes": v1, "peers": f"127.0.0.1:{seeder.listen_port}"}
        raw.post("torrents/addPeers", **peers)
        raw.eventually(lambda: set(raw.torrents()) == {key})
        assert [torrent.id for torrent in mirror.snapshot().torrents] == [key]
        assert set(raw.post("sync/maindata", rid=0).json()["torrents"]) == {v1, key}, "what any other session is told"
        agree(mirror, session)
        assert [torrent.id for torrent in mirror.refresh().torrents] == [key]
        Raw.eventually(lambda: cost(mirror) == 1)


def test_two_that_share_an_api_key_are_both_right(make_server: MakeServer) -> None:
    server = make_server("5.3.0")
    raw = Raw(server)
    key = Secret(raw.post("app/rotateAPIKey").json()["apiKey"])
    with (
        Mirror(instance(server.url, api_key=key)) as one,
        Mirror(instance(server.url, api_key=key)) as other,
        Session(instance(server)) as session,
    ):
        hand = Hand(server, random.Random(3))
        for _ in range(4):
            hand.change()
            agree(one, session)
            hand.change()
            agree(other, session)


TORRENT = "a" * 40
ROW: dict[str, Any] = {"name": "b", "state": "stoppedDL", "category": "", "tags": "", "save_path": "/d"} | {
    "auto_tmm": False,
    "progress": 0,
    "size": 0,
    "infohash_v1": TORRENT,
    "infohash_v2": "",
}


def told(**torrents: Any) -> dict[str, Any]:
    """A stub whose torrents/info has one torrent, and whose maindata says what is given, always in full."""
    return {
        **QBITTORRENT,
        "torrents/info": as_json(json.dumps([{"hash": TORRENT, **ROW}])),
        "sync/maindata": as_json(json.dumps({"rid": 1, "full_update": True, "torrents": torrents})),
    }


@pytest.mark.parametrize("name", ["a", "b"])
def test_where_the_two_ways_of_reading_disagree_the_full_list_is_believed_and_it_is_said(name: str) -> None:
    clock, said = Clock(), list[str]()
    ghost = {"f" * 40: {**ROW, "infohash_v1": "f" * 40}} if name == "a" else {}
    answers = told(**{TORRENT: {**ROW, "name": name}}, **ghost)
    with stub(answers) as url, Mirror(instance(url), now=clock, tell=said.append) as mirror:
        for _ in range(3):
            assert [torrent.name for torrent in mirror.snapshot().torrents] == ["b"]
            assert said == []
        clock.time += 31
        assert [torrent.name for torrent in mirror.snapshot().torrents] == ["b"]
        assert [" 2 torrents" in message for message in said] == [True] * (name == "a")


def test_a_maindata_that_is_not_whole_means_full_reads() -> None:
    said = list[str]()
    with stub(told(**{TORRENT: {"name": "b"}})) as url, Mirror(instance(url), tell=said.append) as mirror:
        assert mirror.snapshot() is mirror.snapshot()
        assert len(said) == 2 and "full one" in said[0]


@pytest.mark.parametrize("reply", ["[]", "{}", '{"rid": "1"}', '{"rid": 1, "torrents": {"all": {}}}', "Ok.", ""])
def test_a_maindata_of_another_shape_is_an_error(reply: str) -> None:
    answers = {**QBITTORRENT, "sync/maindata": as_json(reply)}
    with stub(answers) as url, Mirror(instance(url)) as mirror, pytest.raises(InstanceError, match="sync/maindata"):
        mirror.snapshot()


@pytest.mark.parametrize("web_api", ["2.5.1", "2.8.19", "2.9.1"])
def test_an_old_server_is_not_asked_for_maindata(web_api: str) -> None:
    answers = {**QBITTORRENT, "app/webapiVersion": text(web_api)}
    with stub(answers) as url, Mirror(instance(url)) as mirror:
        assert mirror.snapshot() is mirror.snapshot()
