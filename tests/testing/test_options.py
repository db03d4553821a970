"""Torrent options in memory, by version."""

from __future__ import annotations

import pytest

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.files import Priority
from reconciler.model.snapshot import AddOptions, ShareLimits
from reconciler.testing.memory import MemoryInstance
from tests.support.magnets import make_infohash, make_magnet
from tests.support.planner_inputs import make_live_torrent

KEY = make_infohash(1)


def make_box(version: str = "5.1.0", *, stopped: bool = False, auto_tmm: bool = False) -> MemoryInstance:
    """An instance with one added torrent."""
    box = MemoryInstance(version)
    box.add_magnets([make_magnet(1)], AddOptions(stopped, auto_tmm))
    return box


@pytest.mark.parametrize(
    ("version", "share"),
    [
        ("4.2.5", ShareLimits(1.0, 60, None, None, None)),
        ("5.1.0", ShareLimits(1.0, 60, 5, None, None)),
        ("5.3.0", ShareLimits(1.0, 60, 5, "Stop", "MatchAny")),
    ],
)
def test_share_limits_are_set_as_far_as_the_version_has_them(version: str, share: ShareLimits) -> None:
    box = make_box(version)
    box.set_share_limits([KEY], ShareLimits(1.0, 60, 5, "Stop", "MatchAny"))
    assert box.torrents[KEY].options.share == share


def test_a_version_without_the_call_refuses_it() -> None:
    with pytest.raises(UnsupportedError):
        make_box("4.2.5").set_option([KEY], "download_path", "/incomplete")
    with pytest.raises(UnsupportedError):
        make_box("5.1.0").set_option([KEY], "comment", "x")
    with pytest.raises(UnsupportedError):
        make_box("4.5.2").add_web_seeds(KEY, ["http://seed/"])
    box = make_box("5.3.0")
    box.set_option([KEY], "comment", "  x ")
    assert box.torrents[KEY].comment == "x"


def test_a_toggle_inverts() -> None:
    box = make_box()
    for state in (True, False):
        box.toggle_option([KEY], "sequential")
        assert box.torrents[KEY].options.sequential is state


@pytest.mark.parametrize("force", [True, False])
def test_either_value_of_a_forced_start_starts_a_stopped_torrent(force: bool) -> None:
    box = make_box(stopped=True)
    box.set_option([KEY], "force_start", force)
    torrent = box.torrents[KEY]
    assert (torrent.stopped, torrent.state, torrent.options.force_start) == (False, "metaDL", force)


def test_links_with_the_same_spelling_are_added_once() -> None:
    box = make_box()
    box.add_trackers([KEY], ["http://a/announce"])
    box.add_trackers([KEY], ["http://a/announce", "http://A/announce"])
    box.add_web_seeds(KEY, ["http://seed/"])
    box.add_web_seeds(KEY, ["http://seed/"])
    assert box.torrents[KEY].links == (
        "&tr=http%3A%2F%2Fa%2Fannounce&tr=http%3A%2F%2FA%2Fannounce&ws=http%3A%2F%2Fseed%2F"
    )


@pytest.mark.parametrize(("version", "requests"), [("5.1.0", 2), ("5.3.0", 1)])
def test_files_take_a_request_for_each_torrent_before_5_2(version: str, requests: int) -> None:
    box = MemoryInstance(version)
    for letter in "ab":
        torrent = make_live_torrent({"hash": letter, "files": ["normal x.mkv"]})
        box.torrents[torrent.id] = torrent
    assert set(box.read_files(list(box.torrents))) == set(box.torrents)
    assert box.request_count == requests


def test_a_priority_needs_a_torrent_with_such_a_file() -> None:
    box = make_box()
    for key, indexes, status in (("f" * 40, [0], 404), (KEY, [0], 409)):
        with pytest.raises(RejectedError) as caught:
            box.set_file_priority(key, indexes, Priority.SKIP)
        assert caught.value.http_status == status
    torrent = make_live_torrent({"hash": "a", "files": ["normal x.mkv", "normal y.mkv"]})
    box.torrents[torrent.id] = torrent
    box.set_file_priority(torrent.id, [1], Priority.SKIP)
    files = box.torrents[torrent.id].files
    assert files is not None
    assert [file.priority for file in files] == [Priority.NORMAL, Priority.SKIP]
    with pytest.raises(RejectedError):
        box.set_file_priority(torrent.id, [2], Priority.SKIP)


def test_automatic_management_moves_to_the_category_and_clears_the_download_path() -> None:
    box = make_box()
    box.create_category("films", "/films")
    box.set_category([KEY], "films")
    box.set_option([KEY], "download_path", "/incomplete/")
    assert box.torrents[KEY].options.download_path == "/incomplete"
    box.set_option([KEY], "auto_tmm", True)
    torrent = box.torrents[KEY]
    assert (torrent.save_path, torrent.options.download_path) == ("/films", "")
    box.set_option([KEY], "download_path", "/incomplete")
    assert box.torrents[KEY].options.download_path == "", "ignored under automatic management"
