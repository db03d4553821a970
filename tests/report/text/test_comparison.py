"""A comparison as text."""

from __future__ import annotations

from reconciler.report.text.comparison import render_comparison
from reconciler.report.text.lines import render_plain
from tests.support.example_comparisons import COMPARISON, EMPTY


def test_every_part_is_shown_and_no_size() -> None:
    lines = [" ".join(render_plain(line).split()) for line in render_comparison(COMPARISON)]
    assert lines == [
        "settings",
        "quarantine: (not declared) → 7d",
        "",
        "box REFUSED by the guard: a run would change nothing here",
        "guard: 11 deletions are more than max_delete 10",
        "",
        "attic no longer declared: its 3 torrents stay as they are",
        "home 2 changes 12 torrents before",
        "~ update 08ada5a7a6 Sintel paused differs · new.yaml:3:5",
        "paused: (not declared) → true",
        "- delete dd8255ecdc Bunny no longer declared · old.yaml:7:5",
        "without effect on what is there:",
        "Sintel category: films → (not declared): no longer declared: it stays as it is",
        "",
        "0 to add, 1 to change, 1 to delete, 10 unchanged, 1 instance refused by the guard",
    ]


def test_equal_states_are_one_line() -> None:
    assert [render_plain(line) for line in render_comparison(EMPTY)] == ["No difference: both declare the same"]
