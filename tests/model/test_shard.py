"""Sharing the instances between processes: each to exactly one, and few move when the number of processes changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.shard import Shard

NAMES = [f"seedbox-{number}" for number in range(1000)]
names = st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=30)


def owners(count: int) -> dict[str, int]:
    """Return the shard of each name, out of `count`. Every name must belong to exactly one."""
    shards = [Shard(index, count) for index in range(count)]
    indexes_by_name = {name: [shard.index for shard in shards if shard.has_instance(name)] for name in NAMES}
    assert all(len(indexes) == 1 for indexes in indexes_by_name.values())
    return {name: indexes[0] for name, indexes in indexes_by_name.items()}


@given(names, st.integers(1, 9))
def test_every_instance_has_exactly_one_shard(instance_names: list[str], count: int) -> None:
    owned_names = [name for index in range(count) for name in instance_names if Shard(index, count).has_instance(name)]
    assert sorted(owned_names) == sorted(instance_names)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_one_more_shard_takes_its_share_and_nothing_else_moves(count: int) -> None:
    before, after = owners(count), owners(count + 1)
    moved = {name for name in NAMES if before[name] != after[name]}
    assert {after[name] for name in moved} == {count}, "only the new one may get something"
    assert len(moved) == pytest.approx(len(NAMES) / (count + 1), rel=0.25)


def test_the_shares_are_even() -> None:
    held = list(owners(5).values())
    assert all(held.count(index) == pytest.approx(200, rel=0.25) for index in range(5))


def test_the_shares_stay_as_they_are_from_release_to_release() -> None:
    held = {name: index for name, index in owners(3).items() if name in NAMES[:8]}
    assert list(held.values()) == [1, 1, 0, 0, 0, 2, 0, 1]


@pytest.mark.parametrize("text", ["", "1", "1/", "/3", "a/b", "0/0", "3/3", "-1/3", "+0/3", "0/1001", "0 / 3", "٠/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"INDEX|COUNT"):
        Shard.parse(text)


def test_parsing_and_showing_agree() -> None:
    assert Shard.parse(" 00/03\n") == Shard(0, 3)
    assert str(Shard.parse("2/3")) == "2/3"
