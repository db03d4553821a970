"""The effects of requests, by version. The conformance suite compares them with real servers."""

from __future__ import annotations

import pytest

from reconciler.model.links import TRACKERS, WEB_SEEDS, parse_link_urls
from reconciler.model.server_effects import (
    add_urls,
    end_management,
    find_category_path,
    list_missing_parents,
    list_removed_categories,
    move_torrent,
    remove_trackers,
    set_force_start,
    set_stopped,
    trim_name,
    trim_tags,
)
from reconciler.model.snapshot import LiveCategory
from tests.support.planner_inputs import make_live_torrent

V4_5, V5_1, V5_3 = (2, 8, 19), (2, 11, 4), (2, 16, 2)


def test_tags_are_trimmed_and_empty_tags_dropped() -> None:
    assert trim_tags([" a", "a", " ", ""]) == {"a"}


def test_a_name_is_on_one_line() -> None:
    assert trim_name(" a\nb ") == "a b"


def test_content_moves_with_its_save_path() -> None:
    torrent = make_live_torrent(
        {"hash": "a", "save_path": "/a", "content_path": "/a/film", "files": ["normal film/x.mkv"]}
    )
    moved = move_torrent(torrent, "/b")
    assert (moved.save_path, moved.content_path) == ("/b", "/b/film")
    without_metadata = make_live_torrent({"hash": "a", "save_path": "/a"})
    assert move_torrent(without_metadata, "/b").content_path == ""


def test_an_edited_category_moves_the_data_of_automatic_torrents_before_5_0() -> None:
    torrent = make_live_torrent({"hash": "a", "auto_tmm": True, "save_path": "/old"})
    moved, left = end_management(torrent, "/new", V4_5), end_management(torrent, "/new", V5_1)
    assert (moved.save_path, moved.auto_tmm) == ("/new", False)
    assert (left.save_path, left.auto_tmm) == ("/old", False)


def test_parents_of_a_category_come_and_go_with_it_from_5_2_on() -> None:
    assert list_missing_parents("a/b/c", ["a"], V5_3) == ["a/b"]
    assert list_missing_parents("a/b/c", ["a"], V5_1) == []
    assert list_removed_categories("a", ["a", "a/b", "ab"], V5_3) == ["a", "a/b"]
    assert list_removed_categories("a", ["a", "a/b", "ab"], V5_1) == ["a"]


@pytest.mark.parametrize(
    ("category", "default", "path"),
    [("films", "/d", "/films"), ("linux", "/d", "/d/linux"), ("", "/d", "/d"), ("linux", None, None), ("", None, None)],
)
def test_a_category_without_a_path_follows_the_default_path(
    category: str, default: str | None, path: str | None
) -> None:
    categories = {"films": LiveCategory("films", "/films"), "linux": LiveCategory("linux")}
    assert find_category_path(category, categories, default) == path


def test_a_stop_and_a_start_end_a_forced_start() -> None:
    forced = set_force_start(make_live_torrent({"hash": "a", "stopped": True}), True, V5_1)
    assert (forced.stopped, forced.options.force_start, forced.state) == (False, True, "metaDL")
    stopped = set_stopped(forced, True, V5_1)
    assert (stopped.stopped, stopped.options.force_start, stopped.state) == (True, False, "stoppedDL")
    assert set_stopped(forced, True, V4_5).state == "pausedDL"
    assert not set_stopped(forced, False, V5_1).options.force_start


def test_trackers_are_added_once_and_removed_by_their_spelling() -> None:
    torrent = add_urls(make_live_torrent({"hash": "a"}), TRACKERS, ["http://a/announce", "http://b/announce"])
    torrent = add_urls(add_urls(torrent, TRACKERS, ["http://a/announce"]), WEB_SEEDS, ["http://w/"])
    torrent = remove_trackers(torrent, ["http://b/announce", "http://c/announce"])
    assert parse_link_urls(torrent.links, TRACKERS) == ["http://a/announce"]
    assert parse_link_urls(torrent.links, WEB_SEEDS) == ["http://w/"]
