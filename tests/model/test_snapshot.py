"""Facts that follow from a live torrent and from a snapshot."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.infohash import InfoHashes
from reconciler.model.secret import Secret
from reconciler.model.snapshot import LiveTorrent, SharedAmount, Snapshot


def make_torrent(**values: Any) -> LiveTorrent:
    """Return a running torrent with these values."""
    values = {"stopped": False, "state": "uploading", **values}
    return LiveTorrent("a" * 40, InfoHashes("a" * 40), "T", **values)


def test_bytes_on_disk_are_the_selected_size_by_progress() -> None:
    assert make_torrent(size=1000, progress=0.25).bytes_on_disk == 250
    assert make_torrent(size=0, progress=1.0).bytes_on_disk == 0


def test_a_torrent_seeds_while_it_runs_with_all_its_selected_data() -> None:
    assert make_torrent(size=1, progress=1.0).is_seeding
    assert not make_torrent(size=1, progress=0.999).is_seeding
    assert not make_torrent(size=1, progress=1.0, stopped=True).is_seeding
    assert not make_torrent(size=0, progress=1.0).is_seeding


def test_the_states_that_forbid_a_change_of_path_or_a_start() -> None:
    assert make_torrent(state="moving").is_moving
    assert make_torrent(state="missingFiles").has_missing_files
    uploading = make_torrent(state="uploading")
    assert not uploading.is_moving
    assert not uploading.has_missing_files


@pytest.mark.parametrize(
    ("web_api", "paths", "expected"),
    [
        ("2.11.4", ("relative", "D:/data"), True),
        ("2.11.4", ("/data", "D:/data"), False),
        ("2.5.1", ("D:/data",), None),  # before 4.4, it can stand on Linux
        ("2.5.1", ("D:/data", "/data"), False),
        ("2.11.4", (), None),
    ],
)
def test_the_platform_shows_in_the_save_paths(web_api: str, paths: tuple[str, ...], expected: bool | None) -> None:
    torrents = tuple(make_torrent(save_path=path) for path in paths)
    assert Snapshot("v5", web_api, torrents).is_on_windows is expected


def test_the_default_save_path_shows_the_platform_before_the_torrents() -> None:
    torrents = (make_torrent(save_path="/data"),)
    assert Snapshot("v5", "2.5.1", torrents, default_save_path="C:/d").is_on_windows is True
    assert Snapshot("v5", "2.5.1", torrents, preferences={"save_path": "C:/d"}).is_on_windows is True
    assert Snapshot("v5", "2.5.1", torrents, preferences={"save_path": Secret("C:/d")}).is_on_windows is False
    assert Snapshot("v5", "2.5.1", torrents, default_save_path="relative").is_on_windows is False


def test_web_api_versions_compare_as_numbers() -> None:
    assert Snapshot("v5", "2.11.4").api_version == (2, 11, 4)
    assert Snapshot("v5", "2.11").api_version > Snapshot("v4", "2.9.3").api_version
    with pytest.raises(ValueError, match="invalid literal"):
        _ = Snapshot("v5", "two").api_version


def test_a_check_hides_the_stop_intent_unless_it_is_known_from_before() -> None:
    checked = make_torrent(state="checkingUP")
    assert checked.is_stop_intent_hidden
    assert checked.is_meant_stopped is None
    assert make_torrent(state="checkingUP", stopped_before_check=True).is_meant_stopped is True
    assert make_torrent(state="checkingUP", stopped_before_check=False).is_meant_stopped is False
    stopped = make_torrent(state="checkingDL", stopped=True)  # the server says so itself
    assert not stopped.is_stop_intent_hidden
    assert stopped.is_meant_stopped is True
    assert make_torrent(state="moving").is_meant_stopped is False


@pytest.mark.parametrize(
    ("shared", "ratio", "seeding_time", "expected"),
    [
        ((1.0, 60, -1, -1), 1.0, None, True),
        ((1.999, 60, -1, -1), 2.0, None, True),  # the server truncates
        ((1.99, 60, -1, -1), 2.0, None, False),
        ((-1.0, 60, -1, -1), 2.0, None, True),  # more than it can show
        ((0.0, 60, -1, -1), 0.0, None, True),
        ((9.0, 60, -1, -1), -1, -2, False),
        ((0.0, 120, -1, -1), None, 2, True),
        ((0.0, 119, -1, -1), None, 2, False),
        ((0.0, None, -1, -1), None, 2, False),
    ],
)
def test_a_share_limit_is_reached_by_the_ratio_or_the_time(
    shared: tuple[float, int | None, float, int], ratio: float | None, seeding_time: int | None, expected: bool
) -> None:
    assert SharedAmount(*shared).has_reached(ratio, seeding_time) is expected


def test_a_torrent_is_at_the_limit_that_applies_to_it() -> None:
    assert SharedAmount(1.0, 0, 1.0, -1).is_at_limit
    assert SharedAmount(0.5, 600, 1.0, 10).is_at_limit
    assert not SharedAmount(9.0, 600, -1, -1).is_at_limit


@pytest.mark.parametrize(
    ("content_path", "root"),
    [
        ("/data/Film", "/data/Film"),
        ("/data/Film/film.mkv", "/data/Film"),  # a folder with one file
        ("/data/Film/sub/film.mkv", "/data/Film"),
        ("/incomplete/Film/film.mkv", "/incomplete/Film/film.mkv"),
        ("/data", "/data"),
        ("", ""),
    ],
)
def test_the_content_is_a_file_or_folder_in_the_save_path(content_path: str, root: str) -> None:
    assert make_torrent(save_path="/data", content_path=content_path).content_root == root


V2_TORRENT = LiveTorrent("b" * 40, InfoHashes(None, "b" * 64), "T", False, "uploading")


@pytest.mark.parametrize(
    ("web_api", "libtorrent", "torrents", "expected"),
    [
        ("2.8.2", "2.0.9", (), False),
        ("2.8.2", "", (), False),
        ("2.11.4", "1.2.20.0", (), False),
        ("2.11.4", "2.0.11.0", (), True),
        ("2.11.4", "", (), None),
        ("2.11.4", "", (V2_TORRENT,), True),
    ],
)
def test_v2_is_known_by_the_versions_or_by_a_torrent_that_has_it(
    web_api: str, libtorrent: str, torrents: tuple[LiveTorrent, ...], expected: bool | None
) -> None:
    assert Snapshot("v5", web_api, torrents, libtorrent=libtorrent).supports_v2 is expected
