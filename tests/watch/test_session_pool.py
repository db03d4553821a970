"""Sessions that stay open between runs."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from reconciler.engine.observation import OpenTarget
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, RejectedError, UnreachableError
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.testing.memory import MemoryInstance
from reconciler.watch.session_pool import SessionPool

BOX = Instance("box", Position("desired.yaml", 4, 3), "http://box", "admin", Secret("old"))
STOP = threading.Event()


class Counted(MemoryInstance):
    """Notes when it is opened and closed."""

    def __init__(self, log: list[str], name: str) -> None:
        super().__init__()
        self._log = log
        self._name = name

    def open(self) -> None:
        self._log.append(f"open {self._name}")
        self._run_request(lambda: None)

    def close(self) -> None:
        self._log.append(f"close {self._name}")


class World:
    """A pool whose targets are noted."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.made: list[Counted] = []
        self.pool = SessionPool(self._connect)

    def _connect(self, instance: Instance, _stop: threading.Event) -> OpenTarget:
        self.made.append(Counted(self.log, instance.name))
        return self.made[-1]

    def run(self, instance: Instance = BOX) -> int:
        """Use a target as a run does, and return its requests."""
        target = self.pool.connect(instance, STOP)
        try:
            target.open()
            target.read_snapshot()
        finally:
            target.close()
        return target.request_count


def test_a_healthy_session_is_opened_once_and_counts_each_run_by_itself() -> None:
    world = World()
    assert [world.run() for _ in range(3)] == [2, 1, 1]
    assert world.log == ["open box"]
    world.pool.close()
    world.pool.close()
    assert world.log == ["open box", "close box"]


def test_failed_session_is_closed_and_opened_again() -> None:
    world = World()
    world.run()
    world.made[0].fail_next(1, UnreachableError("gone"))
    with pytest.raises(UnreachableError):
        world.run()
    assert world.log == ["open box", "close box"]
    world.run()
    assert world.log == ["open box", "close box", "open box"]


def test_failed_open_leaves_the_session_closed() -> None:
    world = World()
    target = world.pool.connect(BOX, STOP)
    world.made[0].fail_next(1, InstanceError("no"))
    with pytest.raises(InstanceError):
        target.open()
    target.open()
    assert world.log == ["open box", "open box"]


def test_rejected_request_keeps_the_session() -> None:
    world = World()
    target = world.pool.connect(BOX, STOP)
    target.open()
    with pytest.raises(RejectedError):
        target.rename_torrent("0" * 40, "x")
    target.close()
    assert world.log == ["open box"]


def test_removed_or_changed_instance_is_logged_out() -> None:
    world = World()
    world.run()
    moved = replace(BOX, position=Position("desired.yaml", 9, 3))
    world.pool.close_stale({"box": moved})
    world.run(moved)
    assert world.log == ["open box"], "another line of the file is no other instance"
    world.pool.close_stale({"box": replace(BOX, password=Secret("new"))})
    assert world.log == ["open box", "close box"]
    world.run(replace(BOX, password=Secret("new")))
    world.pool.close_stale({})
    assert world.log == ["open box", "close box"] * 2
