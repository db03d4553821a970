"""A surplus copy is deleted last, and only after another read of the instance that keeps the other copy."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.errors import UnreachableError
from reconciler.model.plan import Outcome
from reconciler.model.run import Run
from reconciler.model.snapshot import LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash

KEY = make_v1_hash("x")
Trick = Callable[[MemoryInstance], None]


class Tricky(MemoryInstance):
    """An instance that changes between its full read and the verification."""

    def __init__(self, trick: Trick) -> None:
        super().__init__()
        self._trick = trick

    def read_torrents(self, ids: Collection[str], *sift: Any) -> tuple[LiveTorrent, ...]:
        self._trick(self)
        return super().read_torrents(ids, *sift)


def _become(**values: Any) -> Trick:
    def trick(box: MemoryInstance) -> None:
        box.torrents[KEY] = replace(box.torrents[KEY], **values)

    return trick


def _run(keeper: MemoryInstance, other: MemoryInstance, *names: str, policy: str = "sync") -> Run:
    boxes = {"a": keeper, "b": other}
    for box in boxes.values():
        box.torrents[KEY] = make_live_torrent({"hash": "x", "is": "whole", "tags": [OWNER_TAG]})
    group = {"strategy": "failover", "members": ["a", "b"]}
    desired = make_desired_state(
        {"groups": {"g": group}, "instances": ["a", "b"], "policy": policy, "desired": [{"hash": "x", "instance": "g"}]}
    )
    context = fake_context(
        lambda instance, stop: boxes[instance.name], utc=lambda: datetime(2026, 1, 1, tzinfo=UTC), max_attempts=2
    )
    return run_once(desired, RunOptions(instances=names), context)


@pytest.mark.parametrize(
    ("trick", "reason"),
    [
        pytest.param(lambda box: box.torrents.clear(), "has changed since the plan was made", id="gone"),
        pytest.param(
            _become(state="downloading", progress=0.4), "has changed since the plan was made", id="incomplete"
        ),
        pytest.param(_become(state="missingFiles"), "has changed since the plan was made", id="its files are missing"),
        pytest.param(_become(size=10), "has changed since the plan was made", id="smaller"),
        pytest.param(_become(tags=frozenset()), "has changed since the plan was made", id="not ours"),
        pytest.param(lambda box: box.fail_next(9, UnreachableError("no")), "could not be verified: no", id="down"),
    ],
)
def test_a_keeper_that_has_changed_saves_the_other_copy(trick: Trick, reason: str) -> None:
    other = MemoryInstance()
    run = _run(Tricky(trick), other)
    (result,) = run.instances[1].results
    assert result.outcome is Outcome.DROPPED
    assert reason in str(result.error)
    assert KEY in other.torrents
    assert run.exit_code == 1


def test_an_unchanged_keeper_lets_the_other_copy_go() -> None:
    other = MemoryInstance()
    run = _run(MemoryInstance(), other)
    (result,) = run.instances[1].results
    assert (result.outcome, run.exit_code) == (Outcome.APPLIED, 0)
    assert not other.torrents


def test_another_deletion_on_the_same_instance_has_its_own_outcome() -> None:
    other = MemoryInstance()
    undeclared = make_live_torrent({"hash": "y", "is": "whole", "tags": [OWNER_TAG]})
    other.torrents[undeclared.id] = undeclared
    results = _run(MemoryInstance(), other).instances[1].results
    assert [(result.action.infohash, result.outcome) for result in results] == [
        (key, Outcome.APPLIED) for key in sorted((KEY, undeclared.id))
    ]
    assert not other.torrents


def test_an_unselected_member_is_read_and_not_changed() -> None:
    keeper, other = MemoryInstance(), MemoryInstance()
    assert [instance.name for instance in _run(keeper, other, "b").instances] == ["b"]
    assert (KEY in keeper.torrents, KEY in other.torrents) == (True, False)
    keeper, other = MemoryInstance(), MemoryInstance()
    run = _run(keeper, other, "a")
    assert [(instance.name, instance.results) for instance in run.instances] == [("a", ())]
    assert (KEY in keeper.torrents, KEY in other.torrents) == (True, True)


def test_an_unselected_member_that_is_down_is_reported_to_the_loop_only() -> None:
    keeper = MemoryInstance()
    keeper.fail_next(9, UnreachableError("a: no"))
    run = _run(keeper, MemoryInstance(), "b")
    assert [instance.name for instance in run.instances] == ["b"]
    assert [instance.name for instance in run.linked_instances] == ["a"]
    assert run.exit_code == 0
