"""The instances that groups and shared files link."""

from __future__ import annotations

from reconciler.model.linked_instances import find_linked_instances
from tests.support.planner_inputs import make_desired_state, make_group


def test_groups_with_a_common_member_link_all_their_instances() -> None:
    groups = {
        "one": make_group("one", {"strategy": "replicate", "members": ["a", "b"]}),
        "two": make_group("two", {"strategy": "replicate", "members": ["d", "e"]}),
        "three": make_group("three", {"strategy": "failover", "members": ["b", "c"]}),
    }
    instances = make_desired_state({"instances": ["e", "d", "c", "b", "a", "alone"]}).instances
    assert find_linked_instances(instances, groups) == {
        "a": ("a", "b", "c"),
        "b": ("a", "b", "c"),
        "c": ("a", "b", "c"),
        "d": ("d", "e"),
        "e": ("d", "e"),
        "alone": ("alone",),
    }


def test_a_member_that_is_not_among_the_instances_links_nothing() -> None:
    groups = {"one": make_group("one", {"strategy": "replicate", "members": ["a", "gone"]})}
    instances = make_desired_state({"instances": ["a", "b"]}).instances
    assert find_linked_instances(instances, groups) == {"a": ("a",), "b": ("b",)}


def test_instances_that_see_the_same_files_are_linked_and_their_groups_with_them() -> None:
    groups = {"one": make_group("one", {"strategy": "replicate", "members": ["a", "b"]})}
    desired = make_desired_state({"instances": ["a", "b", "c", "d"], "data": {"b": "nas", "c": "nas", "d": "usb"}})
    assert find_linked_instances(desired.instances, groups) == {
        **dict.fromkeys("abc", ("a", "b", "c")),
        "d": ("d",),
    }
    assert [desired.sharers_of(name) for name in "abcd"] == [(), ("c",), ("b",), ()]
