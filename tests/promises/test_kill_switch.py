"""The promises of the kill switch, for any world, any failure, and a kill at any request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.health import InterfaceCheck, Probe, UnhealthyPolicy
from reconciler.model.run import Run, Status
from reconciler.model.tags import HELD_FORCED_TAG, HELD_TAG, IGNORE_TAG
from reconciler.retry import utc_now
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import Build, builds
from tests.support.fake_retry import fake_context
from tests.support.memory_worlds import SimulatedKill, make_memory_world
from tests.support.planner_inputs import OWNER_TAG
from tests.support.search_effort import take_examples
from tests.support.strategies import cases

UP, DOWN = "lo", "eth0"


def watched(case: Mapping[str, Any], build: Build) -> tuple[DesiredState, MemoryInstance]:
    """Return a world whose only instance must be bound to `lo`, or else stop its torrents."""
    desired, box = make_memory_world(case, build)
    guarded = replace(
        desired.instances["box"], health=(Probe(InterfaceCheck(UP)),), when_unhealthy=UnhealthyPolicy.PAUSE
    )
    for key, torrent in list(box.torrents.items()):
        if not torrent.stopped and len(torrent.name) == 1:
            box.torrents[key] = replace(torrent, options=replace(torrent.options, force_start=True))
    return replace(desired, instances={"box": guarded}), box


def bind(box: MemoryInstance, interface: str) -> None:
    """Bind the instance to an interface: its VPN goes down or comes up."""
    box.network_state = replace(box.network_state, interface=interface, interface_name=interface)


def run(desired: DesiredState, box: MemoryInstance) -> Run:
    """One run."""
    return run_once(desired, RunOptions(), fake_context(lambda instance, stop: box, utc=utc_now))


def leaking(box: MemoryInstance) -> set[str]:
    """Return our torrents that run and that no ignore tag excludes."""
    torrents = box.torrents.values()
    return {
        torrent.id
        for torrent in torrents
        if OWNER_TAG in torrent.tags and IGNORE_TAG not in torrent.tags and not torrent.stopped
    }


def running(box: MemoryInstance) -> dict[str, bool]:
    """Return the running torrents, each with its force-start flag."""
    return {torrent.id: torrent.options.force_start for torrent in box.torrents.values() if not torrent.stopped}


def assert_as_before(ran: dict[str, bool], desired: DesiredState, box: MemoryInstance) -> None:
    """Assert that the same torrents run as before. Ours that are not declared to run may have stopped since.

    A policy or another owner may have prevented that before, and a torrent without metadata runs until it has it.
    """
    paused = _ours(box, [entry for entry in desired.torrents if entry.paused])
    unforced = _ours(box, [entry for entry in desired.torrents if entry.options.get("force_start") is False])
    now = running(box)
    assert now.keys() <= ran.keys()
    assert ran.keys() - now.keys() <= paused
    assert {key for key in now if now[key] is not ran[key]} <= {key for key in unforced if not now.get(key)}


def _ours(box: MemoryInstance, entries: Sequence[DesiredTorrent]) -> set[str]:
    """Return the ids of our torrents that one of the entries declares."""
    ids = {key for entry in entries for key in entry.ids}
    ours = [
        torrent for torrent in box.torrents.values() if OWNER_TAG in torrent.tags and IGNORE_TAG not in torrent.tags
    ]
    return {torrent.id for torrent in ours if ids.intersection((torrent.id, *torrent.infohashes.ids))}


@take_examples(40)
@given(cases(), builds())
def test_when_down_nothing_owned_runs_and_nothing_else_changes(case: dict[str, Any], build: Build) -> None:
    desired, box = watched(case, build)
    before = dict(box.torrents)
    bind(box, DOWN)
    assert run(desired, box).instances[0].status is Status.UNHEALTHY
    assert leaking(box) == set()
    assert box.torrents.keys() == before.keys()
    for key, torrent in box.torrents.items():
        old = before[key]
        if torrent != old:
            assert OWNER_TAG in old.tags and not old.stopped and torrent.tags - old.tags <= {HELD_TAG, HELD_FORCED_TAG}
            assert old.tags <= torrent.tags


@take_examples(30)
@given(cases(), builds(), st.integers(0, 8), st.integers(0, 8))
def test_when_up_again_everything_is_as_before(
    case: dict[str, Any], build: Build, stopping: int, letting_go: int
) -> None:
    desired, box = watched(case, build)
    run(desired, box)
    run(desired, box)  # a torrent that is adopted may have an old mark; what was dropped goes now
    _assert_outage_leaves_no_trace(desired, box.copy())
    _assert_kills_leave_no_trace(desired, box, stopping, letting_go)


def _assert_outage_leaves_no_trace(desired: DesiredState, box: MemoryInstance) -> None:
    calm, ran = dict(box.torrents), running(box)
    bind(box, DOWN)
    run(desired, box)
    run(desired, box)
    bind(box, UP)
    run(desired, box)
    assert_as_before(ran, desired, box)
    assert {key: torrent.tags for key, torrent in box.torrents.items()} == {
        key: torrent.tags for key, torrent in calm.items()
    }


def _assert_kills_leave_no_trace(desired: DesiredState, box: MemoryInstance, stopping: int, letting_go: int) -> None:
    """Kill the run that stops the torrents and the one that lets them go, each after so many requests."""
    ran = running(box)
    for interface, requests in ((DOWN, stopping), (UP, letting_go)):
        bind(box, interface)
        box.fail_next(1, SimulatedKill(), skip=requests)  # type: ignore[arg-type]
        with suppress(SimulatedKill):
            run(desired, box)
        box.fail_next(0, SimulatedKill())  # type: ignore[arg-type]
        if interface == DOWN:
            run(desired, box)
            assert leaking(box) == set()
    run(desired, box)
    assert_as_before(ran, desired, box)
    ours = [
        torrent.tags
        for torrent in box.torrents.values()
        if OWNER_TAG in torrent.tags and IGNORE_TAG not in torrent.tags
    ]
    assert not any({HELD_TAG, HELD_FORCED_TAG} & tags for tags in ours)


def _free(entry: DesiredTorrent) -> DesiredTorrent:
    """Return the entry without `paused` and `force_start`."""
    options = {key: value for key, value in entry.options.items() if key != "force_start"}
    return replace(entry, paused=None, options=options)


@take_examples(30)
@given(cases(), builds())
def test_a_torrent_stopped_by_hand_stays_stopped(case: dict[str, Any], build: Build) -> None:
    desired, box = watched(case, build)
    entries = tuple(_free(entry) for entry in desired.torrents if not entry.absent)
    desired = replace(desired, torrents=(*entries, *(entry for entry in desired.torrents if entry.absent)))
    run(desired, box)
    chosen = sorted(box.torrents)[::2]
    for key in chosen:
        box.stop_torrents([key])
    bind(box, DOWN)
    run(desired, box)
    bind(box, UP)
    run(desired, box)
    assert not set(chosen) & set(running(box))
