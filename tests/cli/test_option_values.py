"""Values of options: durations, labels and names."""

from __future__ import annotations

import pytest

from reconciler.cli.option_values import parse_instance_names, parse_labels, parse_seconds, parse_shard
from reconciler.cli.settings import CommandFailure


def test_values_are_read_as_people_write_them() -> None:
    assert parse_seconds("1m30s") == 90.0
    assert parse_labels(["movie_id=12", "title=a=b", "empty="]) == (("movie_id", "12"), ("title", "a=b"), ("empty", ""))
    assert parse_instance_names(["a,b c", "a"]) == ("a", "b", "c")
    assert parse_shard(None) is None and parse_labels(None) == ()


@pytest.mark.parametrize("text", ["", "12", "=12"])
def test_a_label_has_a_name_and_a_value(text: str) -> None:
    with pytest.raises(CommandFailure, match=r"is no label\. Write it like --label movie_id=12"):
        parse_labels([text])


def test_other_values_are_errors_of_their_option() -> None:
    with pytest.raises(CommandFailure, match="--timeout"):
        parse_seconds("12", "--timeout")
    with pytest.raises(CommandFailure, match="--shard"):
        parse_shard("x")
