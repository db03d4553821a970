"""Lines of styled text, and tables of them."""

from __future__ import annotations

import io

import pytest

from reconciler.report.text.lines import (
    Line,
    Style,
    make_line,
    measure_width,
    pad_text,
    render_plain,
    render_table,
    write_lines,
)


def test_symbols_are_ascii_if_the_stream_cannot_encode_them() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace")
    write_lines([make_line("a → b · … ", ("é", Style.DIM))], stream, colour=False)
    stream.flush()
    assert raw.getvalue() == b"a -> b - ... \\xe9\n"


@pytest.mark.parametrize(("text", "width"), [("", 0), ("abc", 3), ("进击", 4), ("é", 1), ("e\u0301", 1), ("ＡＢ", 4)])
def test_wide_characters_take_two_columns_and_combining_ones_none(text: str, width: int) -> None:
    assert measure_width(text) == width


def test_padding_counts_columns_and_never_cuts() -> None:
    assert pad_text("进", 4) == "进  "
    assert pad_text("abc", 2) == "abc"
    assert pad_text("a\n", 6) == "a\\x0a ", "an escape counts as it is shown"


def test_a_plain_line_has_no_trailing_spaces_and_begins_no_workflow_command() -> None:
    assert render_plain(make_line("a", ("b", Style.BAD), "  ")) == "ab"
    assert render_plain(make_line("  ", ("::error::x", Style.BAD))) == "  \\x3a:error::x"
    assert render_plain(()) == ""


def test_colours_are_written_only_if_wanted() -> None:
    lines: list[Line] = [make_line("a ", ("b\x1b[2J", Style.STRONG), "  "), make_line("x" * 300)]
    plain, coloured = io.StringIO(), io.StringIO()
    write_lines(lines, plain, colour=False)
    write_lines(lines, coloured, colour=True)
    assert plain.getvalue() == "a b\\x1b[2J\n" + "x" * 300 + "\n"
    assert coloured.getvalue() == "a \x1b[1mb\\x1b[2J\x1b[0m\n" + "x" * 300 + "\n"


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
