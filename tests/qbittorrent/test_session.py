"""Mutations ignore the server's own settings, and keep the values that they do not change."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.convert import TorrentConverter
from reconciler.qbittorrent.schemas import TorrentRow
from reconciler.qbittorrent.session import split_ids
from tests.support.instances import (
    QBITTORRENT_ANSWERS,
    json_answer,
    make_instance,
    serve_stub,
    write_torrent_file,
)
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient

HOSTILE = {
    "auto_tmm_enabled": True,
    "start_paused_enabled": True,
    "add_stopped_enabled": True,
    "torrent_stop_condition": "MetadataReceived",
}


def test_an_add_ignores_the_settings_of_the_server(server: QbittorrentServer) -> None:
    raw = RawClient(server)
    raw.post("app/setPreferences", json=json.dumps(HOSTILE))
    path = str(server.profile / "elsewhere")
    with Session(make_instance(server)) as session:
        session.add_magnets([make_magnet(1)], AddOptions(stopped=False, auto_tmm=False, save_path=path))
        session.add_magnets([make_magnet(2)], AddOptions(stopped=True, auto_tmm=False))
        raw.wait_until(lambda: len(raw.list_torrents()) == 2)
        raw.wait_until(lambda: raw.list_stopped() == {make_infohash(2)})
        torrents = {torrent.id: torrent for torrent in session.read_snapshot().torrents}
    assert (torrents[make_infohash(1)].save_path, torrents[make_infohash(1)].auto_tmm) == (path, False)
    assert not torrents[make_infohash(2)].auto_tmm


def test_only_magnets_are_added(any_server: QbittorrentServer) -> None:
    options = AddOptions(stopped=True, auto_tmm=False)
    with Session(make_instance(any_server)) as session:
        for link in ("/etc/passwd", "http://x/y.torrent", make_infohash(1), make_magnet(1) + "\n/etc/passwd", ""):
            with pytest.raises(ValueError, match="only magnet links"):
                session.add_magnets([make_magnet(2), link], options)
        with pytest.raises(ValueError, match="only magnet links"):
            session.add_magnets([], options)
        assert session.request_count == 3


@pytest.mark.parametrize("tags", [[""], ["a", " "], ["a,b"]])
def test_an_invalid_tag_is_not_sent(any_server: QbittorrentServer, tags: list[str]) -> None:
    with Session(make_instance(any_server)) as session:
        for call in (session.add_tags, session.remove_tags):
            with pytest.raises(ValueError, match="tags"):
                call([make_infohash(1)], tags)


def test_data_is_deleted_only_on_request(server: QbittorrentServer, tmp_path: Path) -> None:
    raw, files = RawClient(server), [server.downloads / "kept", server.downloads / "gone"]
    keys = []
    for file in files:
        data = os.urandom(50_000)
        file.write_bytes(data)
        key, torrent = write_torrent_file(tmp_path, file.name, data)
        raw.add_magnets([str(torrent)], paused="false", stopped="false")
        keys.append(key)
    raw.wait_until(lambda: all(row["progress"] == 1 for row in raw.list_torrents().values()))
    with Session(make_instance(server)) as session:
        session.delete_torrents(keys[:1], delete_files=False)
        session.delete_torrents(keys[1:], delete_files=True)
    raw.wait_until(lambda: not raw.list_torrents() and not files[1].exists())
    assert files[0].exists()


def test_torrents_are_read_in_parts(server: QbittorrentServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next part is requested while one is converted, and a stop ends the read between two parts."""
    ids, stop = [make_infohash(number) for number in range(5)], threading.Event()
    with Session(make_instance(server), stop=stop) as reader:
        reader.add_magnets([make_magnet(number) for number in range(5)], AddOptions(stopped=True, auto_tmm=False))
        RawClient(server).wait_until(lambda: len(reader.read_torrents(ids)) == 5)
        sent, request_rows, convert_rows = reader.request_count, reader._request_rows, reader._convert_rows
        is_second_requested = threading.Event()

        def request_and_tell(part: Sequence[str]) -> Iterator[TorrentRow]:
            assert any(thread.name.startswith("converting") for thread in threading.enumerate())
            if reader.request_count == sent + 1:
                is_second_requested.set()
            return request_rows(part)

        def wait_and_convert(rows: Iterator[TorrentRow], converter: TorrentConverter) -> list[LiveTorrent]:
            assert is_second_requested.wait(60), "a part waits until the one before it is converted"
            return convert_rows(rows, converter)

        monkeypatch.setattr("reconciler.qbittorrent.session.MAX_IDS_PER_READ", 2)
        monkeypatch.setattr(reader, "_request_rows", request_and_tell)
        monkeypatch.setattr(reader, "_convert_rows", wait_and_convert)
        seen: list[list[str]] = []
        missing = [make_infohash(8), make_infohash(9)]

        def sift(part: Sequence[LiveTorrent]) -> Sequence[LiveTorrent]:
            seen.append([torrent.id for torrent in part])
            return part[1:]

        assert {torrent.id for torrent in reader.read_torrents([*ids, *missing], sift)} == {*seen[0][1:], *seen[1][1:]}
        assert [set(part) for part in seen] == [set(ids[:3]), set(ids[3:]), set()]
        assert reader.request_count == sent + 3

        def request_and_stop(part: Sequence[str]) -> Iterator[TorrentRow]:
            rows = request_rows(part)
            stop.set()
            return rows

        monkeypatch.setattr(reader, "_request_rows", request_and_stop)
        with pytest.raises(StopRequested):
            reader.read_torrents(ids)
        assert reader.request_count == sent + 4


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1]), (2500, [2500]), (2501, [2085, 416]), (5000, [4167, 833]), (10_000, [3125, 3125, 3125, 625])],
)
def test_the_last_part_of_a_read_is_smaller(count: int, sizes: list[int]) -> None:
    ids = list(map(str, range(count)))
    parts = split_ids(ids)
    assert [len(part) for part in parts] == sizes
    assert [key for part in parts for key in part] == ids


def test_a_part_is_converted_after_the_next_was_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.side_thread.HEAD_START", 3600.0)
    monkeypatch.setattr("reconciler.qbittorrent.session.MAX_IDS_PER_READ", 1)
    answers = {**QBITTORRENT_ANSWERS, "torrents/info": json_answer("[]")}
    seen: list[int] = []

    def sift(part: Sequence[LiveTorrent]) -> Sequence[LiveTorrent]:
        seen.append(reader.request_count - sent)
        return part

    with serve_stub(answers) as url, Session(make_instance(url)) as reader:
        sent = reader.request_count
        reader.read_torrents(list(map(make_infohash, range(3))), sift)
    assert seen == [2, 2]


def test_a_wrong_row_of_any_part_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.qbittorrent.session.MAX_IDS_PER_READ", 1)
    answers = {**QBITTORRENT_ANSWERS, "torrents/info": json_answer('[{"hash": 1}]')}
    with (
        serve_stub(answers) as url,
        Session(make_instance(url)) as reader,
        pytest.raises(InstanceError, match=r"torrents/info.*unexpected shape"),
    ):
        reader.read_torrents([make_infohash(1), make_infohash(2), make_infohash(3)])
