"""The document of a torrent: nothing secret in it, and null for what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from reconciler.web.rest.documents import TorrentDocument, describe_torrent
from tests.support.known_torrents import make_hash, make_known_torrent


def test_a_torrent_on_an_instance() -> None:
    assert describe_torrent(make_known_torrent(1)) == {
        "infohash": make_hash(1),
        "infohash_v1": make_hash(1),
        "infohash_v2": None,
        "name": "Film 1",
        "sync": "in_sync",
        "reason": None,
        "target": "all",
        "instance": "home",
        "instances": ["home"],
        "owned": True,
        "handed_in": False,
        "source": {"file": "desired.yaml", "line": 2, "column": 5},
        "labels": {"movie_id": "1"},
        "category": "films",
        "tags": ["a", "b"],
        "state": "stalledUP",
        "save_path": "/data/films",
        "progress": 1.0,
        "eta": None,
        "ratio": 0.5,
        "size": 1000,
        "download_rate": 0,
        "upload_rate": 7,
        "added": "2026-01-02T12:00:00.000Z",
        "completed": None,
    }


def test_what_no_instance_has_is_unknown_and_not_zero() -> None:
    document = describe_torrent(make_known_torrent(1, instance=None, progress=0, size=0, dlspeed=0))
    unknown = {key for key, value in document.items() if value is None}
    assert unknown >= {"instance", "progress", "eta", "ratio", "size", "download_rate", "upload_rate"}
    assert (document["sync"], document["reason"], document["instances"]) == ("pending", "no healthy member", [])


def test_the_size_of_a_torrent_without_metadata_is_unknown() -> None:
    assert describe_torrent(make_known_torrent(1, size=0, has_metadata=False))["size"] is None
    assert describe_torrent(make_known_torrent(1, size=0, has_metadata=True))["size"] == 0


@pytest.mark.parametrize("row", [{"eta": 8_640_000}, {"eta": -1}, {"eta": None}, {"eta": "soon"}])
def test_an_eta_that_is_none(row: dict[str, Any]) -> None:
    assert describe_torrent(make_known_torrent(1, **row))["eta"] is None


def test_nonsense_of_a_server_is_unknown() -> None:
    document = describe_torrent(make_known_torrent(1, ratio=-1, size="x", added_on=1 << 80, tags=None, save_path=""))
    assert (document["ratio"], document["size"], document["added"], document["tags"]) == (None, None, None, [])
    assert document["save_path"] is None


def test_no_document_contains_a_passkey() -> None:
    assert "0123456789abcdef" not in json.dumps(describe_torrent(make_known_torrent(1)))


def test_documents_are_as_their_schema_says() -> None:
    adapter = TypeAdapter(TorrentDocument)
    for torrent in (make_known_torrent(1), make_known_torrent(2, instance=None), make_known_torrent(3, eta=60)):
        document = describe_torrent(torrent)
        assert adapter.validate_python(document, strict=True) == document
