"""Lines that fit a terminal."""

from __future__ import annotations

import pytest

from reconciler.report.text.layout import fit_line, fit_lines, shorten_text
from reconciler.report.text.lines import BREAK, HANG, Line, Style, make_line, measure_width, render_plain
from reconciler.report.text.problems import render_diff

ENTRY = make_line(
    ("  ~ update    ", Style.CHANGE),
    "08ada5a7e1  ",
    HANG,
    ("debian-12.5.0-amd64-netinst.iso", Style.NAME),
    " " * 13,
    ("   drifted · desired.yaml:12:5", Style.DIM),
)
FIELDS = make_line(
    " " * 26, BREAK, "category: linux", BREAK, " · tags: iso, stable", BREAK, " · save_path: /data/linux"
)
SENTENCE = make_line(
    "  ", ("error: ", Style.BAD), "the server at http://10.0.0.5:8080 does not answer. Is it running there?"
)


def fit(line: Line, width: int) -> list[str]:
    """Return the line for a terminal as text."""
    return [render_plain(shown) for shown in fit_line(line, width)]


def test_a_line_that_fits_is_not_changed() -> None:
    assert list(fit_lines([ENTRY], 200)) == [ENTRY]
    assert list(fit_lines([ENTRY], None)) == [ENTRY], "in a pipe nothing is broken"


def test_a_field_that_does_not_fit_is_below_the_field_before_it() -> None:
    assert fit(ENTRY, 80) == [
        "  ~ update    08ada5a7e1  debian-12.5.0-amd64-netinst.iso",
        " " * 26 + "drifted · desired.yaml:12:5",
    ]


def test_each_declared_field_has_a_line_where_they_do_not_fit_together() -> None:
    assert fit(FIELDS, 100) == [" " * 26 + "category: linux · tags: iso, stable · save_path: /data/linux"]
    assert fit(FIELDS, 80) == [
        " " * 26 + "category: linux",
        " " * 28 + "tags: iso, stable",
        " " * 28 + "save_path: /data/linux",
    ]


def test_a_sentence_is_broken_between_words_with_a_hanging_indent() -> None:
    assert fit(SENTENCE, 50) == [
        "  error: the server at http://10.0.0.5:8080 does",
        "    not answer. Is it running there?",
    ]


def test_a_sentence_stays_beside_its_label() -> None:
    line = make_line("  declared  ", HANG, "absent: the torrent should not be here, and is deleted with its data")
    assert fit(line, 50) == [
        "  declared  absent: the torrent should not be",
        "            here, and is deleted with its data",
    ]


def test_an_indent_gets_smaller_on_a_narrow_terminal() -> None:
    assert fit(ENTRY, 40) == [
        "  ~ update    08ada5a7e1",
        "      debian-12.5.0-amd64-netinst.iso",
        "      drifted · desired.yaml:12:5",
    ]
    assert fit(FIELDS, 40) == ["    category: linux", "      tags: iso, stable", "      save_path: /data/linux"]


def test_paths_and_hashes_are_never_broken() -> None:
    path = "/srv/torrents/" + "very-long-name/" * 4
    for width in (20, 40, 60, 80):
        lines = fit(make_line(" " * 26, f"save_path: {path} → {path}"), width)
        assert sum(path in line for line in lines) == 2
    assert fit(make_line(" " * 26, f"save_path: {path}"), 78)[1] == f"    {path}", "a smaller indent, so that it fits"


def test_an_arrow_stays_with_the_new_value() -> None:
    line = make_line(" " * 26, "save_path: /data/complete/films → /data/complete/series")
    assert fit(line, 80) == [" " * 26 + "save_path: /data/complete/films", " " * 28 + "→ /data/complete/series"]


def test_text_to_copy_is_never_broken() -> None:
    line = make_line(("reconcile --accept-plan sha256:" + "ab" * 32, Style.COPY))
    assert list(fit_line(line, 40)) == [line]


def test_lines_of_a_diff_stay_as_they_are() -> None:
    before, after = "version: 1\n", "version: 1\n# " + "a long comment " * 9 + "\n"
    lines = list(render_diff("desired.yaml", before, after))
    assert list(fit_lines(lines, 40)) == lines


def test_a_rule_and_a_long_name_are_cut() -> None:
    assert fit(make_line(("─" * 72, Style.RULE)), 40) == ["─" * 40]
    assert fit(make_line("  ", HANG, ("a" * 50 + "b" * 50, Style.NAME)), 40) == ["  " + "a" * 25 + "…" + "b" * 12]


def test_colours_survive() -> None:
    first, second = fit_line(make_line(("aaaa bbbb", Style.BAD), (" cccc dddd", Style.DIM)), 12)
    assert first == (("aaaa bbbb", Style.BAD),)
    assert second == (("  ", Style.PLAIN), ("cccc dddd", Style.DIM))


@pytest.mark.parametrize("width", [20, 40, 60, 80])
@pytest.mark.parametrize(
    "line", [ENTRY, FIELDS, SENTENCE, make_line("  ", "进击 的 巨人 🎬 " * 9), make_line(" " * 90)]
)
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(line: Line, width: int) -> None:
    lines = fit(line, width)
    assert max(map(measure_width, lines)) <= width or width == 20, "20 columns have no room for a path"
    words = " ".join(lines).replace("·", "").split()
    if width >= 60:
        assert words == render_plain(line).replace("·", "").split()


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("debian.iso", 10, "debian.iso"),
        ("debian-12.iso", 10, "debian…iso"),
        ("进击的巨人", 7, "进击…人"),
        ("e\u0301" * 9, 5, "e\u0301" * 3 + "…" + "e\u0301"),
        ("abc", 2, "a…"),
    ],
)
def test_a_name_keeps_both_ends(text: str, width: int, expected: str) -> None:
    assert shorten_text(text, width) == expected
    assert measure_width(shorten_text(text, width)) <= width
