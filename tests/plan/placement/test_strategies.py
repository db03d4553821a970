"""Weighted rendezvous: fair by weight, independent of order, and with the fewest moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.groups import Member
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.placement.members import CapacityTracker
from reconciler.plan.placement.strategies import rank_members
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TORRENTS = [f"{number:040x}" for number in range(3000)]
members = st.lists(
    st.builds(Member, st.text("abcdef", min_size=1, max_size=4), weight=st.sampled_from([0.5, 1.0, 3.0])),
    min_size=1,
    max_size=6,
    unique_by=lambda member: member.name,
)


def chosen(among: Sequence[Member]) -> dict[str, str]:
    """Return the best member for each torrent."""
    return {torrent: rank_members(among, torrent)[0].name for torrent in TORRENTS}


def test_each_member_gets_its_share_by_weight() -> None:
    among = [Member("a"), Member("b", weight=2.0), Member("c", weight=3.0)]
    shares = Counter(chosen(among).values())
    assert [shares[name] / len(TORRENTS) for name in "abc"] == pytest.approx([1 / 6, 1 / 3, 1 / 2], abs=0.03)


def test_the_choice_is_the_same_in_every_release() -> None:
    among = [Member("attic"), Member("box"), Member("cellar", weight=2.0)]
    assert "".join(rank_members(among, torrent)[0].name[0] for torrent in TORRENTS[:24]) == "acbcaccacccbcacbccaccbac"


@given(members, st.integers(0, len(TORRENTS) - 1), st.randoms())
def test_the_order_of_the_members_does_not_matter(among: list[Member], number: int, random: Random) -> None:
    shuffled = random.sample(among, len(among))
    assert rank_members(among, TORRENTS[number]) == rank_members(shuffled, TORRENTS[number])


@given(members, members, st.integers(0, len(TORRENTS) - 1))
def test_the_remaining_members_keep_their_order(some: list[Member], others: list[Member], number: int) -> None:
    names = {member.name for member in some}
    more = [*some, *(member for member in others if member.name not in names)]
    before, after = rank_members(some, TORRENTS[number]), rank_members(more, TORRENTS[number])
    assert [member for member in after if member.name in names] == before


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_a_new_member_gets_at_most_its_share(weight: float) -> None:
    three, new = [Member(name) for name in "abc"], Member("d", weight=weight)
    before, after = chosen(three), chosen([*three, new])
    moved = [torrent for torrent in TORRENTS if before[torrent] != after[torrent]]
    assert {after[torrent] for torrent in moved} == {"d"}
    assert len(moved) / len(TORRENTS) == pytest.approx(weight / (3 + weight), abs=0.03)


def test_torrents_of_a_removed_member_go_to_all_others() -> None:
    before, after = chosen([Member(name) for name in "abc"]), chosen([Member(name) for name in "ab"])
    moved = [torrent for torrent in TORRENTS if before[torrent] != after[torrent]]
    assert {before[torrent] for torrent in moved} == {"c"}
    assert Counter(after[t] for t in moved)["a"] / len(moved) == pytest.approx(0.5, abs=0.05)


@given(st.permutations(["a", "b", "c", "d", "e", "f"]), st.sampled_from(["never", "when_complete"]), st.randoms())
def test_a_plan_does_not_depend_on_the_order_of_its_input(order: list[str], moves: str, random: Random) -> None:
    group = {"strategy": "spread", "members": [{"name": "x", "max_torrents": 2}, "y", "z"], "rebalance": moves}
    case = {"groups": {"g": group}, "instances": ["x", "y", "z"], "guard": {"max_delete": 1}}
    wanted = make_desired_state({**case, "desired": [{"hash": name, "instance": "g"} for name in "abcdef"]})
    rows = [{"hash": name, "tags": [OWNER_TAG], "is": "whole"} for name in "ace"]
    live = {"x": make_snapshot([]), "y": make_snapshot(rows), "z": make_snapshot(rows[:1])}
    plan = make_plan(PlanInput(wanted, live, now=NOW))
    mixed = replace(wanted, torrents=tuple(sorted(wanted.torrents, key=lambda entry: order.index(entry.label))))
    shaken = {
        name: replace(snapshot, torrents=tuple(random.sample(snapshot.torrents, len(snapshot.torrents))))
        for name, snapshot in live.items()
    }
    assert make_plan(PlanInput(mixed, shaken, now=NOW)) == plan


@pytest.mark.parametrize(("free", "reason"), [(None, "not known"), (10 << 30, "10.0 GiB are free"), (50 << 30, None)])
def test_the_room_of_a_member(free: int | None, reason: str | None) -> None:
    room = CapacityTracker({"a": make_snapshot([])}, {} if free is None else {"a": free})
    lacks = room.cannot_take_reason(Member("a", min_free_space=50 << 30))
    assert lacks is None if reason is None else reason in str(lacks)
