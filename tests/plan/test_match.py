"""Matches of entries and live torrents by infohash."""

from __future__ import annotations

from reconciler.plan.match import index_live_torrents, match_entries
from tests.support.planner_inputs import make_desired_torrent, make_live_torrent, make_v1_hash, make_v2_hash


def test_an_entry_matches_by_infohash_and_never_by_name() -> None:
    live_torrent = make_live_torrent({"hash": "a", "name": "other"})
    namesake = make_live_torrent({"hash": "b", "name": "a"})
    (match,) = match_entries([make_desired_torrent({"hash": "a", "name": "a"}, 1)], [namesake, live_torrent])
    assert (match.live, match.conflict) == (live_torrent, None)


def test_an_entry_without_a_live_torrent_matches_nothing() -> None:
    (match,) = match_entries([make_desired_torrent({"hash": "a"}, 1)], [make_live_torrent({"hash": "b"})])
    assert (match.live, match.live_torrents, match.conflict) == (None, (), None)


def test_either_hash_of_a_hybrid_torrent_matches() -> None:
    hybrid = make_live_torrent({"hash": "a+a2"})
    for declared in ("a", "a2", "a+a2"):
        (match,) = match_entries([make_desired_torrent({"hash": declared}, 1)], [hybrid])
        assert match.live == hybrid


def test_a_hybrid_torrent_that_is_there_twice_is_a_conflict() -> None:
    torrents = [make_live_torrent({"hash": "a"}), make_live_torrent({"hash": "a2"})]
    (match,) = match_entries([make_desired_torrent({"hash": "a+a2"}, 1)], torrents)
    ids = sorted([make_v1_hash("a"), make_v2_hash("a")[:40]])
    assert [live_torrent.id for live_torrent in match.live_torrents] == ids
    assert match.conflict == (
        f"it is on the instance twice, as {ids[0]} and {ids[1]}; remove one of them in qBittorrent"
    )


def test_two_entries_of_one_torrent_are_a_conflict_of_both() -> None:
    entries = [make_desired_torrent({"hash": "a"}, 4), make_desired_torrent({"hash": "a2"}, 9)]
    hybrid = make_live_torrent({"hash": "a+a2"})
    reason = f"desired.yaml:4:1 and desired.yaml:9:1 are one torrent ({hybrid.id}); keep one of these entries"
    assert [match.conflict for match in match_entries(entries, [hybrid])] == [reason, reason]
    assert [match.conflict for match in match_entries(entries, [])] == [None, None]


def test_an_id_of_its_own_beats_a_shared_hash() -> None:
    hybrid = make_live_torrent({"hash": "a+a2"})
    own = make_live_torrent({"hash": "a"})
    for torrents in ([hybrid, own], [own, hybrid]):
        index = index_live_torrents(torrents)
        assert index[make_v1_hash("a")] == own
        assert index[hybrid.id] == hybrid
