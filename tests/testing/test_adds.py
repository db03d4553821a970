"""Adds in memory: what a build without libtorrent 2 makes of v2 and hybrid torrents."""

from __future__ import annotations

import pytest

from reconciler.model.errors import RejectedError
from reconciler.model.infohash import InfoHashes
from reconciler.model.snapshot import AddOptions
from reconciler.testing import MemoryInstance
from tests.support.builds import LIBTORRENT_1, LIBTORRENT_2
from tests.support.torrents import make_torrent

V1, V2 = "1" * 40, "2" * 64
OPTIONS = AddOptions(stopped=True, auto_tmm=False)


@pytest.mark.parametrize(
    ("libtorrent", "hashes"), [(LIBTORRENT_1, [InfoHashes(V1)]), (LIBTORRENT_2, [InfoHashes(V1, V2)])]
)
def test_a_hybrid_link_is_v1_without_libtorrent_2(libtorrent: str, hashes: list[InfoHashes]) -> None:
    box = MemoryInstance("5.1.0", libtorrent=libtorrent)
    box.add_magnets([f"magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220{V2}"], OPTIONS)
    assert [torrent.infohashes for torrent in box.torrents.values()] == hashes
    assert list(box.torrents) == [hashes[0].ids[0]]


def test_a_v2_link_is_ignored_and_a_v2_file_refused_without_libtorrent_2() -> None:
    box = MemoryInstance("5.1.0", libtorrent=LIBTORRENT_1)
    box.add_magnets([f"magnet:?xt=urn:btmh:1220{V2}"], OPTIONS)
    with pytest.raises(RejectedError):
        box.add_torrent_files({"a": make_torrent(1, "v2")}, OPTIONS)
    assert box.torrents == {}


def test_a_hybrid_file_can_be_exported_under_its_v1_hash_without_libtorrent_2() -> None:
    box, data = MemoryInstance("5.1.0", libtorrent=LIBTORRENT_1), make_torrent(1, "hybrid")
    box.add_torrent_files({"a": data}, OPTIONS)
    (torrent,) = box.torrents.values()
    assert torrent.infohashes == InfoHashes(torrent.id) and box.export_torrent(torrent.id) == data
