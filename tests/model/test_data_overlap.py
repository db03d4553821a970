"""The paths of the data of torrents, and the torrents that may share files."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.data_overlap import DataPathIndex, find_data_paths, iter_parent_folders, normalize_data_path
from reconciler.model.snapshot import LiveTorrent
from tests.support.planner_inputs import make_live_torrent, make_v1_hash


def make_live(letter: str, content_path: str = "", **row: Any) -> LiveTorrent:
    return make_live_torrent({"hash": letter, "content_path": content_path, **row})


@pytest.mark.parametrize(
    ("row", "paths"),
    [
        ({"content_path": "/data/film", "is": "whole"}, ("/data/film",)),
        ({"content_path": "/incomplete/film", "save_path": "/data", "is": "half"}, ("/incomplete/film", "/data/film")),
        ({"content_path": "/data/film", "save_path": "/data/", "is": "half"}, ("/data/film",)),
        ({"name": "film", "save_path": "/data/", "size": 5, "content_path": ""}, ("/data/film", "/data\0005")),
        ({"name": "film", "save_path": "/data"}, ("/data/film",)),
        ({"name": "X", "save_path": "/d", "files": ["normal film/a", "skip film/b"]}, ("/d/X", "/d/film")),
        ({"name": "film", "save_path": ""}, ()),
    ],
)
def test_the_data_of_a_torrent_may_be_at_each_of_these_paths(row: dict[str, Any], paths: tuple[str, ...]) -> None:
    assert find_data_paths(make_live_torrent({"hash": "a", **row})) == paths


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [
        ("/Data/", "Film", "/Data/Film"),
        ("C:\\Data", "Film", "c:/data/film"),
        ("C:\\Data\\", "Film", "c:/data/film"),
        ("/", "Film", "/Film"),
        ("\\\\Server\\Share", "Film", "//server/share/film"),
        ("/Data/Film/", "", "/Data/Film"),
    ],
)
def test_only_paths_of_windows_are_compared_without_regard_to_case(folder: str, name: str, path: str) -> None:
    assert normalize_data_path(folder, name) == path


def test_the_root_is_no_parent_folder() -> None:
    assert list(iter_parent_folders("/a/b/c")) == ["/a/b", "/a"]
    assert list(iter_parent_folders("/a")) == []
    assert list(iter_parent_folders("c:/a/b")) == ["c:/a"]


def test_torrents_overlap_at_the_same_path_above_and_below() -> None:
    inner, same, outer, sibling = (
        make_live(letter, path, **{"is": "whole"})
        for letter, path in {"a": "/data/films/x", "b": "/data/films", "c": "/data", "d": "/data/films2"}.items()
    )
    torrent = make_live("e", "/data/films", **{"is": "whole"})
    index = DataPathIndex([inner, same, outer, sibling, torrent])
    assert index.find_overlaps(torrent) == tuple(sorted(map(make_v1_hash, "abc")))
    assert index.find_overlaps(sibling) == (make_v1_hash("c"),)


def test_a_path_that_a_torrent_will_have_counts_too() -> None:
    torrent = make_live("a", "/data/films/x", **{"is": "whole"})
    index = DataPathIndex([torrent])
    assert index.find_overlaps(torrent) == ()
    index.add("/data/films", "new")
    assert index.find_overlaps(torrent) == ("new",)


def test_at_most_ten_overlapping_torrents_are_returned() -> None:
    index = DataPathIndex([])
    for number in range(12):
        index.add("/data/x", f"{number:02}")
    assert index.find_overlaps(make_live("a", "/data/x")) == tuple(f"{number:02}" for number in range(10))


def test_some_torrents_do_not_count() -> None:
    torrents = [make_live(letter, "/d/film") for letter in "abc"]
    index = DataPathIndex(torrents)
    assert index.find_overlaps(torrents[0], {make_v1_hash("b")}) == (make_v1_hash("c"),)
