"""The geometry of plots: their window in time, and their axes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.web.pages.plots import CountScale, DurationScale, Span, Window, draw_bar, duration_text

NOW = datetime(2026, 11, 29, 12, 10, tzinfo=UTC)


def at(hours: float) -> datetime:
    """Return the time so many hours before now."""
    return NOW - timedelta(hours=hours)


@pytest.mark.parametrize("span", Span)
def test_a_window_ends_with_the_bucket_of_now_and_its_buckets_stay_where_they_are(span: Span) -> None:
    window, later = Window.ending_at(NOW, span), Window.ending_at(NOW + timedelta(seconds=30), span)
    assert window.find_bucket(NOW) == window.count - 1
    assert window.begin == later.begin
    assert window.scale(window.begin) == 0 and window.scale(at(99999)) == 0 and window.scale(at(-9999)) == 100


def test_bars_are_side_by_side_up_to_the_edge() -> None:
    window = Window.ending_at(NOW, Span.DAY)
    first, second = draw_bar(0, window, 40, "done"), draw_bar(1, window, 40, "done")
    last = draw_bar(window.count - 1, window, 40, "done")
    assert (first.x, first.y, first.height) == (0, 60, 40)
    assert first.x + first.width < second.x
    assert 99.5 < last.x + last.width <= 100


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (0, ["2", "1"]),
        (1, ["2", "1"]),
        (7, ["8", "4"]),
        (20, ["20", "10"]),
        (21, ["100", "10", "1"]),
        (10_000, ["10,000", "100", "1"]),
        (10_001, ["100,000", "1,000", "10"]),
    ],
)
def test_the_axis_of_a_number_is_logarithmic_where_it_is_large(most: int, labels: list[str]) -> None:
    scale = CountScale(most)
    assert [label for _, label in scale.make_gridlines()] == labels
    heights = [scale.measure(value) for value in (0, 1, max(1, most))]
    assert heights == sorted(heights) and heights[0] > 0 and heights[-1] <= 88


@pytest.mark.parametrize(
    ("lengths", "labels"),
    [
        ([], ["1 min", "10 s", "1 s"]),
        ([0.2], ["10 s", "1 s"]),
        ([30, 30], ["1 min", "10 s"]),
        ([2, 5000], ["6 h", "10 min", "10 s"]),
        ([9e9], ["400 d", "30 d"]),
    ],
)
def test_the_axis_of_time_is_logarithmic(lengths: list[float], labels: list[str]) -> None:
    scale = DurationScale(lengths)
    assert [label for _, label in scale.make_gridlines()] == labels
    assert all(0 <= scale.measure(length) <= 100 for length in lengths)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (1, "1 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (310, "5 min 10 s"),
        (3600 * 3 + 12 * 60, "3 h 12 min"),
        (86_400 * 400, "400 d"),
        (86_400 * 2 + 4 * 3600, "2 d 4 h"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
