"""Categories in memory, by version."""

from __future__ import annotations

import pytest

from reconciler.model.errors import RejectedError
from reconciler.model.snapshot import LiveCategory
from reconciler.testing.memory import MemoryInstance
from tests.support.planner_inputs import make_live_torrent


def put(box: MemoryInstance, **row: object) -> str:
    """Put a live torrent into the instance and return its id."""
    torrent = make_live_torrent(row, box.api_version)
    box.torrents[torrent.id] = torrent
    return torrent.id


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "a\\b", "films"])
def test_an_invalid_or_present_name_is_refused(name: str) -> None:
    box = MemoryInstance()
    box.create_category("films", "")
    with pytest.raises(RejectedError) as caught:
        box.create_category(name, "")
    assert caught.value.http_status == 409


@pytest.mark.parametrize(("version", "names"), [("5.1.0", ["a/b"]), ("5.3.0", ["a", "a/b"])])
def test_a_parent_is_created_from_5_2_on(version: str, names: list[str]) -> None:
    box = MemoryInstance(version)
    box.create_category("a/b", "/ab")
    assert sorted(box.read_categories()) == names


@pytest.mark.parametrize(("version", "download_path"), [("4.2.5", None), ("4.5.2", "/incomplete")])
def test_download_paths_exist_from_4_4_on(version: str, download_path: str | None) -> None:
    box = MemoryInstance(version)
    box.create_category("films", "/films/", "/incomplete/")
    assert box.live_categories == {"films": LiveCategory("films", "/films", download_path=download_path)}


@pytest.mark.parametrize(
    ("version", "save_path"),
    [("4.2.5", "/old"), ("4.3.5", "/old"), ("4.4.0", "/new"), ("5.0.0", "/new"), ("5.1.0", "/old"), ("5.3.0", "/old")],
)
def test_an_edit_ends_automatic_management_and_moves_the_data_only_from_4_3_to_4_6(
    version: str, save_path: str
) -> None:
    box = MemoryInstance(version)
    box.create_category("films", "/old")
    key = put(box, hash="a", category="films", auto_tmm=True, save_path="/old")
    manual = put(box, hash="b", category="films", save_path="/mine")
    box.edit_category(box.live_categories["films"], "/new")
    assert (box.torrents[key].auto_tmm, box.torrents[key].save_path) == (False, save_path)
    assert box.torrents[manual].save_path == "/mine"


@pytest.mark.parametrize(("version", "status"), [("5.1.0", 409), ("5.3.0", 404)])
def test_an_edit_of_a_missing_category_is_refused(version: str, status: int) -> None:
    with pytest.raises(RejectedError) as caught:
        MemoryInstance(version).edit_category(LiveCategory("films"), "/new")
    assert caught.value.http_status == status


def test_an_edit_that_is_already_done_is_refused_before_5_2() -> None:
    for version in ("5.1.0", "5.3.0"):
        box = MemoryInstance(version)
        before = LiveCategory("films", "/old")
        box.create_category("films", "/new")
        if version == "5.1.0":
            with pytest.raises(RejectedError, match="nothing changed"):
                box.edit_category(before, "/new")
        else:
            box.edit_category(before, "/new")
        assert box.live_categories["films"].save_path == "/new"


@pytest.mark.parametrize(
    ("version", "category", "remaining"), [("5.1.0", "a/b/c", ["a", "a/b/c"]), ("5.3.0", "a", ["a"])]
)
def test_a_removal_takes_the_subcategories_along_from_5_2_on(version: str, category: str, remaining: list[str]) -> None:
    box = MemoryInstance(version)
    for name in ("a", "a/b", "a/b/c"):
        box.create_category(name, "")
    key = put(box, hash="a", category="a/b/c")
    box.remove_categories(["a/b", "missing"])
    assert sorted(box.live_categories) == remaining
    assert box.torrents[key].category == category


def test_the_data_follows_a_category_only_under_automatic_management() -> None:
    box = MemoryInstance()
    box.create_category("films", "/films")
    box.create_category("plain", "")
    automatic, manual = put(box, hash="a", auto_tmm=True), put(box, hash="b", save_path="/mine")
    box.set_category([automatic, manual], "films")
    assert (box.torrents[automatic].save_path, box.torrents[manual].save_path) == ("/films", "/mine")
    box.set_category([automatic], "plain")
    assert box.torrents[automatic].save_path == "/downloads/plain"
    box.set_category([automatic], "")
    assert box.torrents[automatic].save_path == "/downloads"
    with pytest.raises(RejectedError, match="no such category"):
        box.set_category([automatic], "missing")
