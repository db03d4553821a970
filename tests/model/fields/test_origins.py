"""The content that a torrent was made from, and the work that follows an add."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.content import Content, ContentReference, TorrentExport
from reconciler.model.fields.entry_values import iter_special_changes
from reconciler.model.fields.names import CONTENT, CONTENT_OF, EXPORT, METADATA, PEER
from reconciler.model.fields.registry import is_applied
from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import AddTorrent, Change
from reconciler.model.tags import CONTENT_OF_TAG, CONTENT_TAG
from tests.support.field_examples import TORRENT, make_entry

ADD = AddTorrent("a", "")
MADE = replace(TORRENT, tags=frozenset({CONTENT_TAG}), content_path="/data/Cosmos/1.mkv")


def test_a_torrent_is_made_from_content_if_its_tag_and_its_data_are_there() -> None:
    change = Change(CONTENT, None, "/data/Cosmos")
    assert list(iter_special_changes(make_entry(content=Content("/data/Cosmos")), TORRENT)) == [change]
    assert list(iter_special_changes(make_entry(content=Content("/data/Cosmos")), MADE)) == []
    assert is_applied(change, MADE, ADD)
    assert not is_applied(change, replace(MADE, tags=frozenset()), ADD)
    assert not is_applied(change, replace(MADE, content_path="/data/Other/1.mkv"), ADD)


def test_a_torrent_of_the_content_of_another_instance_has_its_tag() -> None:
    entry = make_entry(content=ContentReference("Cosmos", "attic", Content("/data/Cosmos")))
    assert list(iter_special_changes(entry, TORRENT)) == [Change(CONTENT_OF, None, "Cosmos")]
    assert list(iter_special_changes(entry, replace(TORRENT, tags=frozenset({CONTENT_OF_TAG})))) == []


def test_a_torrent_is_exported_unless_the_file_is_of_this_torrent() -> None:
    for infohashes, before in ((None, None), (InfoHashes("b" * 40), "b" * 40)):
        entry = make_entry(content=Content("/data/Cosmos", export=TorrentExport("x.torrent", "/x.torrent", infohashes)))
        assert list(iter_special_changes(entry, MADE)) == [Change(EXPORT, before, "x.torrent")]
    export = TorrentExport("x.torrent", "/x.torrent", TORRENT.infohashes)
    assert list(iter_special_changes(make_entry(content=Content("/data/Cosmos", export=export)), MADE)) == []


def test_metadata_is_applied_when_it_is_there_and_a_peer_cannot_be_seen() -> None:
    assert not is_applied(Change(METADATA, None, True), TORRENT, ADD)
    assert is_applied(Change(METADATA, None, True), replace(TORRENT, has_metadata=True), ADD)
    assert is_applied(Change(PEER, None, "10.0.0.1:6881"), TORRENT, ADD)
