"""The torrent that a text names, among declared and live torrents."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.infohash import InfoHashes
from reconciler.queries.torrent_lookup import (
    AmbiguousTorrent,
    TorrentRef,
    choose_title,
    collect_torrent_refs,
    find_torrent,
    infohash_text,
    merge_infohashes,
)
from tests.support.planner_inputs import make_desired_state, make_snapshot, make_v1_hash, make_v2_hash, parse_hashes


def collect_refs(desired: list[dict[str, Any]], live: list[dict[str, Any]]) -> list[TorrentRef]:
    return collect_torrent_refs(make_desired_state({"desired": desired}), {"box": make_snapshot(live)})


def test_entries_and_live_torrents_are_collected_with_their_locations() -> None:
    refs = collect_refs(
        [{"hash": "a", "name": "Debian"}, {"hash": "b"}, {"hash": "d", "source": "infohash"}],
        [{"hash": "c", "name": ""}],
    )
    assert [(ref.names, ref.location, ref.title) for ref in refs] == [
        (("Debian",), "desired.yaml:1:1", "Debian"),
        (("b",), "desired.yaml:2:1", None),
        ((), "desired.yaml:3:1", None),
        ((), "box", None),
    ]


def test_references_that_share_an_infohash_are_one_torrent() -> None:
    refs = collect_refs([{"hash": "a", "name": "Debian"}, {"hash": "b"}], [{"hash": "a+a2", "name": "debian-13"}])
    assert find_torrent("debian-13", refs, ()) == [refs[0], refs[2]]
    assert find_torrent("DEBIAN", refs, ()) == [refs[0], refs[2]]
    assert find_torrent(make_v2_hash("a")[:8], refs, ()) == [refs[0], refs[2]]


def test_a_hybrid_torrent_joins_references_that_share_no_infohash_themselves() -> None:
    refs = collect_refs([{"hash": "a", "name": "old"}, {"hash": "a2", "name": "new"}], [{"hash": "a+a2"}])
    assert find_torrent("old", refs, ()) == refs


def test_a_name_of_two_torrents_is_ambiguous() -> None:
    refs = collect_refs(
        [{"hash": "a", "name": "Debian"}], [{"hash": "a", "name": "x"}, {"hash": "b", "name": "Debian"}]
    )
    with pytest.raises(AmbiguousTorrent, match=r'^"Debian" matches 2 torrents; use an infohash instead$') as error:
        find_torrent("Debian", refs, ())
    assert [(candidate.name, candidate.infohash, candidate.locations) for candidate in error.value.candidates] == [
        ("Debian", make_v1_hash("a"), ("desired.yaml:1:1", "box")),
        ("Debian", make_v1_hash("b"), ("box",)),
    ]


def test_an_unknown_name_lists_similar_torrents_and_unread_instances() -> None:
    refs = collect_refs([{"hash": "a", "name": "Debian"}], [{"hash": "b", "name": "Fedora"}])
    with pytest.raises(
        AmbiguousTorrent, match=r'^no declared or live torrent matches "Debina"; nas, nuc could not be read$'
    ) as error:
        find_torrent("Debina", refs, ["nas", "nuc"])
    assert [candidate.name for candidate in error.value.candidates] == ["Debian"]


def test_a_declared_name_is_the_best_title_and_an_infohash_the_last_resort() -> None:
    infohashes = parse_hashes("a")
    link, live = TorrentRef(infohashes, ("dn",), "f:1:1", None), TorrentRef(infohashes, ("live",), "box", "live")
    assert choose_title([link, live]) == "live"
    assert choose_title([link]) == "dn"
    assert choose_title([TorrentRef(infohashes, (), "box", None)]) == make_v1_hash("a")


def test_merged_infohashes_have_both_hashes_of_a_torrent() -> None:
    v1, v2 = (TorrentRef(parse_hashes(name), (), "box", None) for name in ("a", "a2"))
    unknown = TorrentRef(None, ("film",), "f:1:1", "film")
    assert merge_infohashes([unknown, v2, v1]) == InfoHashes(make_v1_hash("a"), make_v2_hash("a"))
    assert merge_infohashes([unknown]) is None
    assert (infohash_text(None), infohash_text(v2.infohashes)) == ("", make_v2_hash("a"))
