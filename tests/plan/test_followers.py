"""The torrents that follow a category or a preference, ours and those of others."""

from __future__ import annotations

from typing import Any

from reconciler.model.plan import AdoptTorrent, Blast, Outcome
from reconciler.plan.followers import FollowerFinder, make_ownership_check
from tests.support.planner_inputs import CONTEXT, OWNER_TAG, make_live_torrent, make_snapshot, make_v1_hash


def _find(rows: list[dict[str, Any]], categories: dict[str, Any] | None = None) -> FollowerFinder:
    return FollowerFinder(make_snapshot(rows, categories), make_ownership_check(CONTEXT, ()))


def _ids(*letters: str) -> tuple[str, ...]:
    return tuple(sorted(map(make_v1_hash, letters)))


def test_a_torrent_is_ours_if_it_is_owned_or_adopted_and_not_to_be_ignored() -> None:
    adopted = AdoptTorrent("b", "x", torrent_id=make_v1_hash("b"))
    blocked = AdoptTorrent("c", "x", hold=Outcome.BLOCKED, torrent_id=make_v1_hash("c"))
    is_ours = make_ownership_check(CONTEXT, [adopted, blocked])
    tags: dict[str, list[str]] = {
        "a": [OWNER_TAG],
        "b": [],
        "c": [],
        "d": ["reconcile:work"],
        "e": [OWNER_TAG, "reconcile:ignore"],
    }
    ours = [letter for letter, marks in tags.items() if is_ours(make_live_torrent({"hash": letter, "tags": marks}))]
    assert ours == ["a", "b"]


def test_followers_of_a_category_are_counted_as_ours_and_theirs() -> None:
    rows: list[dict[str, Any]] = [
        {"hash": "a", "category": "c", "auto_tmm": True, "is": "whole", "tags": [OWNER_TAG]},
        {"hash": "b", "category": "c/sub", "auto_tmm": True, "is": "half"},
        {"hash": "d", "category": "c", "is": "whole"},
        {"hash": "e", "category": "cd", "auto_tmm": True, "is": "whole"},
    ]
    finder = _find([{**row, "content_path": f"/c/{row['hash']}"} for row in rows], {"c": "/c"})
    assert finder.find_category_followers("c") == Blast(2, 150, owned_ids=_ids("a"), foreign_ids=_ids("b"))
    assert finder.find_category_followers("x") is None


def test_a_blast_names_the_torrents_that_share_files_with_followers_and_do_not_follow() -> None:
    rows: list[dict[str, Any]] = [
        {"hash": "a", "category": "c", "auto_tmm": True, "content_path": "/c/film"},
        {"hash": "b", "category": "c", "auto_tmm": True, "content_path": "/c/film"},
        {"hash": "d", "content_path": "/c/film/part"},
        {"hash": "e", "content_path": "/c/other"},
    ]
    blast = _find(rows, {"c": "/c"}).find_category_followers("c")
    assert blast is not None
    assert blast.shares_with == (make_v1_hash("d"),)


def test_the_default_path_is_followed_where_the_category_has_no_full_path() -> None:
    rows = [
        {"hash": letter, "category": category, "auto_tmm": letter != "d"}
        for letter, category in {"a": "", "b": "without", "c": "relative", "d": "", "e": "full", "f": "windows"}.items()
    ]
    categories = {"without": "", "relative": "films", "full": "/full", "windows": "D:/films"}
    finder = _find(rows, categories)
    assert finder.find_preference_followers("save_path") == Blast(3, 0, foreign_ids=_ids("a", "b", "c"))
    assert finder.find_preference_followers("max_connec") is None
