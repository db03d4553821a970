"""Reads: complete or an error, with the stop intent for every state, and with a constant number of requests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError, UnsupportedError
from reconciler.model.snapshot import LiveTorrent
from reconciler.qbittorrent import Session
from tests.support.instances import (
    OPTIONS_ROW,
    QBITTORRENT_ANSWERS,
    is_saved,
    json_answer,
    make_instance,
    serve_stub,
    text_answer,
    wait_for_endpoints,
    write_torrent_file,
)
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import MISSING_FILES_AT_START, Build


@pytest.mark.parametrize("count", [0, 100, 1000])
def test_a_run_that_changes_nothing_takes_six_requests(
    server: QbittorrentServer, count: int, make_proxy: Callable[..., Proxy]
) -> None:
    raw, proxy = RawClient(server), make_proxy(server)
    if count:
        raw.add_magnets(map(make_magnet, range(count)))
        raw.wait_until(lambda: {row["state"][-2:] for row in raw.list_torrents().values()} == {"DL"})
    with Session(make_instance(proxy, server)) as session:
        assert len(session.read_snapshot().torrents) == count
    assert len(wait_for_endpoints(proxy, 6)) == session.request_count == 6


def test_the_stop_intent_is_read_for_every_state(server: QbittorrentServer, build: Build, tmp_path: Path) -> None:
    raw, keys = RawClient(server), []
    for name in ("running", "stopped"):
        data = os.urandom(60_000)
        (server.downloads / name).write_bytes(data)
        key, file = write_torrent_file(tmp_path, name, data)
        keys.append(key)
        raw.add_magnets([str(file)], paused="false", stopped="false")
    running, stopped = keys
    raw.wait_until(lambda: all(row["progress"] == 1 for row in raw.list_torrents().values()))
    with Session(make_instance(server)) as session:
        session.stop_torrents([stopped])
        raw.wait_until(lambda: [t.stopped for t in session.read_torrents([stopped])] == [True])
    raw.wait_until(lambda: is_saved(server, running) and is_saved(server, stopped, stopped=True))
    last_state, other_states = "missingFiles", {"checkingResumeData"}
    if not build.has(MISSING_FILES_AT_START):  # it stops and checks torrents with missing files by itself
        last_state, other_states = "pausedUP", {"checkingResumeData", "queuedUP", "stalledUP"}
    else:
        for name in ("running", "stopped"):
            (server.downloads / name).unlink()
    server.restart()
    expected, states = {running: False, stopped: True}, set()
    with Session(make_instance(server)) as session:
        while last_state not in states:  # after checkingResumeData, the first state of all
            torrents = session.read_snapshot().torrents
            assert {torrent.id: torrent.stopped for torrent in torrents} == expected
            assert {torrent.id: torrent.stopped for torrent in session.read_torrents(keys)} == expected
            states |= {torrent.state for torrent in torrents}
    assert states - other_states == {last_state}


def test_a_torrent_is_read_with_all_that_is_used(server: QbittorrentServer) -> None:
    options = {"category": "linux", "savepath": "/tmp/a b", "rename": "Grüße"}
    RawClient(server).add_magnets([make_magnet(1)], **options)
    RawClient(server).add_tags([1], "reconcile:home", "x y")
    with Session(make_instance(server)) as session:
        (torrent,) = session.read_snapshot().torrents
    assert torrent.id == torrent.infohashes.v1 == make_infohash(1)
    assert (torrent.name, torrent.category, torrent.save_path) == ("Grüße", "linux", "/tmp/a b")
    assert torrent.tags == {"reconcile:home", "x y"}
    assert (torrent.stopped, torrent.auto_tmm, torrent.size, torrent.progress) == (True, False, 0, 0.0)


ROW = (
    '{"hash": "%s", "name": "a", "state": "%s", "category": "", "tags": "", "save_path": "/d", "auto_tmm": false, '
    f'"progress": 0, "size": 0, {json.dumps(OPTIONS_ROW)[1:]}'
)
ONE = ROW % ("a" * 40, "stoppedDL")


@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        "null",
        '"Ok."',
        "[[]]",
        "[null]",
        "[{}]",
        f'[{ONE}, {{"hash": "{"b" * 40}"}}]',
        f"[{ONE.replace('a' * 40, 'all')}]",
        f"[{ONE.replace(chr(34) + 'a' * 40 + chr(34), '1')}]",
        f"[{ONE.replace('false', 'null')}]",
        f"[{ONE.replace(chr(34) + chr(34), 'null', 1)}]",
    ],
)
def test_an_incomplete_torrent_in_the_list_is_an_error(reply: str) -> None:
    with (
        serve_stub({**QBITTORRENT_ANSWERS, "torrents/info": json_answer(reply)}) as url,
        Session(make_instance(url)) as session,
    ):
        with pytest.raises(InstanceError, match=r"seedbox: torrents/info .* unexpected shape") as error:
            session.read_snapshot()
        assert not error.value.transient


@pytest.mark.parametrize("reply", ["[]", "null", '{"a": null}', '{"a": {}}', '{"a": {"savePath": 1}}'])
def test_categories_of_another_shape_are_an_error(reply: str) -> None:
    with (
        serve_stub({**QBITTORRENT_ANSWERS, "torrents/categories": json_answer(reply)}) as url,
        Session(make_instance(url)) as session,
        pytest.raises(InstanceError, match="unexpected shape"),
    ):
        session.read_snapshot()


def test_a_null_number_is_no_error() -> None:
    reply = ONE.replace('"progress": 0', '"progress": null')
    with (
        serve_stub({**QBITTORRENT_ANSWERS, "torrents/info": json_answer(f"[{reply}]")}) as url,
        Session(make_instance(url)) as session,
    ):
        assert session.read_snapshot().torrents[0].progress == 0.0


def test_torrents_that_were_not_requested_are_an_error() -> None:
    with (
        serve_stub({**QBITTORRENT_ANSWERS, "torrents/info": json_answer(f"[{ONE}]")}) as url,
        Session(make_instance(url)) as session,
        pytest.raises(InstanceError, match="not requested"),
    ):
        session.read_torrents(["b" * 40])


def test_a_torrent_is_sifted_once_when_its_stop_intent_is_known() -> None:
    hidden, shown = ROW % ("a" * 40, "checkingDL"), ROW % ("b" * 40, "stoppedDL")
    seen: list[list[tuple[str, bool]]] = []

    def sift(torrents: Sequence[LiveTorrent]) -> Sequence[LiveTorrent]:
        seen.append([(torrent.id[0], torrent.stopped) for torrent in torrents])
        return torrents

    with (
        serve_stub({**QBITTORRENT_ANSWERS, "torrents/info": json_answer(f"[{hidden}, {shown}]")}) as url,
        Session(make_instance(url)) as session,
        pytest.raises(InstanceError, match="not requested"),  # the stub ignores the filter
    ):
        session.read_torrents(["a" * 40, "b" * 40], sift)
    assert seen == [[("b", True)]]
    with (
        serve_stub({**QBITTORRENT_ANSWERS, "torrents/info": json_answer(f"[{hidden}]")}) as url,
        Session(make_instance(url)) as session,
    ):
        assert [torrent.stopped for torrent in session.read_torrents(["a" * 40], sift)] == [True]
        assert session.read_torrents(["a" * 40], lambda _: ()) == ()
    assert seen == [[("b", True)], [], [("a", True)]]


@pytest.mark.parametrize("web_api", ["2.17", "3.0.0", "12.1.1.1", "2.16.2"])
def test_a_newer_version_is_not_refused_but_its_filter_is_not_trusted(web_api: str) -> None:
    hidden = ROW % ("a" * 40, "pondering")
    answers = {
        **QBITTORRENT_ANSWERS,
        "app/webapiVersion": text_answer(web_api),
        "torrents/info": json_answer(f"[{hidden}]"),
    }
    with serve_stub(answers) as url, Session(make_instance(url)) as session:
        assert session.web_api == web_api
        if web_api == "2.16.2":
            assert session.read_snapshot().torrents[0].stopped
        else:  # the stub answers any filter with everything, as qBittorrent does for an unknown filter
            with pytest.raises(UnsupportedError, match="which torrents are stopped"):
                session.read_snapshot()


@pytest.mark.parametrize("web_api", ["2.4.1", "2.0", "1.0"])
def test_an_older_version_than_4_2_4_is_refused(web_api: str) -> None:
    with serve_stub({**QBITTORRENT_ANSWERS, "app/webapiVersion": text_answer(web_api)}) as url:
        session = Session(make_instance(url))
        with pytest.raises(UnsupportedError, match=r"too old.*4\.2\.4"):
            session.open()
