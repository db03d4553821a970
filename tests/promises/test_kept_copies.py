"""Of several copies in a group, the one with the most is kept, and no other goes before the kept one has as much."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.plan import DeleteTorrent
from reconciler.plan import PlanInput, make_plan
from tests.support.group_cases import GROUPS
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot
from tests.support.search_effort import take_examples
from tests.support.strategies import NOW

MEMBERS: Final = ("a", "b", "c")
SIZE: Final = 100
UNCERTAIN: Final = ("checkingUP", "missingFiles", "moving")  # what is there does not follow from the progress

Copy = tuple[str, int]  # its state, and the percentage of it that is there
Copies = dict[str, Copy]

known_copies = st.sampled_from([("stalledUP", 100), ("stoppedUP", 100), ("stalledDL", 0)]) | st.tuples(
    st.sampled_from(["downloading", "stoppedDL"]), st.integers(1, 99)
)
uncertain_copies = st.tuples(st.sampled_from(UNCERTAIN), st.integers(0, 100))


def find_deleted(group: dict[str, Any], copies: Copies, drained: str | None = None) -> set[str]:
    """Return the members whose copies a plan deletes now."""
    members = [{"name": name, "drain": name == drained} for name in MEMBERS]
    case = {"groups": {"g": group | {"members": members}}, "instances": MEMBERS}
    desired = make_desired_state({**case, "desired": [{"hash": "x", "instance": "g"}]})
    rows = {
        name: [{"hash": "x", "tags": [OWNER_TAG], "state": state, "progress": percent / 100, "size": SIZE}]
        for name, (state, percent) in copies.items()
    }
    snapshots = {name: make_snapshot(rows.get(name, [])) for name in MEMBERS}
    plan = make_plan(PlanInput(desired, snapshots, now=NOW))
    actions = ((instance.name, action) for instance in plan.instances for action in instance.actions)
    return {name for name, action in actions if isinstance(action, DeleteTorrent) and action.hold is None}


@take_examples(150)
@given(
    st.sampled_from([group for group in GROUPS if "immediate" not in group.values()]),
    st.dictionaries(st.sampled_from(MEMBERS), known_copies | uncertain_copies, min_size=2),
    st.sampled_from([None, None, *MEMBERS]),
)
def test_a_copy_is_deleted_only_where_another_is_known_to_have_as_much(
    group: dict[str, Any], copies: Copies, drained: str | None
) -> None:
    deleted = find_deleted(group, copies, drained)
    certain = max((percent for name, (state, percent) in copies.items() if _stays(name, state, deleted)), default=-1)
    for name in deleted:
        state, percent = copies[name]
        assert certain >= (100 if state in UNCERTAIN else percent)


def _stays(name: str, state: str, deleted: set[str]) -> bool:
    """Return True if a copy stays, and its progress says what is there."""
    return name not in deleted and state not in UNCERTAIN


@take_examples(100)
@given(
    st.sampled_from([group for group in GROUPS if "never" in group.values()]),
    st.dictionaries(st.sampled_from(MEMBERS), known_copies, min_size=2),
)
def test_of_copies_that_are_known_one_with_the_most_is_kept(group: dict[str, Any], copies: Copies) -> None:
    kept = copies.keys() - find_deleted(group, copies)
    assert {copies[name][1] for name in kept} == {max(percent for _, percent in copies.values())}
    assert len(kept) == 1
