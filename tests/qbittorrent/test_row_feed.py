"""A feed returns the rows of torrents/info, with one request if nothing changed, and endangers no server."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from reconciler.model.errors import AuthenticationError, InstanceError
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import INCREMENTAL_SYNC
from reconciler.qbittorrent import LoginMemory
from reconciler.qbittorrent.delta_risks import DeltaRisks
from reconciler.qbittorrent.deltas import NotADelta
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.row_feed import (
    MAX_DELTA_AGE,
    FeedState,
    RowFeed,
    apply_changes,
    is_waiting_for_metadata,
    keep_unchanged,
)
from reconciler.qbittorrent.row_schemas import MainValues
from tests.conftest import MakeProxy, MakeServer
from tests.support.incremental_sessions import INCREMENTAL, ManualMonotonicClock
from tests.support.instances import (
    QBITTORRENT_ANSWERS,
    StubRequest,
    json_answer,
    make_instance,
    serve_stub,
    text_answer,
)
from tests.support.magnets import make_infohash, make_magnet
from tests.support.random_edits import RandomEditor
from tests.support.raw import RawClient
from tests.support.server_builds import Build

A, B = "a" * 40, "b" * 40
MOVING_FIELDS = {"reannounce", "time_active", "last_activity", "seeding_time", "seen_complete", "availability", "eta"}
ONLY_MAINDATA_FIELDS = {"has_tracker_warning", "has_tracker_error", "has_other_announce_error"}  # since 5.2


def make_row(torrent_id: str = A, **fields: Any) -> dict[str, Any]:
    texts = dict.fromkeys(("name", "state", "category", "tags", "save_path", "magnet_uri"), "x")
    return {"hash": torrent_id, **texts, "infohash_v1": torrent_id, "infohash_v2": "", "total_size": 5, **fields}


def make_state(*rows: dict[str, Any], **fields: Any) -> FeedState:
    return FeedState({row["hash"]: row for row in rows}, **fields)


def select_fields(rows: dict[str, Any]) -> Any:
    """Return the fields that show a change. A new torrent in a delta lacks `private` while that is unknown (5.1)."""
    names = MOVING_FIELDS | ONLY_MAINDATA_FIELDS
    return {key: {name: row.get(name) for name in (row.keys() | {"private"}) - names} for key, row in rows.items()}


def test_a_delta_changes_only_what_it_names() -> None:
    before = make_state(
        make_row(A),
        make_row(B),
        tags=("one", "two"),
        categories={"c": {"name": "c", "savePath": "/c"}},
        server_state={"dht_nodes": 1, "queueing": False},
    )
    reply: MainValues = {
        "rid": 2,
        "torrents": {A: {"name": "new"}},
        "tags": ["three"],
        "tags_removed": ["one"],
        "categories": {"d": {"name": "d", "savePath": "/d"}},
        "categories_removed": ["c"],
        "server_state": {"dht_nodes": 2},
    }
    after = apply_changes(before, reply)
    assert after.rows == {A: make_row(A, name="new"), B: make_row(B)}
    assert after.rows[B] is before.rows[B]
    assert (after.tags, after.categories) == (("two", "three"), {"d": {"name": "d", "savePath": "/d"}})
    assert after.server_state == {"dht_nodes": 2, "queueing": False}
    removed = apply_changes(after, {"rid": 3, "torrents_removed": [A]})
    assert list(removed.rows) == [B]


def test_an_empty_delta_leaves_all_objects_as_they_are() -> None:
    before = make_state(make_row(), tags=("a",), categories={"c": {}}, server_state={"x": 1})
    after = apply_changes(before, {"rid": 2})
    assert after.rows is before.rows and after.server_state is before.server_state
    assert after.categories is before.categories and after.tags is before.tags


@pytest.mark.parametrize(
    "change",
    [{B: {"name": "no other field"}}, {A: {"name": 5}}, {B: make_row(B, infohash_v1=A)}],
    ids=["incomplete", "wrong-type", "another-id"],
)
def test_a_delta_that_does_not_continue_the_state_is_refused(change: Any) -> None:
    with pytest.raises(NotADelta):
        apply_changes(make_state(make_row()), {"rid": 2, "torrents": change})


def test_equal_objects_stay_the_same() -> None:
    before = make_state(make_row(A), make_row(B), tags=("a",))
    same = keep_unchanged(before, make_state(make_row(A), make_row(B), tags=("a",)))
    assert same.rows is before.rows and same.tags is before.tags
    changed = keep_unchanged(before, make_state(make_row(A), make_row(B, name="new")))
    assert changed.rows[A] is before.rows[A] and changed.rows[B]["name"] == "new"


@pytest.mark.parametrize(
    ("fields", "is_waiting"),
    [
        ({"total_size": -1, "state": "metaDL"}, True),
        ({"total_size": 0, "state": "queuedDL"}, True),
        ({"total_size": -1, "state": "stoppedDL"}, False),
        ({"total_size": -1, "state": "pausedDL"}, False),
        ({"total_size": -1, "state": "metaDL", "infohash_v2": "c" * 64}, False),
        ({"total_size": 5, "size": 0, "state": "stalledUP"}, False),
    ],
)
def test_torrents_that_wait_for_metadata(fields: dict[str, Any], is_waiting: bool) -> None:
    assert is_waiting_for_metadata(make_row(**fields)) is is_waiting


@pytest.mark.parametrize("rows", ['[{"hash": "../x"}]', '[{"name": "no hash"}]', f'[{{"hash": "{A}"}}]', "{}", "["])
def test_a_list_that_qbittorrent_does_not_send_is_an_error(rows: str) -> None:
    answers = {**QBITTORRENT_ANSWERS, "torrents/info": json_answer(rows), "sync/maindata": json_answer("{}")}
    with serve_stub(answers) as url:
        feed = RowFeed(make_instance(url, username="a"))
        with pytest.raises(InstanceError):
            feed.read()


def test_credentials_that_were_refused_are_not_sent_again() -> None:
    logins, requests = LoginMemory(), list[StubRequest]()
    with serve_stub({**QBITTORRENT_ANSWERS, "auth/login": text_answer("Fails.")}, requests) as url:
        instance = make_instance(url, username="a", password=Secret("wrong"))
        for _ in range(3):  # a feed that failed is replaced
            with pytest.raises(AuthenticationError):
                RowFeed(instance, logins=logins).read()
    assert [endpoint for endpoint, _ in requests] == ["auth/login"]


def test_it_follows_any_changes(server: Any, build: Build, make_proxy: MakeProxy) -> None:
    proxy, raw = make_proxy(server), RawClient(server)
    feed, hand = RowFeed(make_instance(proxy, server)), RandomEditor(server, random.Random(4))
    for _ in range(6):
        hand.change()
        hand.change()
        RawClient.wait_until(lambda: select_fields(dict(feed.read().rows)) == select_fields(raw.list_torrents()))
    state = feed.read()
    assert set(state.server_state) >= {"connection_status", "dht_nodes"}
    if build.has(INCREMENTAL_SYNC):
        RawClient.wait_until(lambda: feed.read().categories.keys() == raw.list_categories().keys())
        assert set(feed.read().tags) == set(raw.post("torrents/tags").json())
    answer = feed.ask("torrents/properties", {"hash": "0" * 40})
    assert (answer.status, feed.ask("app/version", {}).body.decode()) == (404, server.version)
    feed.close()


@INCREMENTAL
def test_without_changes_it_sends_one_request_and_returns_the_same_rows(
    make_server: MakeServer, make_proxy: MakeProxy, version: str
) -> None:
    server, clock = make_server(version), ManualMonotonicClock()
    raw, proxy, risks = RawClient(server), make_proxy(server), DeltaRisks()
    raw.add_magnets(map(make_magnet, range(5)))
    feed = RowFeed(make_instance(proxy, server), delta_risks=risks, now=clock)
    RawClient.wait_until(lambda: feed.read().rows is feed.read().rows)
    first = feed.read()
    proxy.clear()
    assert feed.read().rows is first.rows
    raw.start_torrents(1)
    RawClient.wait_until(lambda: feed.read().rows[make_infohash(1)]["state"] == "metaDL")
    proxy.clear()
    feed.read()
    assert [request.endpoint for request in proxy.requests] == ["torrents/info", "sync/maindata"]
    raw.stop_torrents(1)
    RawClient.wait_until(lambda: feed.read().rows[make_infohash(1)]["state"] == "stoppedDL")
    proxy.clear()
    risks.record(server.url)  # of another instance of this test: the proxy has another URL
    risks.record(proxy.url)
    feed.read()
    assert [request.endpoint for request in proxy.requests] == ["torrents/info"]
    feed.read()
    assert [request.endpoint for request in proxy.requests][1:] == [
        "auth/logout",
        "auth/login",
        "app/version",
        "app/webapiVersion",
        "sync/maindata",
    ]
    clock.time += MAX_DELTA_AGE
    proxy.clear()
    feed.read()
    assert [request.endpoint for request in proxy.requests][:2] == ["auth/logout", "auth/login"]


@INCREMENTAL
def test_a_hybrid_torrent_that_gets_another_id_ends_no_server(make_server: MakeServer, version: str) -> None:
    seeder, server = make_server(version), make_server(version)
    source, raw, risks = RawClient(seeder), RawClient(server), DeltaRisks()
    (seeder.downloads / "data").write_bytes(os.urandom(300_000))
    source.post(
        "torrentcreator/addTask", sourcePath=str(seeder.downloads / "data"), format="hybrid", startSeeding="true"
    )
    source.wait_until(lambda: [row["state"] for row in source.list_torrents().values()] == ["stalledUP"])
    ((key, row),) = source.list_torrents().items()
    v1 = row["infohash_v1"]
    feed = RowFeed(make_instance(server), delta_risks=risks)
    with IncrementalSession(make_instance(server), delta_risks=risks) as loop:
        feed.read()
        feed.read()
        loop.add_magnets([f"magnet:?xt=urn:btih:{v1}"], AddOptions(stopped=False, auto_tmm=False))
        raw.wait_until(lambda: v1 in raw.list_torrents())  # before that, it takes no peers
        raw.post("torrents/addPeers", hashes=v1, peers=f"127.0.0.1:{seeder.listen_port}")
        raw.wait_until(lambda: set(raw.list_torrents()) == {key})
        RawClient.wait_until(lambda: set(feed.read().rows) == {key})
        assert raw.post("app/version").text == server.version
    feed.close()
