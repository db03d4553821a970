"""The facts that a desired state gives about its entries and instances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.content import CreationSpec
from reconciler.model.desired import DesiredCategory, DesiredTorrent
from reconciler.model.files import FileRule, Priority
from reconciler.model.position import Position
from tests.support.planner_inputs import make_desired_state, make_desired_torrent, make_v1_hash, make_v2_hash

HERE = Position("desired.yaml", 1, 1)
GROUP_OF_TWO = {"g": {"strategy": "failover", "members": ["other", "box"]}}


def make_entry(**row: Any) -> DesiredTorrent:
    (entry,) = make_desired_state({"desired": [row]}).torrents
    return entry


def test_the_label_is_the_best_name_that_is_known() -> None:
    magnet = make_desired_torrent({"hash": "a"}, 1)
    assert replace(magnet, name="My name").label == "My name"
    assert magnet.label == "a"
    assert make_entry(content="/data/film.mkv").label == "film.mkv"
    assert replace(magnet, source=None).label == make_v1_hash("a")


def test_an_entry_without_infohash_has_no_ids() -> None:
    hybrid = make_desired_torrent({"hash": "a+a2"}, 1)
    assert (hybrid.ids, hybrid.infohash) == (
        (make_v2_hash("a")[:40], make_v2_hash("a"), make_v1_hash("a")),
        make_v1_hash("a"),
    )
    created = make_entry(content="/data/film.mkv")
    assert (created.ids, created.infohash) == ((), "")


def test_the_files_of_a_magnet_link_are_unknown_before_it_is_added() -> None:
    assert make_desired_torrent({"hash": "7:v1", "source": "torrent"}, 1).has_metadata
    assert make_entry(content="/data/film.mkv").has_metadata
    assert not make_desired_torrent({"hash": "a"}, 1).has_metadata
    assert not make_desired_torrent({"hash": "a", "source": "infohash"}, 1).has_metadata


def test_a_creation_has_the_declared_parameters() -> None:
    content = {"path": "/data/film.mkv", "private": True, "piece_size": 65_536, "source": "me"}
    entry = make_entry(content=content, trackers=["http://tracker/announce"], comment="mine")
    assert entry.creation == CreationSpec(
        "/data/film.mkv", "hybrid", 65_536, True, "me", "mine", ("http://tracker/announce",), ()
    )
    assert make_desired_torrent({"hash": "a", "comment": "mine"}, 1).creation is None


def test_only_the_owner_of_content_creates_its_torrent() -> None:
    desired = make_desired_state(
        {"desired": [{"name": "film", "content": "/data/film"}, {"content_of": "film", "instance": "other"}]}
    )
    assert [entry.label for entry in desired.entries_with_content] == ["film", "film"]
    assert desired.creations_of("box") == {CreationSpec("/data/film")}
    assert desired.creations_of("other") == frozenset()


def test_the_paths_of_an_entry_include_that_of_incomplete_data() -> None:
    row = {"hash": "a", "save_path": "/data", "download_path": "/incomplete"}
    assert make_desired_torrent(row, 1).declared_paths == ("/data", "/incomplete")
    assert make_desired_torrent({"hash": "a"}, 1).declared_paths == ()
    assert make_entry(content="/data/film").declared_paths == ("/data", "/data/film")


def test_an_entry_can_be_on_each_member_of_its_group() -> None:
    desired = make_desired_state(
        {"groups": GROUP_OF_TWO, "desired": [{"hash": "a", "instance": "g"}, {"hash": "b", "instance": "box"}]}
    )
    assert [desired.instances_of(entry) for entry in desired.torrents] == [("other", "box"), ("box",)]
    assert desired.members_of("unknown") == ("unknown",)


def test_the_categories_of_an_instance_win_over_the_common_categories() -> None:
    desired = make_desired_state({"instances": ["box", "other"], "declared_categories": {"c": "/common", "d": "/d"}})
    box = replace(desired.instances["box"], categories={"c": DesiredCategory("c", HERE, "/own")})
    desired = replace(desired, instances={**desired.instances, "box": box})
    assert {name: category.save_path for name, category in desired.categories_of("box").items()} == {
        "c": "/own",
        "d": "/d",
    }
    assert desired.categories_of("other")["c"].save_path == "/common"


@pytest.mark.parametrize(
    ("case", "has_paths"),
    [
        ({}, False),
        ({"declared_categories": {"c": None}}, False),
        ({"declared_categories": {"c": "/c"}}, True),
        ({"declared_categories": {"c": [None, "/incomplete"]}}, True),
        ({"declared_preferences": {"dht": True}}, False),
        ({"declared_preferences": {"save_path": "/data"}}, True),
        ({"desired": [{"hash": "a"}]}, False),
        ({"desired": [{"hash": "a", "save_path": "/data"}]}, True),
        ({"desired": [{"hash": "a", "save_path": "/data", "instance": "other"}]}, False),
        ({"groups": GROUP_OF_TWO, "desired": [{"hash": "a", "save_path": "/data", "instance": "g"}]}, True),
    ],
)
def test_an_instance_has_paths_if_any_is_declared_for_it(case: dict[str, Any], has_paths: bool) -> None:
    assert make_desired_state({"instances": ["box", "other"], **case}).has_paths_of("box") is has_paths


def test_files_are_read_only_where_they_are_managed() -> None:
    desired = make_desired_state(
        {"desired": [{"hash": "a"}, {"hash": "b"}, {"hash": "c"}, {"hash": "d", "instance": "other"}]}
    )
    unmanaged, managed, ignored, elsewhere = desired.torrents
    rules = (FileRule("*.nfo", Priority.SKIP),)
    torrents = (
        unmanaged,
        replace(managed, files=rules),
        replace(ignored, files=rules, ignore_changes=frozenset({"files"})),
        replace(elsewhere, files=rules),
    )
    desired = replace(desired, torrents=torrents)
    assert desired.ids_with_file_rules("box") == {make_v1_hash("b")}
    assert desired.ids_with_file_rules("other") == {make_v1_hash("d")}
