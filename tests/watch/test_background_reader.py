"""Reads between runs: each ends with an observation and a call, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from reconciler.engine.observation import OpenTarget, ReadRequest
from reconciler.engine.patience import Patience
from reconciler.model.content import CreationSpec
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError, UnreachableError
from reconciler.model.position import Position
from reconciler.model.snapshot import Snapshot
from reconciler.testing.memory import MemoryInstance
from reconciler.watch.background_reader import BackgroundReader, start_in_thread
from reconciler.watch.session_pool import SessionPool
from tests.support.fake_retry import fake_retry_policy

HERE = Position("desired.yaml", 3, 3)
HOME, ATTIC = (Instance(name, HERE, f"http://{name}") for name in ("home", "attic"))


class BrokenInstance(MemoryInstance):
    """An instance whose session has a bug."""

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        raise ZeroDivisionError


class World:
    """A reader whose work waits until a test runs it."""

    def __init__(self, home: MemoryInstance) -> None:
        self.boxes = {"home": home, "attic": MemoryInstance()}
        self.waiting: list[Callable[[], None]] = []
        self.answers = 0
        pool = SessionPool(self._connect)
        self.reader = BackgroundReader(
            pool,
            fake_retry_policy(max_attempts=1),
            threading.Event(),
            self._count_answer,
            self.waiting.append,
            Patience(),
        )

    def _connect(self, instance: Instance, _stop: threading.Event) -> OpenTarget:
        return self.boxes[instance.name]

    def _count_answer(self) -> None:
        self.answers += 1

    def pop(self) -> list[tuple[str, str]]:
        """Return the name of each instance that was read, and the version or the error."""
        return [
            (instance.name, observation.snapshot.version if observation.snapshot else str(observation.error))
            for instance, observation in self.reader.pop_observations()
        ]


def test_an_answer_is_returned_once() -> None:
    world = World(MemoryInstance())
    world.reader.start_read(HOME, ReadRequest())
    assert (world.pop(), world.answers) == ([], 0), "nothing is read before the worker starts"
    world.waiting[0]()
    assert world.answers == 1
    assert world.pop() == [("home", "v5.1.0")]
    assert world.pop() == []


def test_a_slow_instance_does_not_hold_up_another() -> None:
    world = World(MemoryInstance())
    world.reader.start_read(HOME, ReadRequest())
    world.reader.start_read(ATTIC, ReadRequest())
    world.waiting[1]()
    assert world.pop() == [("attic", "v5.1.0")]
    world.waiting[0]()
    assert world.pop() == [("home", "v5.1.0")]


def test_an_instance_that_still_fails_is_an_answer_too() -> None:
    world = World(MemoryInstance())
    world.boxes["home"].fail_next(1, UnreachableError("home: no connection"))
    world.reader.start_read(HOME, ReadRequest())
    world.waiting[0]()
    assert (world.pop(), world.answers) == ([("home", "home: no connection")], 1)


def test_a_bug_is_an_error_of_that_instance() -> None:
    world = World(BrokenInstance())
    world.reader.start_read(HOME, ReadRequest())
    world.waiting[0]()
    ((_, observation),) = world.reader.pop_observations()
    assert isinstance(observation.error, InstanceError)
    assert str(observation.error) == "home: internal error: ZeroDivisionError"
    assert world.answers == 1


def test_a_read_that_hangs_does_not_keep_the_process_alive() -> None:
    threads: list[threading.Thread] = []
    done = threading.Event()

    def work() -> None:
        threads.append(threading.current_thread())
        done.set()

    start_in_thread(work)
    assert done.wait(60)
    assert threads[0].daemon and threads[0] is not threading.current_thread()
