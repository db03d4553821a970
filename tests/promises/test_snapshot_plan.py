"""The plan from a saved snapshot is the plan from the instances that it was made of, on in-memory qBittorrents."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given

from reconciler.engine.context import RunContext
from reconciler.engine.observation import OpenTarget
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import UnreachableError
from reconciler.model.health import InterfaceCheck, Probe, UnhealthyPolicy
from reconciler.model.history import OwnedCount
from reconciler.model.run import Run
from reconciler.model.snapshot import LiveTorrent
from reconciler.queries.snapshot import take_snapshot
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import Build, builds
from tests.support.fake_retry import fake_context
from tests.support.memory_worlds import make_memory_world
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_v1_hash
from tests.support.saved_snapshots import comparable_report, plan_from_snapshot, render_snapshot, save_snapshot
from tests.support.search_effort import take_examples
from tests.support.strategies import NOW, cases


def make_context(boxes: dict[str, MemoryInstance], **more: Any) -> RunContext:
    """The context of a run on these instances."""

    def connect(instance: Instance, _stop: threading.Event) -> OpenTarget:
        return boxes[instance.name]

    return replace(fake_context(connect, utc=lambda: NOW, max_attempts=1), **more)


def assert_same_plan(desired: DesiredState, boxes: dict[str, MemoryInstance], **memory: Any) -> tuple[Run, str]:
    """Assert that both plans are the same; return it, and the text of the snapshot."""
    take_over = bool(memory.pop("take_over", False))
    live = run_once(desired, RunOptions(dry_run=True, take_over=take_over), make_context(boxes, **memory))
    live_state = take_snapshot(desired, (), make_context(boxes, **memory))
    with tempfile.TemporaryDirectory() as folder:
        recalled = plan_from_snapshot(desired, save_snapshot(live_state, Path(folder)), take_over=take_over)
    assert recalled.plan_hash == live.plan_hash
    assert comparable_report(recalled) == comparable_report(live)
    return recalled, render_snapshot(live_state)


@take_examples(20)
@given(cases(), builds())
def test_any_plan_is_the_same_from_a_snapshot(case: dict[str, Any], build: Build) -> None:
    case["declared_preferences"].pop("proxy_password", None)  # a secret is not compared
    desired, box = make_memory_world(case, build)
    box.seed_counts = {torrent_id: number for number, torrent_id in enumerate(box.torrents)}
    _, text = assert_same_plan(desired, {"box": box}, take_over=case["take_over"])
    assert "s3cr3t" not in text and "hunter2" not in text and "old" not in text.partition('"torrents"')[0]


def own(letter: str, **more: Any) -> LiveTorrent:
    """A whole torrent of ours."""
    return make_live_torrent({"hash": letter, "tags": [OWNER_TAG], "is": "whole", **more})


def make_boxes(*names: str) -> dict[str, MemoryInstance]:
    """Empty instances."""
    return {name: MemoryInstance() for name in names}


def test_hashed_names_of_declared_torrents_are_no_drift() -> None:
    rows = [{"hash": letter, "name": f"Name {letter}", "comment": "c"} for letter in "xy"]
    desired = make_desired_state({"desired": rows, "guard": {"max_delete_percent": 100}})
    boxes = make_boxes("box")
    for letter, name in (("x", "Name x"), ("y", "other"), ("z", "undeclared")):
        boxes["box"].torrents[make_v1_hash(letter)] = own(letter, name=name, comment="c")
    live = run_once(desired, RunOptions(dry_run=True), make_context(boxes))
    live_state = take_snapshot(desired, (), make_context(boxes))
    with tempfile.TemporaryDirectory() as folder:
        recalled = plan_from_snapshot(desired, save_snapshot(live_state, Path(folder), hash_names=True))
    found = [[(str(r.action.verb), r.action.infohash) for r in run.instances[0].results] for run in (live, recalled)]
    assert found[0] == found[1] and len(found[0]) == 2
    assert "undeclared" not in str(comparable_report(recalled))


def test_groups_are_placed_by_the_same_facts() -> None:
    groups = {
        "both": {"strategy": "failover", "members": ["a", {"name": "b", "max_torrents": 1}], "failover_after": 60}
    }
    rows = [{"hash": letter, "instance": "both"} for letter in "xyz"]
    desired = make_desired_state({"instances": ["a", "b"], "desired": rows, "groups": groups})
    for is_down in (False, True):
        boxes = make_boxes("a", "b")
        boxes["b"].torrents[make_v1_hash("x")] = own("x")
        if is_down:
            boxes["a"].fail_next(999, UnreachableError("a: no connection"))
        run, _ = assert_same_plan(desired, boxes)
        assert run.exit_code == is_down
        assert len(run.pending) == 3 * is_down - is_down, "x is on b, and the outage has only begun"


def test_an_instance_that_looks_wiped_loses_nothing() -> None:
    desired = make_desired_state({"desired": [{"hash": "x"}], "guard": {"max_delete_percent": 100}})
    boxes = make_boxes("box")
    boxes["box"].torrents[make_v1_hash("y")] = own("y")
    run, _ = assert_same_plan(desired, boxes, remembered={"box": OwnedCount(30, NOW)})
    assert [str(result.outcome) for result in run.instances[0].results] == ["planned", "blocked"]


def test_the_health_is_that_of_the_snapshot() -> None:
    desired = make_desired_state({"desired": [{"hash": "x"}, {"hash": "y"}]})
    paused = replace(
        desired.instances["box"], health=(Probe(InterfaceCheck("wg0")),), when_unhealthy=UnhealthyPolicy.PAUSE
    )
    desired = replace(desired, instances={"box": paused})
    boxes = make_boxes("box")
    boxes["box"].torrents[make_v1_hash("x")] = own("x")
    run, _ = assert_same_plan(desired, boxes)
    assert run.instances[0].status == "unhealthy" and run.instances[0].results[0].action.name == "x"


def test_content_of_another_instance_is_known() -> None:
    from functools import partial

    from tests.support.torrents import make_created_torrent

    rows = [{"content": "/disk/torrent-11", "name": "n"}, {"content_of": "n", "instance": "other"}]
    desired = make_desired_state({"desired": rows})
    boxes = make_boxes("box", "other")
    boxes["box"].disk = {"/disk/torrent-11": partial(make_created_torrent, 11)}
    boxes["box"].live_preferences["listen_port"] = 6881
    assert_same_plan(desired, boxes)
    for _ in range(9):
        run_once(desired, RunOptions(instances=("box",)), make_context(boxes))
        _, text = assert_same_plan(desired, boxes)
    assert boxes["box"].torrents and '"exports"' in text and "6881" not in text
