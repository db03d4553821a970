"""What a torrent can be had by again: its .torrent file."""

from __future__ import annotations

import secrets

import pytest

from reconciler.model.errors import Rejected, Unsupported
from reconciler.model.metainfo import read_metainfo
from tests.conformance.subject import STOPPED, Subject
from tests.support.torrents import torrent


def test_a_file_is_given_where_there_is_metadata(subject: Subject) -> None:
    data = torrent(secrets.randbelow(10**9))
    hashes = read_metainfo(data).infohashes
    subject.target.upload({"a": data}, STOPPED)
    subject.eventually(hashes.ids, lambda found: len(found) == 1)
    (bare,) = subject.added()
    if subject.version < (4, 5):
        with pytest.raises(Unsupported):
            subject.target.export(str(hashes.v1))
        return
    exported = subject.target.export(str(hashes.v1))
    assert exported and read_metainfo(exported).infohashes == hashes
    assert subject.target.export(bare) is None
    assert subject.target.export(secrets.token_hex(20)) is None


def test_a_torrent_is_told_of_a_peer(subject: Subject) -> None:
    (key,) = subject.added()
    for known in (key, secrets.token_hex(20)):
        subject.target.add_peer(known, "127.0.0.1:6881")
        subject.target.add_peer(known, "[::1]:6881")
    with pytest.raises(Rejected):
        subject.target.add_peer(key, "localhost:6881")
