"""An incremental session after failures, restarts, changed ids and unexpected replies."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import API_KEYS, INCREMENTAL_SYNC
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.delta_risks import FIRST_PAUSE, DeltaRisks
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.row_feed import RowFeed
from tests.conftest import MakeServer
from tests.support.incremental_sessions import (
    INCREMENTAL,
    ManualMonotonicClock,
    count_full_reads,
    count_read_requests,
    wait_until_equal,
    wait_until_settled,
)
from tests.support.instances import (
    OPTIONS_ROW,
    QBITTORRENT_ANSWERS,
    StubRequest,
    json_answer,
    make_instance,
    serve_stub,
    text_answer,
)
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import (
    Fault,
    Proxy,
    answer_with_status,
    cut_answer,
    hang_after,
    hang_before,
    reset_after,
)
from tests.support.random_edits import RandomEditor
from tests.support.raw import RawClient

MakeProxy = Callable[..., Proxy]

FAULTS: dict[str, Fault] = {
    "cut": cut_answer(0.5),
    "502": answer_with_status(502, "<html>bad gateway"),
    "hang": hang_before(60),
    "answer never arrives": hang_after(60),
    "reset after": reset_after,
    "a lost login": answer_with_status(403, "Forbidden", "text/plain"),
}

HANGING = ("hang", "answer never arrives")


@INCREMENTAL
@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_failure_it_reads_in_full(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, fault: str
) -> None:
    server = make_server(version)
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(20)))
    with (
        IncrementalSession(make_instance(proxy, server, read_timeout=1.0 if fault in HANGING else 60.0)) as mirror,
        Session(make_instance(server)) as session,
    ):
        for number, endpoint in enumerate(("sync/maindata", "torrents/info", "torrents/categories")):
            wait_until_settled(mirror)
            raw.add_tags([1], f"unread {number}")
            proxy.clear()
            proxy.add_fault(endpoint, FAULTS[fault])
            if fault == "a lost login":
                mirror.read_full_snapshot() if number else mirror.read_snapshot()
            else:
                with pytest.raises(InstanceError):
                    mirror.read_full_snapshot() if number else mirror.read_snapshot()
            raw.add_tags([1], f"after the failure {number}")
            reads = count_full_reads(proxy)
            wait_until_equal(mirror, session)
            assert count_full_reads(proxy) > reads - (number == 0 and fault == "a lost login")
            assert 1 <= proxy.count_requests("auth/login") <= 2, "no session that requested deltas is continued"


@pytest.mark.builds("5.3.0", having=INCREMENTAL_SYNC)
@pytest.mark.parametrize("fault", ["answer never arrives", "502"])
def test_while_the_full_reply_does_not_come_the_list_is_read_and_once_it_does_deltas_follow(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, fault: str
) -> None:
    server, clock, risks, warnings = make_server(version), ManualMonotonicClock(), DeltaRisks(), list[str]()
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(5)))
    instance = make_instance(proxy, server, read_timeout=5.0 if fault in HANGING else 60.0)

    def open_session() -> IncrementalSession:
        return IncrementalSession(instance, delta_risks=risks, now=clock, warn=warnings.append)

    with open_session() as mirror, Session(make_instance(server)) as session:
        mirror.read_snapshot()
        proxy.add_fault("sync/maindata", FAULTS[fault])
        raw.add_tags([1], "while it does not come")
        wait_until_equal(mirror, session)
        with open_session() as successor:  # a loop replaces a session that has failed
            for _ in range(2):
                wait_until_equal(successor, session)
        feed = RowFeed(instance, delta_risks=risks, now=clock)
        assert feed.read().rows.keys() == raw.list_torrents().keys()
        assert (proxy.count_requests("sync/maindata"), len(warnings)) == (1, 1)

        clock.time += FIRST_PAUSE
        wait_until_settled(mirror)
        assert feed.read().rows.keys() == raw.list_torrents().keys()
        feed.close()
        assert proxy.count_requests("sync/maindata") > 2
        proxy.clear()
        assert mirror.read_snapshot() is mirror.read_snapshot()
        assert count_full_reads(proxy) == 0 and len(warnings) == 1


def test_a_restart_is_followed_by_a_full_read(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(5)))
    with IncrementalSession(make_instance(proxy, server)) as mirror:
        mirror.read_snapshot()
        for number in range(2):
            raw.add_tags([number], "new")
            raw.post("torrents/delete", hashes=make_infohash(4 - number), deleteFiles="false")
            server.restart()
            proxy.port, raw = server.port, RawClient(server)
            proxy.clear()
            with Session(make_instance(server)) as session:
                wait_until_equal(mirror, session)
            assert count_full_reads(proxy) >= 1
            assert proxy.count_requests("auth/login") == 1


@INCREMENTAL
@pytest.mark.parametrize(("reads", "full_reads"), [(1, 0), (2, 1)], ids=["before the deltas", "with deltas"])
def test_a_restart_of_a_server_without_login_is_noticed(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, reads: int, full_reads: int
) -> None:
    server = make_server(version, preferences={"WebUI\\LocalHostAuth": "false"})
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets(map(make_magnet, range(3)))
    with IncrementalSession(make_instance(proxy)) as mirror:
        for _ in range(reads):
            mirror.read_snapshot()
        saved = server.profile / "qBittorrent/data/BT_backup" / f"{make_infohash(1)}.fastresume"
        raw.wait_until(saved.exists)  # a save that is still under way would bring it back at the start
        raw.post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        raw.wait_until(lambda: not saved.exists())
        server.restart()
        proxy.port, raw = server.port, RawClient(server)
        proxy.clear()
        assert (
            {torrent.id for torrent in mirror.read_snapshot().torrents}
            == set(raw.list_torrents())
            == {*map(make_infohash, (0, 2))}
        )
        assert proxy.count_requests("app/version") == 1, "it may be another version"
        assert count_full_reads(proxy) == full_reads


@INCREMENTAL
@pytest.mark.parametrize("wait", [0, 3])
def test_another_id_of_a_hybrid_torrent_breaks_nothing(make_server: MakeServer, version: str, wait: float) -> None:
    seeder, server = make_server(version), make_server(version)
    source, raw = RawClient(seeder), RawClient(server)
    file = seeder.downloads / "data"
    file.write_bytes(os.urandom(300_000))
    source.post("torrentcreator/addTask", sourcePath=str(file), format="hybrid", startSeeding="true")
    source.wait_until(lambda: [row["state"] for row in source.list_torrents().values()] == ["stalledUP"])
    ((key, row),) = source.list_torrents().items()
    v1 = row["infohash_v1"]
    with IncrementalSession(make_instance(server)) as mirror, Session(make_instance(server)) as session:
        mirror.read_snapshot()
        mirror.add_magnets([f"magnet:?xt=urn:btih:{v1}"], AddOptions(stopped=False, auto_tmm=False))
        RawClient.wait_until(lambda: [torrent.id for torrent in mirror.read_snapshot().torrents] == [v1])
        mirror.read_snapshot()
        time.sleep(wait)  # after a refresh in between, the next delta in the same session breaks the server
        raw.post("torrents/addPeers", hashes=v1, peers=f"127.0.0.1:{seeder.listen_port}")
        raw.wait_until(lambda: set(raw.list_torrents()) == {key})
        assert [torrent.id for torrent in mirror.read_snapshot().torrents] == [key]
        wait_until_equal(mirror, session)
        RawClient.wait_until(lambda: count_read_requests(mirror) == 1)
        assert [torrent.id for torrent in mirror.read_full_snapshot().torrents] == [key]


@pytest.mark.builds("5.3.0", having=API_KEYS)
def test_with_an_api_key_every_read_is_full(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy, key = make_proxy(server), Secret(RawClient(server).post("app/rotateAPIKey").json()["apiKey"])
    with IncrementalSession(make_instance(proxy, api_key=key)) as mirror, Session(make_instance(server)) as session:
        hand = RandomEditor(server, random.Random(3))
        for _ in range(4):
            hand.change()
            wait_until_equal(mirror, session)
        assert wait_until_settled(mirror) is mirror.read_full_snapshot()
        assert proxy.count_requests("sync/maindata") == 0


TORRENT = "a" * 40
ROW: dict[str, Any] = {"name": "b", "state": "stoppedDL", "category": "", "tags": "", "save_path": "/d"} | {
    "auto_tmm": False,
    "progress": 0,
    "size": 0,
    "content_path": "",
    "infohash_v1": TORRENT,
    "infohash_v2": "",
    **OPTIONS_ROW,
    "inactive_seeding_time_limit": -2,
    "download_path": "",
}


def build_answers(**torrents: Any) -> dict[str, Any]:
    """Build the answers of a stub: one torrent in torrents/info, and these in each full reply of sync/maindata."""
    return {
        **QBITTORRENT_ANSWERS,
        "torrents/info": json_answer(json.dumps([{"hash": TORRENT, **ROW}])),
        "sync/maindata": json_answer(json.dumps({"rid": 1, "full_update": True, "torrents": torrents})),
    }


LOGIN: dict[str, Any] = {"username": "admin", "password": Secret("password")}


@pytest.mark.parametrize("name", ["a", "b"])
def test_torrents_info_is_used_and_a_warning_given_if_the_two_reads_differ(name: str) -> None:
    clock, warnings = ManualMonotonicClock(), list[str]()
    ghost = {"f" * 40: {**ROW, "infohash_v1": "f" * 40}} if name == "a" else {}
    answers = build_answers(**{TORRENT: {**ROW, "name": name}}, **ghost)
    with (
        serve_stub(answers) as url,
        IncrementalSession(make_instance(url, **LOGIN), now=clock, warn=warnings.append) as mirror,
    ):
        for _ in range(2):
            assert [torrent.name for torrent in mirror.read_snapshot().torrents] == ["b"]
            assert warnings == []
        clock.time += 31
        assert [torrent.name for torrent in mirror.read_snapshot().torrents] == ["b"]
        assert [" 2 torrents" in message for message in warnings] == [True] * (name == "a")


_INCOMPLETE = json.dumps({"rid": 1, "full_update": True, "torrents": {TORRENT: {"name": "b"}}})


@pytest.mark.parametrize(
    "reply", ["[]", "{}", '{"rid": "1"}', '{"rid": 1, "torrents": {"all": {}}}', "Ok.", "", _INCOMPLETE]
)
def test_a_maindata_of_another_shape_or_incomplete_means_full_reads(reply: str) -> None:
    clock, warnings, requests = ManualMonotonicClock(), list[str](), list[StubRequest]()
    answers = {**build_answers(), "sync/maindata": json_answer(reply)}
    with (
        serve_stub(answers, requests) as url,
        IncrementalSession(make_instance(url, **LOGIN), now=clock, warn=warnings.append) as mirror,
    ):
        first = mirror.read_snapshot()
        for pause in (60, 120):
            for _ in range(3):
                assert mirror.read_snapshot() is first and mirror.has_full_snapshot
            assert [("sync/maindata" in text, f" in {pause} s, every" in text) for text in warnings] == [(True, True)]
            clock.time += pause
            warnings.clear()
        assert [endpoint for endpoint, _ in requests].count("sync/maindata") == 2
        answers.update(build_answers(**{TORRENT: ROW}))
        assert mirror.read_snapshot() is first and not mirror.has_full_snapshot and not warnings


@pytest.mark.parametrize("is_there", [True, False])
def test_a_torrent_that_maindata_lacks_is_read_again(is_there: bool) -> None:
    answers, requests = build_answers(), list[StubRequest]()
    with serve_stub(answers, requests) as url, IncrementalSession(make_instance(url, **LOGIN)) as mirror:
        mirror.read_snapshot()
        requests.clear()
        answers["torrents/info"] = answers["torrents/info"] if is_there else json_answer("[]")
        assert [torrent.id for torrent in mirror.read_snapshot().torrents] == [TORRENT] * is_there
        assert [request for request in requests if request[0] == "torrents/info"] == [
            ("torrents/info", {"hashes": TORRENT})
        ]


def test_a_login_before_the_deltas_begin_means_a_full_read() -> None:
    answers = build_answers(**{TORRENT: ROW})
    with serve_stub(answers) as url, IncrementalSession(make_instance(url, **LOGIN)) as mirror:
        mirror.read_snapshot()
        mirror.open()  # as after a restart of the server, perhaps as another version
        mirror.read_snapshot()
        assert mirror.has_full_snapshot


def test_another_version_before_the_deltas_begin_means_a_full_read_and_shows() -> None:
    answers = build_answers(**{TORRENT: ROW})
    with serve_stub(answers) as url, IncrementalSession(make_instance(url)) as mirror:
        assert mirror.read_snapshot().version == "v5.1.0"
        answers["app/version"] = text_answer("v5.3.0")
        answers["app/webapiVersion"] = text_answer("2.15.0")
        snapshot = mirror.read_snapshot()
        assert (snapshot.version, snapshot.web_api, mirror.has_full_snapshot) == ("v5.3.0", "2.15.0", True)


@pytest.mark.parametrize("web_api", ["2.5.1", "2.8.19", "2.9.1"])
def test_an_old_server_gets_no_request_for_maindata(web_api: str) -> None:
    answers = {**QBITTORRENT_ANSWERS, "app/webapiVersion": text_answer(web_api)}
    with serve_stub(answers) as url, IncrementalSession(make_instance(url)) as mirror:
        assert mirror.read_snapshot() is mirror.read_snapshot()
