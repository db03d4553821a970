"""`reconcile status` as text."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reconciler.model.run import Status
from reconciler.model.status import (
    FIRST_PAGE,
    InstanceStatus,
    Pagination,
    StatusReport,
    TorrentFilter,
)
from reconciler.report.text.lines import measure_width, render_plain
from reconciler.report.text.status import format_duration, format_rate, progress_text, render_status
from tests.support.status_rows import (
    MIXED_TORRENTS,
    make_many_torrents,
    make_status_report,
    make_status_row,
    make_transfer,
)


def text(status: StatusReport, page: Pagination = FIRST_PAGE, width: int | None = None) -> list[str]:
    """The lines after the table of the instances."""
    lines = [render_plain(line) for line in render_status(status, page, width)]
    return lines[lines.index("") + 1 :]


def test_the_table_of_the_instances() -> None:
    down = InstanceStatus("attic", "http://attic:8080", Status.UNREACHABLE, "connection refused", declared=1)
    home = InstanceStatus("home", "http://home:8080", Status.OK, None, "v5.1.0", "2.11.4", 1_203, 1_200, 3, 3, 1, 1)
    assert [render_plain(line) for line in render_status(StatusReport((down, home), (), 1))] == [
        "instance  status       qBittorrent  torrents  owned  declared  missing  drifted  address",
        "attic     unreachable  -                   -      -         1        -        -  http://attic:8080",
        "home      ok           v5.1.0          1,203  1,200         3        1        1  http://home:8080",
        "  attic: connection refused",
        "",
        "No torrents are declared here",
    ]


def test_torrents_that_need_attention_come_first_then_those_in_progress() -> None:
    *lines, gap, last = text(MIXED_TORRENTS)
    assert gap == ""
    assert last.split(": ") == [
        "6 declared torrents",
        "1 downloading, 1 seeding, 1 stopped, 1 error, 1 missing, 1 unknown · down 1.2 MiB/s · up 2.0 KiB/s",
    ]
    cells = [re.split("  +", line) for line in lines]
    assert [" | ".join(row_cells[:9]) for row_cells in cells] == [
        " | torrent | instance | state | done | ETA | down | up | ratio",
        "~ | 进击的巨人 | home | missing | - | - | - | - | -",
        "! | lost | home | error | 50 % | - | - | - | -",
        "? | x\\x1b[2J | attic | unknown | - | - | - | - | -",
        "= | half | home | downloading | 50 % | 1h1m | 1.2 MiB/s | - | 0.00",
        "= | done | home | seeding | 100 % | - | - | 2.0 KiB/s | 1.50",
        "= | paused | home | stopped | 50 % | - | - | - | 0.00",
    ]
    assert [" | ".join(row_cells[9:]) for row_cells in cells] == [
        "size | infohash | reason",
        "- | 0000000004 | not on the instance",
        "1.0 KiB | 0000000005 | its files are missing; tags differ",
        "- | 0000000006 | its instance could not be read",
        "1.0 KiB | 0000000002",
        "2.0 GiB | 0000000001",
        "1.0 KiB | 0000000003",
    ]
    assert len({measure_width(line[: line.index("0000000")]) for line in lines[1:]}) == 1, "the column is not aligned"


def test_a_selection_is_counted() -> None:
    assert text(MIXED_TORRENTS.filter_torrents(TorrentFilter(("linux",))))[-1] == (
        "1 of 6 declared torrents: 1 downloading · down 1.2 MiB/s"
    )
    assert text(MIXED_TORRENTS.filter_torrents(TorrentFilter(("none",)))) == [
        "None of the 6 declared torrents is selected"
    ]


PAGES = [
    (Pagination(), 50, "… and 9,950 more: 9,940 seeding, 10 stopped", "--offset 50 "),
    (Pagination(0, 3), 3, "… and 9,997 more: 9,987 seeding, 10 stopped", "--offset 3 "),
    (Pagination(50), 50, "… and 9,900 more: 9,890 seeding, 10 stopped", "--offset 100 "),
    (Pagination(9_985, 10), 10, "… and 5 more: 5 stopped", "--offset 9995 "),
    (Pagination(9_995, 10), 5, "=  t9999", ""),
    (Pagination(10_000), 0, "No torrents from --offset 10000 on", ""),
    (Pagination(0, 20_000), 10_000, "=  t9999", ""),
]


@pytest.mark.parametrize(("page", "count", "last", "hint"), PAGES)
def test_ten_thousand_torrents_stay_readable(page: Pagination, count: int, last: str, hint: str) -> None:
    lines = text(make_many_torrents(), page)
    assert lines[-2:] == ["", "10,000 declared torrents: 9,990 seeding, 10 stopped"]
    assert sum(line.startswith("=") for line in lines) == count
    assert lines[-3].startswith(last)
    assert hint in lines[-3]


LONG_NAMES = make_status_report(
    make_status_row(1, name="进" * 60, transfer=make_transfer(eta=5, ratio=1, down=1_258_291, up=1_258_291)),
    make_status_row(2, "missing", in_sync=False, reason="not on the instance, because it was deleted by another tool"),
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_names_and_columns_give_way_to_the_width_of_the_terminal(width: int) -> None:
    titles, missing, reason, name, *_ = text(LONG_NAMES, width=width)
    assert max(map(measure_width, (titles, name, missing))) <= width
    assert "…" in name
    assert ("done" in titles, "down" in titles, "ratio" in titles) == (width >= 40, width >= 60, width >= 100)
    assert reason == "    reason  not on the instance, because it was deleted by another tool" or width == 200
    assert "…" not in "".join(text(LONG_NAMES))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (200, "3m20s"),
        (3600, "1h"),
        (3605, "1h"),
        (7_440, "2h4m"),
        (183_600, "2d3h"),
    ],
)
def test_durations(seconds: int, expected: str) -> None:
    assert format_duration(seconds) == expected


@pytest.mark.parametrize(
    ("rate", "expected"), [(0, "0 B/s"), (1, "1 B/s"), (1023, "1023 B/s"), (1024, "1.0 KiB/s"), (5 << 30, "5.0 GiB/s")]
)
def test_rates(rate: int, expected: str) -> None:
    assert format_rate(rate) == expected


PROGRESS = [
    ((), "0 of 0 complete"),
    ((make_status_row(1),), "1 of 1 complete · 100 % of 1.0 KiB"),
    ((make_status_row(1, "metaDL", size=0, progress=0.0),), "0 of 1 complete · 1 metadata"),
    (
        (
            make_status_row(1),
            make_status_row(2, "downloading", transfer=make_transfer(down=256)),
            make_status_row(3, "stalledDL"),
            make_status_row(4, "unknown"),
        ),
        "1 of 4 complete · 66 % of 3.0 KiB · 256 B/s · 4s to go · 1 downloading, 1 stalled, 1 unknown",
    ),
]


@pytest.mark.parametrize(("rows", "expected"), PROGRESS)
def test_progress_text(rows: tuple[Any, ...], expected: str) -> None:
    assert progress_text(rows) == expected
