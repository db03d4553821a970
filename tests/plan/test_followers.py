"""The torrents that follow a category or a preference, ours and those of others."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import AdoptTorrent, Blast, Outcome
from reconciler.plan.followers import FollowerFinder, describe_effect, make_ownership_check
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


def _follow(
    rows: list[dict[str, Any]],
    name: str,
    before: Any,
    after: Any,
    *,
    version: str = "5.1.0",
    others: dict[str, Any] | None = None,
) -> str:
    """The letters of the torrents that a change of a preference alters, all of them torrents of others."""
    categories = {"without": "", "relative": "films", "full": "/full", "full/sub": "", "windows": "D:/films"}
    snapshot = make_snapshot(rows, categories | {"inc": ["", "/inc"], "no": ["", False]}, version=version)
    finder = FollowerFinder(snapshot, make_ownership_check(CONTEXT, ()))
    values = others or {}
    blast = finder.find_preference_followers(name, {**values, name: before}, {**values, name: after})
    letters = {make_v1_hash(row["hash"]): row["hash"] for row in rows}
    return "".join(sorted(letters[torrent_id] for torrent_id in blast.foreign_ids)) if blast else ""


AUTOMATIC: list[dict[str, Any]] = [
    {"hash": "a", "auto_tmm": True},
    {"hash": "b", "auto_tmm": True, "category": "without"},
    {"hash": "c", "auto_tmm": True, "category": "relative"},
    {"hash": "d", "auto_tmm": True, "category": "full"},
    {"hash": "e", "auto_tmm": True, "category": "full/sub"},
    {"hash": "f", "auto_tmm": True, "category": "windows"},
    {"hash": "g"},
]


@pytest.mark.parametrize(
    ("version", "followers"), [("4.2.5", "abcdef"), ("4.5.2", "abce"), ("5.1.0", "abce"), ("5.3.0", "abc")]
)
def test_the_default_path_is_followed_where_the_category_has_no_full_path(version: str, followers: str) -> None:
    assert _follow(AUTOMATIC, "save_path", "/old", "/new", version=version) == followers


def test_subcategories_and_other_preferences() -> None:
    assert _follow(AUTOMATIC, "use_subcategories", False, True) == "e"
    assert _follow(AUTOMATIC, "max_connec", 5, 6) == ""


@pytest.mark.parametrize(
    ("name", "after", "version", "followers"),
    [
        ("temp_path_enabled", True, "5.1.0", "a"),
        ("temp_path", "/new", "5.1.0", "ab"),
        ("temp_path_enabled", True, "4.2.5", "af"),
        ("incomplete_files_ext", True, "5.1.0", "af"),
        ("use_unwanted_folder", True, "5.1.0", "abcdef"),
    ],
)
def test_preferences_that_move_or_rename_files(name: str, after: Any, version: str, followers: str) -> None:
    rows: list[dict[str, Any]] = [
        {"hash": "a", "auto_tmm": True, "is": "half"},
        {"hash": "b", "auto_tmm": True, "is": "whole"},
        {"hash": "c", "auto_tmm": True, "is": "whole", "category": "without"},
        {"hash": "d", "auto_tmm": True, "is": "whole", "category": "inc"},
        {"hash": "e", "auto_tmm": True, "is": "whole", "category": "no"},
        {"hash": "f", "is": "half"},
        {"hash": "g"},
    ]
    assert _follow(rows, name, None, after, version=version, others={"temp_path_enabled": True}) == followers


def test_a_path_for_incomplete_data_that_is_not_used_alters_nothing() -> None:
    rows = [{"hash": "a", "auto_tmm": True, "is": "half"}]
    assert _follow(rows, "temp_path", "/old", "/new", others={"temp_path_enabled": False}) == ""


@pytest.mark.parametrize(
    ("name", "before", "after", "others", "followers"),
    [
        ("max_ratio_act", 0, 3, {"max_ratio_enabled": True}, "a"),
        ("max_ratio_act", 0, 1, {"max_ratio_enabled": True, "max_seeding_time_enabled": True}, "ab"),
        ("max_ratio_act", 0, 1, {"max_ratio_enabled": False}, ""),
        ("max_ratio_act", 0, 2, {"max_ratio_enabled": True}, ""),
        ("max_ratio_enabled", False, True, {"max_ratio_act": 1}, "a"),
        ("max_ratio_enabled", False, True, {"max_ratio_act": 0}, ""),
        ("max_ratio_enabled", True, False, {"max_ratio_act": 1}, ""),
        ("max_ratio", 2.0, 1.0, {"max_ratio_act": 1, "max_ratio_enabled": True}, "a"),
        ("max_ratio", -1, 1.0, {"max_ratio_act": 1, "max_ratio_enabled": True}, "a"),
        ("max_ratio", 1.0, 2.0, {"max_ratio_act": 1, "max_ratio_enabled": True}, ""),
        ("max_ratio", 1.0, -1, {"max_ratio_act": 1, "max_ratio_enabled": True}, ""),
        ("max_seeding_time", 9, 5, {"max_ratio_act": 1, "max_ratio_enabled": True}, ""),
    ],
)
def test_share_limits_that_remove_torrents(
    name: str, before: Any, after: Any, others: dict[str, Any], followers: str
) -> None:
    rows: list[dict[str, Any]] = [
        {"hash": "a", "share_limits": {"ratio": -2, "seeding_time": -1}},
        {"hash": "b", "share_limits": {"ratio": -1, "seeding_time": -2}},
        {"hash": "c", "share_limits": {"ratio": 3.0, "seeding_time": 60}},
        {"hash": "d", "share_limits": {"ratio": -2, "seeding_time": -2, "action": "stop"}},
    ]
    assert _follow(rows, name, before, after, others=others) == followers
    assert describe_effect(name) == "may be removed by it"
