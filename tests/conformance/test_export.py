"""What a torrent can be had by again: its magnet link, and its .torrent file."""

from __future__ import annotations

import secrets
from typing import cast

import pytest

from reconciler.control.gathering import Library
from reconciler.model.errors import Unsupported
from reconciler.model.magnet import parse_magnet
from reconciler.model.metainfo import read_metainfo
from tests.conformance.subject import STOPPED, Subject, magnet
from tests.support.torrents import torrent


def library(subject: Subject) -> Library:
    return cast("Library", subject.target)


def test_every_torrent_has_a_link_that_names_it(subject: Subject) -> None:
    v1, v2, other = secrets.token_hex(20), secrets.token_hex(32), secrets.token_hex(20)
    subject.target.add([magnet(v1, "a%20b%26%C3%BC"), magnet(other)], STOPPED)
    subject.target.add([f"magnet:?xt=urn:btih:{secrets.token_hex(20)}&xt=urn:btmh:1220{v2}&dn=h"], STOPPED)
    subject.eventually([v1, other], lambda found: len(found) == 2)
    live = {one.id: one for one in subject.target.snapshot().torrents}
    links = library(subject).magnets()
    assert set(links) == set(live)
    assert {key: parse_magnet(link).infohashes for key, link in links.items()} == {
        key: one.infohashes for key, one in live.items()
    }
    assert parse_magnet(links[v1]).name == "a b&ü"


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
