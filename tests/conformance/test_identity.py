"""The id and the infohashes of a torrent on an instance."""

from __future__ import annotations

import base64
import secrets

from reconciler.model.infohash import InfoHashes
from reconciler.model.versions import V2_TORRENTS
from tests.support.conformance_subject import STOPPED, ConformanceSubject, make_v1_magnet


def test_base32_is_the_same_torrent(subject: ConformanceSubject) -> None:
    key = secrets.token_hex(20)
    subject.target.add_magnets([make_v1_magnet(base64.b32encode(bytes.fromhex(key)).decode())], STOPPED)
    subject.wait_until([key], lambda torrents: [torrent.infohashes for torrent in torrents] == [InfoHashes(key)])
    subject.target.add_magnets([make_v1_magnet(key.upper())], STOPPED)
    assert len(subject.target.read_torrents([key])) == 1


def test_a_hybrid_is_listed_by_its_v2_hash_with_libtorrent_2(subject: ConformanceSubject) -> None:
    v1, v2 = secrets.token_hex(20), secrets.token_hex(32)
    hashes = InfoHashes(v1, v2)
    subject.target.add_magnets([f"magnet:?xt=urn:btih:{v1}&xt=urn:btmh:1220{v2}"], STOPPED)
    subject.wait_until(hashes.ids, lambda torrents: len(torrents) == 1)
    (torrent,) = subject.target.read_torrents(hashes.ids)
    if subject.build.has(V2_TORRENTS):
        assert (torrent.id, torrent.infohashes) == (v2[:40], hashes)
        assert subject.target.read_torrents([v1, v2]) == ()
    else:
        assert (torrent.id, torrent.infohashes) == (v1, InfoHashes(v1))


def test_a_hybrid_is_not_added_again_by_one_of_its_hashes(subject: ConformanceSubject) -> None:
    v1, v2 = secrets.token_hex(20), secrets.token_hex(32)
    hashes = InfoHashes(v1, v2)
    subject.target.add_magnets([f"magnet:?xt=urn:btih:{v1}&xt=urn:btmh:1220{v2}"], STOPPED)
    subject.wait_until(hashes.ids, lambda torrents: len(torrents) == 1)
    subject.target.add_magnets([make_v1_magnet(v1)], STOPPED)
    subject.target.add_magnets([f"magnet:?xt=urn:btmh:1220{v2}"], STOPPED)
    (other,) = subject.add_torrents()  # what came before it has been dealt with
    assert len(subject.target.read_torrents([*hashes.ids, other])) == 2


def test_a_v2_torrent_needs_libtorrent_2(subject: ConformanceSubject) -> None:
    v2 = secrets.token_hex(32)
    subject.target.read_libtorrent_version()
    assert subject.target.read_snapshot().supports_v2 == subject.build.has(V2_TORRENTS)
    subject.target.add_magnets([f"magnet:?xt=urn:btmh:1220{v2}"], STOPPED)
    (other,) = subject.add_torrents()
    if subject.build.has(V2_TORRENTS):
        subject.wait_until([v2[:40]], lambda torrents: len(torrents) == 1)
        assert subject.read_torrent(v2[:40]).infohashes == InfoHashes(v2=v2)
    else:
        assert [torrent.id for torrent in subject.target.read_torrents([v2[:40], v2, other])] == [other]


def test_missing_ids_are_left_out(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    unknown = secrets.token_hex(20)
    assert subject.target.read_torrents([unknown]) == ()
    assert [torrent.id for torrent in subject.target.read_torrents([unknown, key])] == [key]
