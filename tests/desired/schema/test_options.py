"""Values of options in YAML: rates, times and ratios with their units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import options as rules
from reconciler.model.units import minutes_text, rate_text, ratio_text


@given(st.integers(0, rules.MAX_RATE))
def test_a_rate_that_is_shown_reads_as_the_same(rate: int) -> None:
    assert rules.parse_rate(rate_text(rate)) == rate


@given(st.integers(-2, rules.MAX_MINUTES))
def test_a_time_that_is_shown_reads_as_the_same(minutes: int) -> None:
    assert rules.parse_minutes(minutes_text(minutes)) == minutes


@given(st.sampled_from((-2, -1)) | st.integers(0, rules.MAX_RATIO * 1000).map(lambda n: round(n / 1000, 3)))
def test_a_ratio_that_is_shown_reads_as_the_same(ratio: float) -> None:
    assert rules.parse_ratio(ratio_text(ratio)) == ratio


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5 MiB/s", 5 << 20),
        ("5MiB/s", 5 << 20),
        ("1.5 MiB/s", 3 << 19),
        ("100 kB/s", 100_000),
        ("1 GB/s", 10**9),
        ("1 B/s", 1),
        ("0.5 KiB/s", 512),
        ("unlimited", 0),
    ],
)
def test_rates(text: str, rate: int) -> None:
    assert rules.parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "minutes"), [("90m", 90), ("14d", 20160), ("1h30m", 90), ("0m", 0), ("120s", 2), ("365d", 525600)]
)
def test_times(text: str, minutes: int) -> None:
    assert rules.parse_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "5", "5 MiBs", "5 /s", "MiB/s", "-5 MiB/s", "5 KB/s", "5 mb/s", "2 GiB/s"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(InvalidValue) as error:
        rules.parse_rate(text)
    assert error.value.hint
