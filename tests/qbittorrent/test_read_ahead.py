"""Reads in parts: all in order, the next one under way while the caller works, and never two at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session, session
from reconciler.qbittorrent.read_ahead import read_ahead
from reconciler.qbittorrent.schemas import TorrentRow
from tests.support.instances import QBITTORRENT_ANSWERS, json_answer, make_instance, serve_stub
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient

WAIT = 60.0  # seconds, in which a thread surely runs


def test_the_next_part_is_read_while_the_caller_works_on_one() -> None:
    begun = {number: threading.Event() for number in range(4)}
    under_way: list[int] = []

    def read(number: int) -> int:
        under_way.append(number)
        assert under_way == [number], "two reads at a time"
        begun[number].set()
        under_way.remove(number)
        return number

    replies = []
    for number in read_ahead(range(4), read):
        assert number == 3 or begun[number + 1].wait(WAIT), "the next part waits for the caller"
        replies.append(number)
    assert replies == [0, 1, 2, 3]


def test_one_part_is_read_by_the_caller() -> None:
    assert list(read_ahead(["part"], lambda _: threading.current_thread())) == [threading.current_thread()]
    assert list(read_ahead([], lambda _: threading.current_thread())) == []


def test_an_error_of_a_part_comes_after_the_parts_before_it() -> None:
    def read(number: int) -> int:
        if number == 1:
            raise OSError("refused")
        return number

    replies: Iterator[int] = read_ahead([0, 1, 2], read)
    assert next(replies) == 0
    with pytest.raises(OSError, match="refused"):
        next(replies)


def test_torrents_are_read_in_parts_until_the_run_is_stopped(
    server: QbittorrentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [make_infohash(number) for number in range(5)]
    stop = threading.Event()
    with Session(make_instance(server), stop=stop) as reader:
        reader.add_magnets([make_magnet(number) for number in range(5)], AddOptions(stopped=True, auto_tmm=False))
        RawClient(server).wait_until(lambda: len(reader.read_torrents(ids)) == 5)
        monkeypatch.setattr(session, "MAX_IDS_PER_READ", 2)
        sent = reader.request_count
        torrents = reader.read_torrents([*ids, make_infohash(9)])
        assert {torrent.id for torrent in torrents} == set(ids)
        assert reader.request_count == sent + 3
        request_rows = reader._request_rows

        def request_and_stop(part: Sequence[str]) -> Iterator[TorrentRow]:
            rows = request_rows(part)
            stop.set()
            return rows

        monkeypatch.setattr(reader, "_request_rows", request_and_stop)
        with pytest.raises(StopRequested):
            reader.read_torrents(ids)
        assert reader.request_count == sent + 4


def test_a_wrong_row_of_any_part_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_IDS_PER_READ", 1)
    answers = {**QBITTORRENT_ANSWERS, "torrents/info": json_answer('[{"hash": 1}]')}
    with (
        serve_stub(answers) as url,
        Session(make_instance(url)) as reader,
        pytest.raises(InstanceError, match=r"torrents/info.*unexpected shape"),
    ):
        reader.read_torrents([make_infohash(1), make_infohash(2)])
