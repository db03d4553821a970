"""Details come from the instance of a torrent, and of a pending one from its entry."""

from __future__ import annotations

import json

import pytest
from starlette.exceptions import HTTPException

from reconciler.model.infohash import InfoHashes
from reconciler.model.rows import Reply
from reconciler.model.torrent_file import TorrentFile
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.client_rows import make_pending_row
from reconciler.web.gateway.details import PENDING_LISTS, DetailReader, make_properties
from tests.support.catalogues import StubRows, make_entry, make_row

LIVE = KnownTorrent(make_row("a"), "home", ("home",))
ENTRY = make_entry("a", trackers=("http://t/announce",), web_seeds=("http://w/",))
PENDING = KnownTorrent(make_pending_row(ENTRY, "", {}), entry=ENTRY)


def test_properties_are_those_of_the_instance_with_paths_as_clients_see_them() -> None:
    rows = StubRows(replies={"torrents/properties": Reply(200, b'{"save_path": "/data/x", "pieces_num": 7, "new": 1}')})
    properties = json.loads(bytes(DetailReader(rows).read_properties(LIVE, {"/data": "/mnt"}).body))
    assert (properties["save_path"], properties["pieces_num"]) == ("/mnt/x", 7)
    assert properties.keys() == make_properties(LIVE.row).keys()
    assert rows.asked == [("home", "torrents/properties", {"hash": "a" * 40})]


def test_lists_are_passed_on_as_they_are() -> None:
    rows = StubRows(replies={"torrents/files": Reply(409, b"Index 7 is out of bounds.", "text/html")})
    response = DetailReader(rows).read_list(LIVE, "torrents/files", {"indexes": "7"})
    assert (response.status_code, response.body) == (409, b"Index 7 is out of bounds.")
    assert response.media_type == "text/plain"
    assert rows.asked == [("home", "torrents/files", {"indexes": "7", "hash": "a" * 40})]


def test_an_instance_that_is_away_is_no_empty_list() -> None:
    reader = DetailReader(StubRows())
    with pytest.raises(HTTPException, match="503: home: it is away"):
        reader.read_list(LIVE, "torrents/files", {})
    with pytest.raises(HTTPException, match="503"):
        reader.read_properties(LIVE, {})
    with pytest.raises(HTTPException, match="503"):
        DetailReader(StubRows(replies={"torrents/properties": Reply(200, b"<html>")})).read_properties(LIVE, {})


@pytest.mark.parametrize("endpoint", list(PENDING_LISTS))
def test_a_pending_torrent_costs_no_request(endpoint: str) -> None:
    rows = StubRows()
    listed = json.loads(bytes(DetailReader(rows).read_list(PENDING, endpoint, {}).body))
    assert isinstance(listed, list) and rows.asked == []


def test_a_pending_torrent_has_what_is_declared() -> None:
    reader = DetailReader(StubRows())
    trackers = json.loads(bytes(reader.read_list(PENDING, "torrents/trackers", {}).body))
    assert [row["url"] for row in trackers][3:] == ["http://t/announce"]
    assert json.loads(bytes(reader.read_list(PENDING, "torrents/webseeds", {}).body)) == [{"url": "http://w/"}]
    assert json.loads(bytes(reader.read_properties(PENDING, {}).body))["hash"] == "a" * 40
    assert json.loads(bytes(reader.read_peers(PENDING).body))["peers"] == {}


def test_a_file_is_exported_from_the_instance_or_as_it_was_handed_in() -> None:
    rows = StubRows(replies={"torrents/export": Reply(200, b"d4:infoe", "application/x-bittorrent")})
    response = DetailReader(rows).export_file(LIVE)
    assert (response.body, response.media_type) == (b"d4:infoe", "application/x-bittorrent")
    assert response.headers["content-disposition"] == f'attachment; filename="{"a" * 40}.torrent"'
    with pytest.raises(HTTPException, match="Missing metadata"):
        DetailReader(rows).export_file(PENDING)
    hashes = InfoHashes(v1="a" * 40)
    source = TorrentFile("/x", hashes, "a", 8, lambda: b"d4:infoe")
    with pytest.raises(HTTPException, match="Unable to export"):  # its bytes are of another torrent
        DetailReader(rows).export_file(KnownTorrent(PENDING.row, entry=make_entry("a", source=source)))


@pytest.mark.parametrize(
    ("endpoint", "body", "shown"),
    [
        ("torrents/trackers", b'[{"tier":"","url":"** [DHT] **"}]', [{"tier": -1, "url": "** [DHT] **"}]),
        ("torrents/files", b'[{"name":"a"},{"name":"b"}]', [{"index": 0, "name": "a"}, {"index": 1, "name": "b"}]),
        ("torrents/files", b'[{"index":3,"name":"a"}]', [{"index": 3, "name": "a"}]),
    ],
)
def test_lists_of_old_versions_are_completed(endpoint: str, body: bytes, shown: object) -> None:
    reader = DetailReader(StubRows(replies={endpoint: Reply(200, body, "application/json")}))
    assert json.loads(bytes(reader.read_list(LIVE, endpoint, {}).body)) == shown


def test_a_version_without_export_is_no_unknown_torrent() -> None:
    reader = DetailReader(StubRows(replies={"torrents/export": Reply(404, b"")}))
    with pytest.raises(HTTPException, match="409: Unable to export"):
        reader.export_file(LIVE)
