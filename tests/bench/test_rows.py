"""The lines that the bench prints."""

from __future__ import annotations

from bench.rows import compare_medians


def test_a_ratio_of_medians_says_how_much_the_turns_differ() -> None:
    assert compare_medians([4.0, 9.0, 3.0], [2.0, 3.0, 2.5]) == ("4.00 s / 2.50 s raw = 1.60 (1.20 to 3.00)", 1.6)


def test_measurements_without_turns_have_only_a_ratio() -> None:
    assert compare_medians([3.0], [2.0]) == ("3.00 s / 2.00 s raw = 1.50", 1.5)
    assert compare_medians([3.0, 3.0], [2.0]) == ("3.00 s / 2.00 s raw = 1.50", 1.5)
