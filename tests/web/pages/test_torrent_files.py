"""The files of a torrent: asked for once, and never a page full of nonsense."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.rows import Reply
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.pages.torrent_files import FileLine, FileReader, list_declared_files, parse_files
from tests.support.catalogues import StubRows, make_entry
from tests.support.known_torrents import make_known_torrent
from tests.support.planner_inputs import make_torrent_file
from tests.support.status_site import NOON

ROW = {"name": "Film/a.mkv", "size": 2**30, "progress": 0.5, "priority": 6, "index": 0}
TORRENT = make_known_torrent(1)


def test_the_files_are_asked_for_once_in_a_while() -> None:
    rows = StubRows(replies={"torrents/files": Reply(200, json.dumps([ROW]).encode())})
    reader = FileReader(rows)
    (line,) = reader.read(TORRENT, NOON).files
    assert line == FileLine("Film/a.mkv", 2**30, 0.5, "high")
    assert (line.size_text, line.percent) == ("1.0 GiB", "50.0 %")
    reader.read(TORRENT, NOON + timedelta(seconds=9))
    assert rows.asked == [("home", "torrents/files", {"hash": TORRENT.row["hash"]})]
    reader.read(TORRENT, NOON + timedelta(seconds=10))
    assert len(rows.asked) == 2


def test_few_lists_are_kept() -> None:
    rows = StubRows(replies={"torrents/files": Reply(200, b"[]")})
    reader = FileReader(rows)
    for number in range(40):
        reader.read(make_known_torrent(number), NOON)
    assert len(reader._kept) == 16
    reader.read(make_known_torrent(39), NOON)
    assert len(rows.asked) == 40


@pytest.mark.parametrize("body", [b"no", b"{}5", b'["x"]', b'[{"name": "a"}]', b'[{"name": "a", "size": null}]', b"5"])
def test_a_reply_that_is_no_list_of_files(body: bytes) -> None:
    assert parse_files("home", body).reason == "home answered with something else than files"


def test_reasons() -> None:
    away = FileReader(StubRows()).read(TORRENT, NOON)
    assert (away.files, away.reason) == ((), "home: it is away")
    assert FileReader(None).read(TORRENT, NOON).reason == "no instance is read here"
    refusing = StubRows(replies={"torrents/files": Reply(404, b"")})
    assert FileReader(refusing).read(TORRENT, NOON).reason == "home answered with status 404"
    assert parse_files("home", b"[]").reason == "they are not known before the metadata is there"


def declared(source: TorrentFile | None) -> KnownTorrent:
    """A torrent that no instance has."""
    return replace(make_known_torrent(1, instance=None), entry=make_entry("a", source=source))


def test_a_torrent_that_is_nowhere_has_the_files_of_its_torrent_file() -> None:
    files = list_declared_files(declared(make_torrent_file("1:v1"))).files
    assert files and all((line.size, line.progress, line.size_text) == (None, None, "–") for line in files)
    assert list_declared_files(declared(None)).reason == "they are not known before an instance has the torrent"


def test_a_torrent_file_that_is_gone() -> None:
    def fail() -> bytes:
        raise TorrentFileError("no such file")

    gone = replace(make_torrent_file("1:v1"), read=fail)
    assert list_declared_files(declared(gone)).reason == "the .torrent file cannot be read: no such file"
