"""Groups of instances and their members."""

from __future__ import annotations

from reconciler.model.groups import NO_PLACEMENT_FACTS, Group, Member, MovePolicy, Strategy
from reconciler.model.position import Position

HERE = Position("desired.yaml", 1, 1)


def test_the_members_keep_their_order_of_preference() -> None:
    group = Group("g", HERE, Strategy.FAILOVER, (Member("z"), Member("a"), Member("m")))
    assert group.member_names == ("z", "a", "m")


def test_a_limit_of_zero_bytes_is_a_limit_on_free_space() -> None:
    members = Member("a", min_free_space=0), Member("b", max_torrents=5), Member("c", min_free_space=10**9)
    assert Group("g", HERE, Strategy.SPREAD, members).space_limited_members == {"a", "c"}
    assert Group("g", HERE, Strategy.SPREAD, (Member("a"),)).space_limited_members == frozenset()


def test_a_group_moves_nothing_unless_it_is_declared() -> None:
    group = Group("g", HERE, Strategy.FAILOVER, (Member("a"),))
    assert (group.failover_after, group.move_policy) == (120.0, MovePolicy.NEVER)


def test_without_facts_nothing_is_known_of_any_instance() -> None:
    facts = NO_PLACEMENT_FACTS
    assert [dict(facts.outages), dict(facts.held_ids), dict(facts.pending), dict(facts.free_space)] == [{}, {}, {}, {}]
