"""A dry-run on a live state: what is not in it is unknown, and nothing is contacted."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.engine.recall import collect_live_state, make_recall_context, prepare_recall
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.groups import Outage, PlacementFacts
from reconciler.model.history import OwnedCount
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.run import Run, Status
from reconciler.model.snapshot import Snapshot
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DESIRED = make_desired_state({"instances": ["a", "b"], "desired": [{"hash": "x", "instance": "a"}]})


def make_live_state(*instances: LiveInstance, **more: Any) -> LiveState:
    """A live state of the owner `home`."""
    return LiveState(**{"taken_at": NOW, "owner": "home", "instances": instances, **more})


def plan(desired: DesiredState, live_state: LiveState) -> Run:
    """A dry-run on a live state."""
    return run_once(desired, RunOptions(dry_run=True), make_recall_context(desired, live_state, threading.Event()))


def read(name: str, *rows: dict[str, Any], **more: Any) -> LiveInstance:
    """An instance that was read."""
    return LiveInstance(name, snapshot=make_snapshot(rows), **more)


def test_an_instance_that_is_not_there_is_unknown_and_never_empty() -> None:
    run = plan(DESIRED, make_live_state(read("b")))
    assert [(instance.status, instance.results) for instance in run.instances] == [
        (Status.UNKNOWN, ()),
        (Status.OK, ()),
    ]
    assert run.instances[0].error == "a: it is not in the snapshot. Take a new one with this desired state"
    assert (run.instances[0].version, run.exit_code) == (None, 1)


def test_an_instance_that_was_not_read_keeps_its_error() -> None:
    down = LiveInstance("a", status=Status.UNREACHABLE, error="a: no connection")
    run = plan(DESIRED, make_live_state(down, read("b")))
    assert (run.instances[0].status, run.instances[0].error, run.exit_code) == (
        Status.UNREACHABLE,
        "a: no connection",
        1,
    )


def test_a_snapshot_of_another_address_is_not_taken_for_the_declared_one() -> None:
    run = plan(DESIRED, make_live_state(read("a", url="http://elsewhere"), read("b")))
    assert run.instances[0].status is Status.UNKNOWN
    assert "the snapshot is of another address" in (run.instances[0].error or "")


def test_the_time_of_a_plan_is_that_of_its_live_state() -> None:
    context = make_recall_context(DESIRED, make_live_state(), threading.Event())
    assert context.utc() == NOW


def test_the_memory_counts_only_for_its_owner() -> None:
    facts = PlacementFacts({"a": Outage(NOW, "down")})
    live = read("a", owned=OwnedCount(9, NOW), untagged_ids=frozenset({"x" * 40}))
    for owner, is_ours in (("home", True), ("work", False)):
        live_state = make_live_state(live, owner=owner, facts=facts)
        context = make_recall_context(DESIRED, live_state, threading.Event())
        assert (context.remembered == {"a": OwnedCount(9, NOW)}) == is_ours
        assert bool(context.add_memory.get_ids(DESIRED)) == bool(context.placement_memory.facts.outages) == is_ours


def test_a_secret_preference_is_left_out_with_a_warning() -> None:
    desired = make_desired_state({"declared_preferences": {"proxy_password": {"secret": "x"}, "dl_limit": 1024}})
    prepared = prepare_recall(desired)
    assert set(prepared.instances["box"].preferences) == {"dl_limit"}
    (warning,) = prepared.warnings
    assert warning.message == "box: proxy_password is not compared: a snapshot contains no secrets"
    assert prepare_recall(DESIRED) is DESIRED


def test_a_preference_that_is_not_there_is_no_change_that_is_sure() -> None:
    desired = make_desired_state({"declared_preferences": {"dl_limit": 1024}, "desired": [{"hash": "x"}]})
    snapshot = replace(
        make_snapshot([{"hash": "x", "tags": [OWNER_TAG]}]), preferences={}, preference_names=frozenset()
    )
    (result,) = plan(desired, make_live_state(LiveInstance("box", snapshot=snapshot))).instances[0].results
    assert (result.action.name, str(result.outcome)) == ("dl_limit", "deferred")
    assert "not in the snapshot" in result.action.reason


def test_files_that_are_not_there_are_no_change_that_is_sure() -> None:
    rules = [{"match": "*", "priority": "skip"}]
    desired = make_desired_state({"desired": [{"hash": "x", "files": rules}]})
    row = {"hash": "x", "tags": [OWNER_TAG], "has_metadata": True}
    (result,) = plan(desired, make_live_state(read("box", row))).instances[0].results
    assert str(result.outcome) == "deferred" and "not in the snapshot" in result.action.reason


def test_the_facts_about_deletions_are_recalled() -> None:
    desired = make_desired_state(
        {"desired": [{"hash": "x", "state": "absent", "delete_files": True}], "delete_files": True}
    )
    row = {"hash": "x", "tags": [OWNER_TAG], "is": "whole"}
    snapshot: Snapshot = make_snapshot([row])
    (torrent,) = snapshot.torrents
    for seeds, to_trash in (({torrent.id: 3}, True), ({}, None)):
        live = LiveInstance("box", snapshot=snapshot, other_seeds=seeds, to_trash=to_trash)
        (result,) = plan(desired, make_live_state(live)).instances[0].results
        blast = result.action.blast
        assert blast and (blast.other_seeds, blast.to_trash) == (seeds.get(torrent.id), bool(to_trash))


def test_what_was_read_is_collected() -> None:
    desired = make_desired_state({"declared_preferences": {"dl_limit": 0}})
    context = replace(fake_context(lambda *_: None, utc=lambda: NOW), remembered={"box": OwnedCount(2, NOW)})  # type: ignore[arg-type]
    live_state = collect_live_state(desired, {}, context)
    assert (live_state.taken_at, live_state.owner, live_state.instances) == (NOW, "home", ())
