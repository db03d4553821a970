"""Groups, each of instances that are declared."""

from __future__ import annotations

import pytest

from reconciler.desired.builders.groups import build_groups
from reconciler.desired.context import LoadContext
from reconciler.model.groups import Group, Member, MovePolicy, Strategy
from reconciler.model.position import Position
from tests.support.desired_yaml import check_text, list_texts

INSTANCES = ("home", "seedbox")


def build_group(keys: str, context: LoadContext, instances: tuple[str, ...] = INSTANCES) -> Group:
    groups = build_groups([check_text(f"version: 1\ngroups:\n  pair: {{{keys}}}\n")], instances, context)
    return groups["pair"]


def list_problems(keys: str) -> list[str]:
    context = LoadContext({})
    build_group(keys, context)
    return list_texts(context.problems)


def test_a_group_has_its_members_in_order_with_their_limits() -> None:
    context = LoadContext({})
    members = "[seedbox, {name: home, weight: 2, min_free_space: 1 KiB}]"
    keys = f"strategy: spread, rebalance: when_complete, members: {members}"
    assert build_group(keys, context) == Group(
        "pair",
        Position("desired.yaml", 3, 3),
        Strategy.SPREAD,
        (Member("seedbox"), Member("home", 2.0, None, 1024)),
        120.0,
        MovePolicy.WHEN_COMPLETE,
    )
    assert context.problems == []


def test_a_failover_group_has_its_delay_and_its_failback() -> None:
    group = build_group("strategy: failover, members: [home], failover_after: 0s, failback: immediate", LoadContext({}))
    assert (group.failover_after, group.move_policy) == (0.0, MovePolicy.IMMEDIATE)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("strategy: replicate, members: []", '3:40: the group "pair" has no members. Add its instances'),
        (
            "strategy: replicate, members: [home, home]",
            '3:47: "home" is already a member of this group. Keep one of the two',
        ),
        (
            "strategy: replicate, members: [{name: seedbux}]",
            '3:41: there is no instance "seedbux". Did you mean "seedbox"?',
        ),
        ("strategy: replicate, members: [x]", '3:41: there is no instance "x". Known: home, seedbox'),
    ],
)
def test_members_are_declared_instances_each_once(keys: str, problem: str) -> None:
    assert list_problems(keys) == [problem]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("strategy: spread, members: [home], failback: never", '"failback" has no effect in a spread group'),
        ("strategy: replicate, members: [home], rebalance: never", '"rebalance" has no effect in a replicate group'),
        ("strategy: failover, members: [{name: home, weight: 2}]", '"weight" has no effect in a failover group'),
    ],
)
def test_a_key_without_effect_is_a_problem(keys: str, message: str) -> None:
    (problem,) = list_problems(keys)
    assert message in problem


def test_a_group_and_an_instance_cannot_share_a_name() -> None:
    context = LoadContext({})
    build_group("strategy: replicate, members: [home]", context, ("home", "pair"))
    assert list_texts(context.problems) == [
        '3:3: "pair" is the name of both a group and an instance. Rename one of the two'
    ]


def test_where_a_file_is_missing_no_member_is_called_unknown() -> None:
    context = LoadContext({}, is_complete=False)
    build_group("strategy: replicate, members: [other]", context)
    assert context.problems == []
