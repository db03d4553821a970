"""Parameters are read as qBittorrent 5.1 reads them."""

from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException

from reconciler.web.gateway.parameters import (
    minutes_value,
    parse_bool,
    parse_float,
    parse_int,
    rate_value,
    ratio_value,
    require,
    split_ids,
    split_tags,
    tags_value,
)


def test_flags_in_any_case_and_nothing_else() -> None:
    texts = ("true", "True", "FALSE", "1", "yes", "", " true ")
    assert [parse_bool(text) for text in texts] == [True, True, False, None, None, None, True]


def test_numbers() -> None:
    assert [parse_int(text) for text in ("5", "-1", "+3", " 4 ", "1.5", "x", "", "9" * 30, "٣", "--1", "1_0")] == [
        5, -1, 3, 4, None, None, None, None, None, None, None,
    ]  # fmt: skip
    assert [parse_float(text) for text in ("1.5", "-2", "nan", "inf", "x", "")] == [1.5, -2.0, None, None, None, None]


def test_limits_as_the_keys_of_an_entry_have_them() -> None:
    assert [rate_value(rate) for rate in (-1, 0, 1, 10**12)] == ["unlimited", "unlimited", "1 B/s", "2147483646 B/s"]
    assert [ratio_value(ratio) for ratio in (-2, -1, -1.5, 0, 1.23456, 2.01, 1e308)] == [
        "global", "unlimited", "unlimited", 0, 1.234, 2.01, 9999,
    ]  # fmt: skip
    assert [minutes_value(minutes) for minutes in (-2, -1, -9, 0, 90, 10**9)] == [
        "global", "unlimited", "unlimited", "0m", "90m", "525600m",
    ]  # fmt: skip


def test_tags_are_trimmed_and_reserved_ones_refused() -> None:
    assert split_tags(" b ,a,,b") == ("b", "a")
    assert tags_value({"b", "a"}, only=True) == {"only": ["a", "b"]}
    assert tags_value({"b", "a"}, only=False) == ["a", "b"]
    with pytest.raises(HTTPException) as caught:
        split_tags("a, reconcile:protect")
    assert caught.value.status_code == 409
    assert '"reconcile:protect"' in caught.value.detail


def test_ids() -> None:
    assert split_ids(" AB|cd||") == ["ab", "cd"]


def test_a_missing_parameter_is_a_bad_request() -> None:
    require({"a": "", "b": "1"}, "a", "b")
    with pytest.raises(HTTPException) as caught:
        require({"a": ""}, "a", "b")
    assert (caught.value.status_code, caught.value.detail) == (400, "Bad Request")
