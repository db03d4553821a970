"""Rates, times and ratios in words."""

from __future__ import annotations

import pytest

from reconciler.model.units import minutes_text, rate_text, ratio_text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0, "unlimited"),
        (1, "1 B/s"),
        (1023, "1023 B/s"),
        (1024, "1 KiB/s"),
        (5000, "5 kB/s"),
        (5 * 1024**2, "5 MiB/s"),
        (1_000_000, "1 MB/s"),
        (1_024_000, "1000 KiB/s"),
        (2 * 1024**4, "2048 GiB/s"),
    ],
)
def test_a_rate_is_in_the_largest_unit_that_leaves_a_whole_number(rate: int, text: str) -> None:
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(-2, "global"), (-1, "unlimited"), (0, "0m"), (59, "59m"), (90, "1h30m"), (20_160, "14d"), (1501, "1d1h1m")],
)
def test_a_time_limit_has_days_hours_and_minutes(minutes: int, text: str) -> None:
    assert minutes_text(minutes) == text


@pytest.mark.parametrize(("ratio", "expected"), [(-2.0, "global"), (-1, "unlimited"), (2.0, 2), (0.0, 0), (1.25, 1.25)])
def test_a_ratio_has_no_needless_decimals(ratio: float, expected: str | float) -> None:
    text = ratio_text(ratio)
    assert (type(text), text) == (type(expected), expected)
