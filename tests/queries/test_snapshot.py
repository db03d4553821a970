"""The live state that `reconcile snapshot` reads."""

from __future__ import annotations

import pytest

from reconciler.engine.selection import UnknownInstance
from reconciler.model.errors import UnreachableError
from reconciler.model.run import Status
from reconciler.queries.snapshot import take_snapshot
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash

DESIRED = make_desired_state({"instances": ["a", "b"], "desired": [{"hash": "x", "instance": "a"}]})
X = make_v1_hash("x")


def test_an_instance_that_cannot_be_read_is_recorded_as_such() -> None:
    boxes = {"a": MemoryInstance(), "b": MemoryInstance()}
    boxes["a"].torrents[X] = make_live_torrent({"hash": "x", "tags": [OWNER_TAG]})
    boxes["a"].seed_counts = {X: 3}
    boxes["b"].fail_next(99, UnreachableError("b: no connection"))
    before = boxes["a"].copy()
    live_state = take_snapshot(DESIRED, (), fake_context(lambda instance, _: boxes[instance.name], max_attempts=1))
    a, b = live_state.instances
    assert a.snapshot and [torrent.id for torrent in a.snapshot.torrents] == [X]
    assert (a.other_seeds, a.to_trash, a.snapshot.libtorrent) == ({X: 3}, False, "2.0.11.0")
    assert (b.snapshot, b.status, b.error) == (None, Status.UNREACHABLE, "b: no connection")
    assert (boxes["a"].torrents, boxes["a"].tag_names) == (before.torrents, before.tag_names), "nothing is changed"


def test_it_can_be_limited_to_instances() -> None:
    live_state = take_snapshot(DESIRED, ("b",), fake_context(lambda *_: MemoryInstance()))
    assert [live.name for live in live_state.instances] == ["b"]
    with pytest.raises(UnknownInstance):
        take_snapshot(DESIRED, ("c",), fake_context(lambda *_: MemoryInstance()))
