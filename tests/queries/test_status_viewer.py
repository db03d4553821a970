"""Repeated status reports: the instances that are read, and those in back-off."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler.engine.observation import OpenTarget
from reconciler.engine.selection import UnknownInstance
from reconciler.model.desired import DesiredState, DesiredTorrent, Instance, Policy
from reconciler.model.errors import AuthenticationError, UnreachableError
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import parse_magnet
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent.transfers import TransferStats
from reconciler.queries.status_viewer import StatusWatcher
from reconciler.retry import RetryPolicy
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_time import FakeTime
from tests.support.magnets import make_infohash, make_magnet


class Counted(MemoryInstance):
    """Counts logins, which fail as they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = self.closed = 0

    def open(self) -> None:
        self.opened += 1
        self._run_request(lambda: None)

    def close(self) -> None:
        self.closed += 1


class World:
    """Instances `a` and `b` in memory, each with one torrent declared for it."""

    def __init__(self) -> None:
        self.time = FakeTime(random=1.0)
        self.places = {"a": Counted(), "b": Counted()}
        for number, place in enumerate(self.places.values()):
            place.add_magnets([make_magnet(number)], AddOptions(stopped=True, auto_tmm=False))
        self.desired = DesiredState(
            Policy.SYNC,
            {name: Instance(name, Position("f", 1, 1), f"http://{name}") for name in self.places},
            tuple(self._entry(number, name) for number, name in enumerate(self.places)),
        )

    def viewer(self, names: Sequence[str] = ()) -> StatusWatcher:
        """Looks with a clock that only `time` moves."""

        def observe(instance: Instance, _stop: threading.Event, _gauge: TransferStats) -> OpenTarget:
            return self.places[instance.name]

        retry = RetryPolicy(self.time.clock, max_attempts=1)
        stop = threading.Event()
        return StatusWatcher(self.desired, names, stop, retry=retry, create_session=observe)

    @staticmethod
    def _entry(number: int, instance: str) -> DesiredTorrent:
        place = Position("f", number + 2, 1)
        return DesiredTorrent(place, InfoHashes(make_infohash(number)), parse_magnet(make_magnet(number)), instance)


def seen(viewer: StatusWatcher) -> dict[str, str]:
    """The phases of a look, by instance."""
    return {torrent.instance: str(torrent.phase) for torrent in viewer.read_status().torrents}


def test_one_session_for_all_looks() -> None:
    world = World()
    with world.viewer() as viewer:
        for _ in range(3):
            assert seen(viewer) == {"a": "stopped", "b": "stopped"}
    assert [(place.opened, place.closed) for place in world.places.values()] == [(1, 1), (1, 1)]


def test_only_the_instances_that_are_named() -> None:
    world = World()
    with world.viewer(["b"]) as viewer:
        assert seen(viewer) == {"b": "stopped"}
    assert world.places["a"].opened == 0
    with pytest.raises(UnknownInstance):
        world.viewer(["c"])


def test_one_that_is_down_is_left_alone_for_longer_and_longer_and_comes_back() -> None:
    world = World()
    with world.viewer() as viewer:
        seen(viewer)
        world.places["a"].fail_next(1000, UnreachableError("a: no answer"))
        looks = []
        for _ in range(200):
            assert seen(viewer) == {"a": "unknown", "b": "stopped"}
            looks.append(world.places["a"].opened)
            world.time.pass_(1)
        assert looks[:8] == [1, 2, 2, 3, 3, 3, 3, 4], "after 1 s, 2 s, 4 s, …"
        assert 8 <= looks[-1] <= 14, "at least every 30 s: somebody is looking"
        world.places["a"].fail_next(0, UnreachableError(""))
        world.time.pass_(30)
        assert seen(viewer) == {"a": "stopped", "b": "stopped"}


def test_refused_credentials_are_not_tried_with_every_look() -> None:
    world = World()
    world.places["a"].fail_next(1000, AuthenticationError("a: the password was refused"))
    with world.viewer() as viewer:
        for _ in range(800):
            assert viewer.read_status().instances[0].status == "auth_failed"
            world.time.pass_(1)
        assert world.places["a"].opened <= 1 + 800 // 30, "it looks; the session sends nothing"
        changed = replace(world.desired.instances["a"], password=Secret("better"))
        world.places["a"].fail_next(0, UnreachableError(""))
        viewer.set_desired(replace(world.desired, instances={**world.desired.instances, "a": changed}))
        assert seen(viewer) == {"a": "stopped", "b": "stopped"}, "another password starts again"


def test_another_desired_state() -> None:
    world = World()
    with world.viewer(["a"]) as viewer:
        seen(viewer)
        more = replace(world.desired, torrents=(*world.desired.torrents, world._entry(7, "a")))
        viewer.set_desired(more)
        assert [str(torrent.phase) for torrent in viewer.read_status().torrents] == ["stopped", "missing"]
        viewer.set_desired(replace(more, instances={"b": more.instances["b"]}, torrents=more.torrents[1:2]))
        assert viewer.read_status().torrents == (), "what it was to show is not declared any more"
        assert world.places["a"].closed == 1
        assert world.places["b"].opened == 0
