"""The data that a deletion or a quarantine affects, and the data that is kept for other torrents."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.magnet import Magnet
from reconciler.model.plan import AddTorrent, Blast, Change, DeleteTorrent, Outcome, UpdateTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.blast import attach_blasts, follower_text
from tests.support.planner_inputs import make_snapshot, make_v1_hash, parse_hashes

LEAVING_ROW = {"hash": "a", "is": "whole", "content_path": "/d/film"}


def _delete(live_torrent: LiveTorrent) -> DeleteTorrent:
    return DeleteTorrent(
        live_torrent.name,
        "no longer declared",
        infohash=str(live_torrent.infohashes),
        torrent_id=live_torrent.id,
        delete_files=True,
    )


def test_data_that_a_remaining_torrent_shares_is_kept() -> None:
    snapshot = make_snapshot([LEAVING_ROW, {"hash": "b", "content_path": "/d/film/extra", "is": "whole"}])
    (action,) = attach_blasts([_delete(snapshot.torrents[0])], snapshot)
    assert isinstance(action, DeleteTorrent)
    other = make_v1_hash("b")
    assert action.delete_files is False
    assert action.blast == Blast(1, 100, True, shares_with=(other,))
    assert action.reason == f"no longer declared; its data is kept, for {other[:10]} may have files in it"


def test_data_of_its_own_is_deleted_and_counted() -> None:
    snapshot = make_snapshot([LEAVING_ROW, {"hash": "b", "content_path": "/d/film2", "is": "half"}])
    (action,) = attach_blasts([_delete(snapshot.torrents[0])], snapshot)
    assert isinstance(action, DeleteTorrent)
    assert (action.delete_files, action.blast) == (True, Blast(1, 100, True))


def test_torrents_that_are_deleted_together_keep_no_data_for_each_other() -> None:
    snapshot = make_snapshot([LEAVING_ROW, {**LEAVING_ROW, "hash": "b"}])
    actions = attach_blasts([_delete(live_torrent) for live_torrent in snapshot.torrents], snapshot)
    assert [isinstance(action, DeleteTorrent) and action.delete_files for action in actions] == [True, True]


def test_a_deletion_that_is_held_back_has_no_blast_and_still_counts_as_a_user_of_its_data() -> None:
    snapshot = make_snapshot([LEAVING_ROW, {**LEAVING_ROW, "hash": "b"}])
    held = replace(_delete(snapshot.torrents[1]), hold=Outcome.BLOCKED)
    first, second = attach_blasts([_delete(snapshot.torrents[0]), held], snapshot)
    assert second == held
    assert first.blast == Blast(1, 100, True, shares_with=(make_v1_hash("b"),))


def test_data_is_kept_for_a_torrent_that_the_plan_adds_or_moves_to_the_same_path() -> None:
    snapshot = make_snapshot([LEAVING_ROW, {"hash": "b", "content_path": "/e/film", "save_path": "/e", "is": "whole"}])
    moved = UpdateTorrent("b", "x", (Change("save_path", "/e", "/d"),), infohash="b", torrent_id=make_v1_hash("b"))
    added = AddTorrent("film", "x", (Change("category", None, "films"),), infohash="n")
    with_category = replace(snapshot, categories=make_snapshot([], {"films": "/d"}).categories)
    deletion = _delete(snapshot.torrents[0])
    assert attach_blasts([deletion, moved], snapshot)[0].blast == Blast(1, 100, True, shares_with=("b",))
    assert attach_blasts([deletion, added], with_category)[0].blast == Blast(1, 100, True, shares_with=("n",))


def test_a_quarantine_that_begins_has_a_blast_and_any_other_update_has_none() -> None:
    snapshot = make_snapshot([{**LEAVING_ROW, "is": "half"}])
    update = UpdateTorrent("a", "x", infohash=make_v1_hash("a"), torrent_id=make_v1_hash("a"))
    begins = replace(update, changes=(Change("quarantine", (), ("2026-11-28",)),))
    ends = replace(update, changes=(Change("quarantine", ("2026-11-28",), ()),))
    assert [action.blast for action in attach_blasts([begins, ends, update], snapshot)] == [Blast(1, 50), None, None]


def test_a_move_is_described_by_its_torrents_and_bytes() -> None:
    assert follower_text(Blast(1, 2048)) == "1 torrent (2.0 KiB) under automatic management may move with it"
    assert follower_text(Blast(1200, 0)).startswith("1,200 torrents (0 Bytes) ")
    assert follower_text(Blast(3, owned_ids=("a",), foreign_ids=("b", "c"))).endswith(", 2 of them not ours")
    assert follower_text(Blast(1, foreign_ids=("b",))).endswith(", none of them ours")
    assert follower_text(Blast(1, shares_with=("a" * 40, "b" * 40)), "may be removed").endswith(
        " may be removed; aaaaaaaaaa and 1 more may use the same files and lose them"
    )


def test_a_renamed_torrent_keeps_data_at_the_name_in_its_source() -> None:
    snapshot = make_snapshot([LEAVING_ROW])
    source = Magnet("magnet:?xt=urn:btih:" + "b" * 40, parse_hashes("b"), "film")
    added = AddTorrent("renamed", "x", (Change("save_path", None, "/d"),), infohash="n", source=source)
    assert attach_blasts([_delete(snapshot.torrents[0]), added], snapshot)[0].blast == Blast(
        1, 100, True, shares_with=("n",)
    )
