"""Export of .torrent files, and peers that are added."""

from __future__ import annotations

import secrets

import pytest

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.versions import TORRENT_EXPORT
from tests.support.conformance_subject import STOPPED, ConformanceSubject
from tests.support.torrents import make_torrent


def test_a_torrent_with_metadata_is_exported(subject: ConformanceSubject) -> None:
    data = make_torrent(secrets.randbelow(10**9))
    hashes = parse_metainfo(data).infohashes
    subject.target.add_torrent_files({"a": data}, STOPPED)
    subject.wait_until(hashes.ids, lambda torrents: len(torrents) == 1)
    (bare,) = subject.add_torrents()
    if not subject.build.has(TORRENT_EXPORT):
        with pytest.raises(UnsupportedError):
            subject.target.export_torrent(str(hashes.v1))
        return
    exported = subject.target.export_torrent(str(hashes.v1))
    assert exported and parse_metainfo(exported).infohashes == hashes
    assert subject.target.export_torrent(bare) is None
    assert subject.target.export_torrent(secrets.token_hex(20)) is None


def test_a_peer_is_added(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    for infohash in (key, secrets.token_hex(20)):
        subject.target.add_peer(infohash, "127.0.0.1:6881")
        subject.target.add_peer(infohash, "[::1]:6881")
    with pytest.raises(RejectedError):
        subject.target.add_peer(key, "localhost:6881")
