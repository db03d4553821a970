"""Reading all instances at once; the failure of one stays its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from reconciler.apply.pace import Pace
from reconciler.apply.target import Target
from reconciler.live import Mirror, Session
from reconciler.model.content import Creation
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.health import Health
from reconciler.model.network import NetworkState
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import Snapshot

T = TypeVar("T")

WORKERS = 32  # instances at a time; each holds one connection and one thread


class OpenTarget(Target, Protocol):
    """A target that is opened before use and closed after it."""

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent."""

    @property
    def fresh(self) -> bool:
        """Was the last snapshot a full read, that depends on nothing read before?"""

    def refresh(self, files_of: Collection[str] = (), content: Collection[Creation] = ()) -> Snapshot:
        """A snapshot by a full read."""

    def network(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network: of the `interface` it is bound to, and the rest."""

    def free_space(self) -> int | None:
        """Bytes free at the default path; None where that is not told. Takes a session of its own."""

    def open(self) -> None:
        """Log in, once. Raises `InstanceError`."""

    def close(self) -> None:
        """Log out. Never raises."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What is read of an instance besides: the files of torrents, by their ids, and what is being made as declared."""

    files: Collection[str] = ()
    content: Collection[Creation] = ()

    @classmethod
    def of(cls, desired: Desired, instance: str) -> Needs:
        """What the desired state needs of it."""
        return cls(desired.files_of(instance), desired.content_on(instance))


Connect = Callable[[Instance, threading.Event], OpenTarget]


def connect(instance: Instance, stop: threading.Event) -> OpenTarget:
    """A session on the real Web API of an instance, not yet open."""
    return Session(instance, stop=stop)


def follow(instance: Instance, stop: threading.Event) -> OpenTarget:
    """The same for a loop: it reads cheaply what has hardly changed."""
    import structlog  # a tenth of a second that a single run can do without

    return Mirror(instance, stop=stop, tell=structlog.get_logger().warning)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one instance gave: an open session with a whole snapshot, or the error that prevented it.

    `done`: what was so urgent that it was not left for later, by the id of its torrent; `lost`: the error that ended
    that. `free`: bytes of free space, where that was asked for and told.
    """

    target: OpenTarget
    snapshot: Snapshot | None = None
    error: InstanceError | Stopped | None = None
    health: Health | None = None
    free: int | None = None
    done: Mapping[str, ActionResult] = field(default_factory=dict)
    lost: InstanceError | None = None


Look = Callable[[Instance, OpenTarget], Reading]


@contextmanager
def read_all(
    instances: Iterable[Instance], stop: threading.Event, look: Look, connect: Connect = connect
) -> Iterator[Mapping[str, Reading]]:
    """Snapshots of all instances, by name, read side by side; their sessions are logged out at the end."""
    chosen = {instance.name: instance for instance in instances}
    sessions = {name: connect(instance, stop) for name, instance in chosen.items()}
    try:
        yield each(sessions, lambda name: look(chosen[name], sessions[name]))
    finally:
        each(sessions, lambda name: sessions[name].close())


def each(names: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
    """Do the work for all names side by side and wait for all of it; signals are handled meanwhile."""
    names = list(names)
    if not names:
        return {}
    with ThreadPoolExecutor(min(WORKERS, len(names)), thread_name_prefix="instance") as pool:
        futures: dict[str, Future[T]] = {name: pool.submit(work, name) for name in names}
        wait(futures.values())
    return {name: future.result() for name, future in futures.items()}


def read(target: OpenTarget, pace: Pace, wanted: Needs) -> Reading:
    """Open one instance and read it whole."""
    try:
        pace.patiently(target.open)
        return Reading(target, pace.patiently(lambda: target.snapshot(wanted.files, wanted.content)))
    except (InstanceError, Stopped) as error:
        return Reading(target, error=error)


def read_afresh(reading: Reading, pace: Pace, wanted: Needs) -> Reading:
    """The same instance by a full read, in the session that is open. Its health is what it was a moment ago."""
    try:
        snapshot = pace.patiently(lambda: reading.target.refresh(wanted.files, wanted.content))
        return replace(reading, snapshot=snapshot)
    except (InstanceError, Stopped) as error:
        return Reading(reading.target, error=error)
