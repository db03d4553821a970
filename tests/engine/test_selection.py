"""The instances that a run selects, reads and plans for."""

from __future__ import annotations

import pytest

from reconciler.engine.selection import RunOptions, UnknownInstance, select_instances, select_scope
from reconciler.model.desired import DesiredState, Instance, Policy
from reconciler.model.groups import Group, Member, PendingTorrent, Strategy
from reconciler.model.position import Position
from reconciler.model.shard import Shard
from tests.support.planner_inputs import make_desired_state

NAMES = [f"seedbox-{number}" for number in range(1000)]


def test_the_members_of_a_group_are_shared_like_all_instances() -> None:
    here = Position("desired.yaml", 1, 1)
    instances = {name: Instance(name, here, "http://127.0.0.1:9") for name in NAMES[:40]}
    groups = {"g": Group("g", here, Strategy.SPREAD, tuple(map(Member, instances)))}
    desired = DesiredState(Policy.SYNC, instances, groups=groups)
    scopes = [select_scope(desired, RunOptions(shard=Shard(index, 4))) for index in range(4)]
    assert [len(scope.planned) for scope in scopes] == [15, 8, 9, 8]
    assert sorted(name for scope in scopes for name in scope.planned) == sorted(instances)
    for scope in scopes:
        assert {instance.name for instance in scope.observed} == instances.keys(), "placement needs all of them"
        assert scope.groups == {"g"}, "each of them reports what is pending there"


def test_a_shard_reads_no_instance_that_its_own_are_not_linked_with() -> None:
    desired = make_desired_state(GROUP_CASE)
    scopes = [select_scope(desired, RunOptions(shard=Shard(index, 2))) for index in range(2)]
    assert [sorted(scope.planned) for scope in scopes] == [["a"], ["b", "c"]]
    assert [[instance.name for instance in scope.observed] for scope in scopes] == [["a", "b"], ["a", "b", "c"]]


def test_a_run_works_on_the_named_instances_of_its_shard() -> None:
    instances = {name: Instance(name, Position("desired.yaml", 1, 1), "http://127.0.0.1:9") for name in NAMES[:20]}
    desired = DesiredState(Policy.SYNC, instances)
    first, second = (select_instances(desired, (), Shard(index, 2)) for index in (0, 1))
    assert sorted(instance.name for instance in (*first, *second)) == sorted(instances)
    assert select_instances(desired, [first[0].name, second[0].name], Shard(0, 2)) == first[:1]
    with pytest.raises(UnknownInstance):
        select_instances(desired, ["nowhere"], Shard(0, 2))


GROUP_CASE = {"groups": {"g": {"strategy": "failover", "members": ["a", "b"]}}, "instances": ["a", "b", "c"]}


def test_the_other_members_of_a_group_are_read_and_not_planned_for() -> None:
    scope = select_scope(make_desired_state(GROUP_CASE), RunOptions(instances=("a",)))
    assert [instance.name for instance in scope.selected] == ["a"]
    assert scope.planned == {"a"}
    assert [instance.name for instance in scope.observed] == ["a", "b"]
    assert scope.groups == {"g"}


def test_a_skipped_instance_is_selected_but_neither_planned_for_nor_read() -> None:
    scope = select_scope(make_desired_state(GROUP_CASE), RunOptions(skip=("b",)))
    assert [instance.name for instance in scope.selected] == ["a", "b", "c"]
    assert scope.planned == {"a", "c"}
    assert [instance.name for instance in scope.observed] == ["a", "c"]


def test_the_instance_that_makes_the_content_is_read_too() -> None:
    rows = [
        {"content": "/disk/film", "name": "film", "instance": "a"},
        {"content_of": "film", "instance": "b"},
    ]
    desired = make_desired_state({"instances": ["a", "b"], "desired": rows})
    scopes = {name: select_scope(desired, RunOptions(instances=(name,))) for name in ("a", "b")}
    assert {name: [instance.name for instance in scope.observed] for name, scope in scopes.items()} == {
        "a": ["a"],
        "b": ["a", "b"],
    }


def test_an_unknown_name_is_an_error_that_lists_the_declared_instances() -> None:
    with pytest.raises(UnknownInstance) as caught:
        select_scope(make_desired_state(GROUP_CASE), RunOptions(instances=("a", "attic")))
    assert str(caught.value) == 'no instance "attic" in the desired state, which has: a, b, c'


def test_pending_torrents_of_other_groups_are_not_listed() -> None:
    here = Position("desired.yaml", 1, 1)
    ours, others = (PendingTorrent("0" * 40, "film", group, "waits", here) for group in ("g", "h"))
    desired = make_desired_state(GROUP_CASE)
    assert select_scope(desired, RunOptions(instances=("b",))).list_pending([others, ours]) == (ours,)
    assert select_scope(desired, RunOptions(instances=("c",))).list_pending([others, ours]) == ()
