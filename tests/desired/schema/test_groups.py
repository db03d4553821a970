"""The rules for the values of groups."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.groups import check_group_name, parse_failover_delay, parse_size

SIZE_MESSAGE = "a size must be a number with a unit: B, kB, KiB, MB, MiB, GB, GiB, TB, TiB"


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (check_group_name, "resilient-1.x_y", "resilient-1.x_y"),
        (parse_size, "50 GiB", 53_687_091_200),
        (parse_size, "1.5kB", 1500),
        (parse_size, "0 B", 0),
        (parse_size, None, None),
        (parse_failover_delay, "0s", 0.0),
        (parse_failover_delay, "1h30m", 5400.0),
        (parse_failover_delay, "1d", 86_400.0),
    ],
)
def test_valid_values_are_accepted(check: Callable[[object], object], value: object, result: object) -> None:
    assert check(value) == result


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (check_group_name, "a b", "the name of a group may contain only letters, digits and . _ -"),
        (parse_size, 50, "a size needs a unit: B, kB, KiB, MB, MiB, GB, GiB, TB, TiB"),
        (parse_size, "50", SIZE_MESSAGE),
        (parse_size, "50 gib", SIZE_MESSAGE),
        (parse_size, "-1 GiB", SIZE_MESSAGE),
        (parse_size, "50  GiB", SIZE_MESSAGE),
        (parse_failover_delay, "0m", "a duration must be more than 0s and at most 1d"),
        (parse_failover_delay, "25h", "a duration must be more than 0s and at most 1d"),
        (parse_failover_delay, 0, "a duration needs a unit: d, h, m or s"),
    ],
)
def test_other_values_are_refused(check: Callable[[object], object], value: object, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check(value)
    assert error.value.message == message
