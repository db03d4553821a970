"""What a torrent can be had by again: its .torrent file."""

from __future__ import annotations

import secrets
from typing import cast

import pytest

from reconciler.control.gathering import Library
from reconciler.model.errors import Unsupported
from reconciler.model.metainfo import read_metainfo
from tests.conformance.subject import STOPPED, Subject
from tests.support.torrents import torrent


def library(subject: Subject) -> Library:
    return cast("Library", subject.target)


def test_a_file_is_given_where_there_is_metadata(subject: Subject) -> None:
    data = torrent(secrets.randbelow(10**9))
    hashes = read_metainfo(data).infohashes
    subject.target.upload({"a": data}, STOPPED)
    subject.eventually(hashes.ids, lambda found: len(found) == 1)
    (bare,) = subject.added()
    if subject.version < (4, 5):
        with pytest.raises(Unsupported):
            library(subject).export(str(hashes.v1))
        return
    exported = library(subject).export(str(hashes.v1))
    assert exported and read_metainfo(exported).infohashes == hashes
    assert library(subject).export(bare) is None
    assert library(subject).export(secrets.token_hex(20)) is None
