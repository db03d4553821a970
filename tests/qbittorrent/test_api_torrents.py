"""Files of torrents: read only on request, and updated as cheaply as deltas allow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.files import LiveFile, Priority
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.incremental_session import IncrementalSession
from tests.conftest import MakeProxy, MakeServer
from tests.support.incremental_sessions import INCREMENTAL, count_full_reads, count_read_requests
from tests.support.instances import QBITTORRENT_ANSWERS, json_answer, make_instance, serve_stub, text_answer
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.torrents import write_multi_file_torrent

FILES = {"a.mkv": 40_000, "b/c.nfo": 100, "b/d.txt": 20_000}


def add_stopped(server: QbittorrentServer, folder: Path, name: str = "T") -> str:
    """Add a stopped torrent with metadata, wait until it is listed, and return its id."""
    key, file = write_multi_file_torrent(folder, name, {path: os.urandom(size) for path, size in FILES.items()})
    raw = RawClient(server)
    raw.add_magnets([str(file)])
    raw.wait_until(lambda: raw.list_torrents()[key]["state"] in ("pausedDL", "stoppedDL"))
    return key


def test_files_are_read_for_the_requested_torrents(server: QbittorrentServer, tmp_path: Path) -> None:
    first, second = add_stopped(server, tmp_path), add_stopped(server, tmp_path, "U")
    RawClient(server).add_magnets([make_magnet(1)])
    with Session(make_instance(server)) as session:
        torrents = {
            torrent.id: torrent for torrent in session.read_snapshot({first, make_infohash(1), "f" * 40}).torrents
        }
        assert torrents[first].files == tuple(
            LiveFile(index, f"T/{path}", Priority.NORMAL) for index, path in enumerate(FILES)
        )
        assert torrents[second].files is None
        assert torrents[make_infohash(1)].files is None
        assert {torrent.files for torrent in session.read_snapshot().torrents} == {None}


def test_priorities_are_set_and_read(server: QbittorrentServer, tmp_path: Path) -> None:
    key = add_stopped(server, tmp_path)
    with Session(make_instance(server)) as session:
        for indexes, priority in (([0, 2], Priority.SKIP), ([1], Priority.MAXIMAL), ([2], Priority.HIGH)):
            session.set_file_priority(key, indexes, priority)
            RawClient.wait_until(lambda: {session.read_files([key])[key][i].priority for i in indexes} == {priority})  # noqa: B023
        files = session.read_files([key])[key]
    assert [(file.path, file.priority) for file in files] == [
        ("T/a.mkv", Priority.SKIP),
        ("T/b/c.nfo", Priority.MAXIMAL),
        ("T/b/d.txt", Priority.HIGH),
    ]


@INCREMENTAL
def test_an_incremental_session_reads_files_again_after_a_selection_change(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, tmp_path: Path
) -> None:
    server = make_server(version)
    key, proxy, raw = add_stopped(server, tmp_path), make_proxy(server), RawClient(server)
    with IncrementalSession(make_instance(proxy, server)) as mirror:
        RawClient.wait_until(
            lambda: mirror.read_snapshot({key}) is mirror.read_snapshot({key}) and count_requests(mirror, key) == 1
        )
        first = mirror.read_snapshot({key})
        assert first.torrents[0].files
        raw.post("torrents/rename", hash=key, name="new")
        RawClient.wait_until(lambda: mirror.read_snapshot({key}).torrents[0].name == "new")
        assert mirror.read_snapshot({key}).torrents[0].files == first.torrents[0].files
        raw.post("torrents/filePrio", hash=key, id="2", priority="0")
        RawClient.wait_until(lambda: list_skipped(mirror, key) == {"T/b/d.txt"})
        assert count_requests(mirror, key) == 1

        proxy.clear()
        mirror.set_file_priority(key, [2], Priority.HIGH)  # deltas do not contain it
        assert [f.priority for f in mirror.read_snapshot({key}).torrents[0].files or ()][2] is Priority.HIGH
        assert count_full_reads(proxy) >= 1


def list_skipped(mirror: IncrementalSession, key: str) -> set[str]:
    """Return the paths of the skipped files."""
    files = mirror.read_snapshot({key}).torrents[0].files or ()
    return {file.path for file in files if file.priority is Priority.SKIP}


def count_requests(mirror: IncrementalSession, key: str) -> int:
    """Return the number of requests for a snapshot with the files of a torrent."""
    before = mirror.request_count
    mirror.read_snapshot({key})
    return mirror.request_count - before


@INCREMENTAL
def test_unrequested_files_cost_no_request(
    make_server: MakeServer, make_proxy: MakeProxy, version: str, tmp_path: Path
) -> None:
    server = make_server(version)
    add_stopped(server, tmp_path)
    with IncrementalSession(make_instance(server)) as mirror:
        RawClient.wait_until(
            lambda: mirror.read_snapshot() is mirror.read_snapshot() and count_read_requests(mirror) == 1
        )


@pytest.mark.parametrize("web_api", ["2.8.19", "2.16.2"])
def test_a_torrent_that_disappears_meanwhile_has_no_files(web_api: str) -> None:
    answers = {
        **QBITTORRENT_ANSWERS,
        "app/webapiVersion": text_answer(web_api),
        "torrents/info": json_answer('[{"hash": "%s"}]' % ("a" * 40)),
    }
    with serve_stub(answers) as url, Session(make_instance(url)) as session:
        assert session.read_files(["a" * 40]) == {}
