"""The number of other seeds and the shared amount, from a row of torrents/info."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.snapshot import SharedAmount
from reconciler.qbittorrent.convert import convert_torrents, count_other_seeds
from reconciler.qbittorrent.schemas import TORRENT_ROWS_ADAPTER
from tests.support.instances import OPTIONS_ROW

ROW = {
    "hash": "a" * 40,
    "name": "a",
    "state": "stalledUP",
    "category": "",
    "tags": "",
    "save_path": "/d",
    "auto_tmm": False,
    "progress": 1.0,
    "size": 9,
    **OPTIONS_ROW,
}


@pytest.mark.parametrize(
    ("values", "seeds"),
    [
        ({}, 0),
        ({"num_complete": 0, "num_seeds": 0}, 0),
        ({"num_complete": 1, "tracker": "http://t"}, 0),  # this torrent itself
        ({"num_complete": 1, "tracker": ""}, 1),  # a peer: no tracker counts this torrent
        ({"num_complete": 4, "num_seeds": 1, "tracker": "http://t"}, 3),
        ({"num_complete": 1, "tracker": "http://t", "progress": 0.5}, 1),
        ({"num_complete": -1, "num_seeds": 2}, 2),
        ({"num_complete": 3, "progress": None}, 3),
    ],
)
def test_other_seeds_are_counted(values: dict[str, Any], seeds: int) -> None:
    (row,) = TORRENT_ROWS_ADAPTER.validate_python([ROW | values])
    assert count_other_seeds(row) == seeds


@pytest.mark.parametrize(
    ("values", "shared"),
    [
        ({"ratio": 1.5, "seeding_time": 90, "max_ratio": 2, "max_seeding_time": 60}, SharedAmount(1.5, 90, 2, 60)),
        ({"ratio": 1.5, "max_ratio": None}, SharedAmount(1.5, None, -1, -1)),
        ({"ratio": None}, None),
        ({}, None),
    ],
)
def test_the_shared_amount_is_read_of_complete_torrents_that_are_stopped(
    values: dict[str, Any], shared: SharedAmount | None
) -> None:
    for state, expected in (("stoppedUP", shared), ("pausedUP", shared), ("uploading", None), ("stoppedDL", None)):
        rows = TORRENT_ROWS_ADAPTER.validate_python([ROW | values | {"state": state}])
        (torrent,) = convert_torrents(rows, ())
        assert torrent.shared == expected


@pytest.mark.parametrize(
    ("values", "is_shown"),
    [
        ({"progress": 0.5}, True),
        ({"progress": 1.0}, False),
        ({"size": 0, "progress": 0.0}, False),  # every file is skipped
        ({"size": 0, "total_size": -1, "progress": 0.0}, True),  # no metadata yet
    ],
)
def test_old_servers_show_the_order_of_pieces_only_while_there_is_something_to_download(
    values: dict[str, Any], is_shown: bool
) -> None:
    row = ROW | {"total_size": 9, "f_l_piece_prio": False} | values
    old, new = TORRENT_ROWS_ADAPTER.validate_python([row, row | {"infohash_v1": "a" * 40}])
    (shown_by_old,), (shown_by_new,) = convert_torrents([old], ()), convert_torrents([new], ())
    assert shown_by_old.options.first_last_piece_first is (False if is_shown else None)
    assert shown_by_new.options.first_last_piece_first is False


def test_torrents_with_equal_values_share_options_only_if_these_mean_the_same() -> None:
    row = ROW | {"total_size": 9, "f_l_piece_prio": False}
    rows = [row, row | {"progress": 0.5}, row | {"infohash_v1": "a" * 40}, row | {"download_path": "/t/"}, row]
    first, *others = [torrent.options for torrent in convert_torrents(TORRENT_ROWS_ADAPTER.validate_python(rows), ())]
    assert [options.first_last_piece_first for options in (first, *others)] == [None, False, False, None, None]
    assert [options.download_path for options in (first, *others)] == [None, None, None, "/t", None]
    assert others[-1] is first


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"progress": None, "size": -1}, (0.0, 0, 5)),
        ({"progress": -1.0, "size": 0}, (0.0, 0, 0)),
        ({"progress": 0.25}, (0.25, 9, 0)),
        ({"progress": 1.5}, (1.0, 9, 0)),
    ],
)
def test_progress_and_size_are_within_their_bounds(values: dict[str, Any], expected: tuple[float, int, int]) -> None:
    rows = TORRENT_ROWS_ADAPTER.validate_python([ROW | {"added_on": 5} | values])
    (torrent,) = convert_torrents(rows, ())
    assert (torrent.progress, torrent.size, torrent.added_on) == expected


def test_metadata_is_overdue_after_ten_minutes_of_running() -> None:
    for state, seconds, expected in (
        ("metaDL", 600, True),
        ("forcedMetaDL", 700, True),
        ("metaDL", 599, False),
        ("stalledDL", 900, False),
    ):
        rows = TORRENT_ROWS_ADAPTER.validate_python([ROW | {"state": state, "time_active": seconds}])
        (torrent,) = convert_torrents(rows, ())
        assert torrent.is_metadata_overdue is expected
