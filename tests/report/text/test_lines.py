"""Lines of styled text."""

from __future__ import annotations

import io
import re

import pytest

from reconciler.report.text.lines import (
    Line,
    Style,
    make_line,
    measure_width,
    pad_text,
    render_plain,
    write_lines,
)


def test_symbols_are_ascii_if_the_stream_cannot_encode_them() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace")
    write_lines([make_line("a → b · … ", ("é", Style.DIM))], stream, colour=False)
    stream.flush()
    assert raw.getvalue() == b"a -> b - ... \\xe9\n"


WIDTHS = [
    ("", 0),
    ("abc", 3),
    ("进击", 4),
    ("é", 1),
    ("e\u0301", 1),
    ("ＡＢ", 4),
    ("🎬", 2),
    ("👩\u200d🚀", 4),
    ("♥\ufe0f", 1),
    ("\u1112\u1161\u11ab", 2),
]


@pytest.mark.parametrize(("text", "width"), WIDTHS)
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


@pytest.mark.parametrize("style", Style)
def test_colours_are_readable_on_a_light_and_on_a_dark_background(style: Style) -> None:
    stream = io.StringIO()
    write_lines([make_line(("x", style))], stream, colour=True)
    codes = set(re.findall(r"\d+", stream.getvalue()))
    assert not codes & {"90", "91", "92", "93", "94", "95", "96", "97"}, "a bright colour"
    assert "37" not in codes or "41" in codes, "white without a background of its own"
    assert not ("1" in codes and codes & {"32", "33", "36"}), "bold makes it bright on some terminals"
