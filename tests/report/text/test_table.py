"""Tables, as wide as they must be and on terminals."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.report.text.lines import Span, Style, measure_width, render_plain
from reconciler.report.text.table import TableFit, render_table

TITLES = ("", "torrent", "done", "up", "ratio", "reason")
NUMBERS = ("done", "up", "ratio")
FIT = TableFit(below=("reason",), names="torrent", expendable=("ratio", "up", "done"))


def make_row(*texts: str) -> list[Span]:
    """Return cells without colours."""
    return [(text, Style.PLAIN) for text in texts]


def render(rows: Sequence[Sequence[Span]], width: int | None, fit: TableFit | None = FIT) -> list[str]:
    """Return the table as text."""
    return [render_plain(line) for line in render_table(TITLES, rows, NUMBERS, width, fit)]


def test_a_table_has_aligned_columns_and_numbers_on_the_right() -> None:
    rows = [
        [("进击", Style.PLAIN), ("5", Style.PLAIN), ("z", Style.PLAIN)],
        [("b", Style.PLAIN), ("1,200", Style.PLAIN), ("z", Style.PLAIN)],
    ]
    assert [render_plain(line) for line in render_table(("name", "size", ""), rows, {"size"})] == [
        "name   size",
        "进击      5  z",
        "b     1,200  z",
    ]


def test_a_cell_wider_than_48_columns_shifts_only_its_own_row() -> None:
    rows = [[("x" * 60, Style.PLAIN), ("z", Style.PLAIN)], [("y", Style.PLAIN), ("z", Style.PLAIN)]]
    _, wide, narrow = (render_plain(line) for line in render_table(("name", ""), rows, ()))
    assert (wide.index("z"), narrow.index("z")) == (62, 50)


def test_a_row_with_a_cell_too_many_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        list(render_table(("name",), [[("a", Style.PLAIN), ("b", Style.PLAIN)]], ()))


ROWS = [
    make_row("=", "debian-12.5.0-amd64-netinst.iso", "100 %", "-", "1.50", ""),
    make_row("!", "进击的巨人", "50 %", "-", "0.10", "its files are missing"),
]


def test_a_table_that_fits_is_not_changed() -> None:
    assert render(ROWS, 75) == render(ROWS, None)
    assert measure_width(render(ROWS, None)[2]) == 75


def test_sentences_move_below_their_row_and_empty_columns_go_first() -> None:
    assert render(ROWS, 60) == [
        "   torrent                           done  ratio",
        "=  debian-12.5.0-amd64-netinst.iso  100 %   1.50",
        "!  进击的巨人                        50 %   0.10",
        "    reason  its files are missing",
    ]


def test_names_are_cut_in_the_middle_before_other_columns_go() -> None:
    assert render(ROWS, 44)[:2] == [
        "   torrent                       done  ratio",
        "=  debian-12.5.0-amd6…inst.iso  100 %   1.50",
    ]


def test_the_least_important_columns_go_first_and_names_stay_readable() -> None:
    assert render(ROWS, 36)[:2] == ["   torrent                      done", "=  debian-12.5.0-amd…inst.iso  100 %"]
    assert render(ROWS, 20)[:2] == ["   torrent", "=  debian-12.5…t.iso"]
    assert render(ROWS, 5)[1] == "=  debian-1…iso"


@pytest.mark.parametrize("width", range(20, 90))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(measure_width(line) for line in render(ROWS, width) if "missing" not in line) <= width


def test_without_rules_a_table_only_loses_empty_columns() -> None:
    assert render(ROWS, 20, None)[0] == "   torrent                           done  ratio  reason"
