"""Sessions that read their instances while the torrents of the desired state are still being checked.

See docs/decisions/0134-reading-begins-while-torrents-are-checked.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from reconciler.engine.concurrency import MAX_WORKERS, map_instances
from reconciler.engine.selection import RunOptions, UnknownInstance, select_scope
from reconciler.engine.session_key import session_key
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.qbittorrent import Session
from reconciler.side_thread import HEAD_START
from reconciler.waits import track_wait

if TYPE_CHECKING:
    from reconciler.engine.observation import OpenTarget

MAX_AGE: Final = 30.0  # seconds after which a run reads again: a load that downloads torrents may take minutes

Connect = Callable[[Instance, threading.Event], Session]


class EarlySessions:
    """Opens sessions and reads ahead of the first run, which takes them by `connect`.

    `options` select the instances. A context manager: at its end, the sessions that no run has taken are logged out.
    `now` is a monotonic clock.
    """

    def __init__(
        self,
        connect: Connect,
        options: RunOptions,
        stop: threading.Event,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._options = options
        self._stop = stop
        self._now = now
        self._early: dict[str, _EarlyTarget] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log out of what no run has taken. A read that still goes on is ended first."""
        map_instances(self._early, lambda name: self._early[name].discard(), "logging out of")

    def begin(self, desired: DesiredState) -> None:
        """Begin to open and read the instances that a run will read, each in a thread of its own.

        The torrents of the desired state need not be known yet. An instance that only they name is read by the run.
        """
        try:
            instances = select_scope(desired, self._options).observed
        except UnknownInstance:  # the run says so, if nothing else is wrong
            return
        if not instances:
            return
        pool = ThreadPoolExecutor(min(MAX_WORKERS, len(instances)), thread_name_prefix="instance")
        for instance in instances:
            target = _EarlyTarget(instance, self._connect(instance, self._stop), self._now)
            self._early[instance.name] = target
            target.reading = pool.submit(target.read)
        pool.shutdown(wait=False)  # its threads end with the last read
        wait(self._list_readings(), timeout=HEAD_START)  # until logins are sent, for which threads look into files

    def _list_readings(self) -> list[Future[None]]:
        return [target.reading for target in self._early.values() if target.reading]

    def connect(self, instance: Instance, stop: threading.Event) -> OpenTarget:
        """Return the early session of an instance, otherwise a new one. This is a `SessionFactory`."""
        target = self._early.pop(instance.name, None)
        if target and target.is_fit_for(instance):
            return cast("OpenTarget", target)
        if target:
            target.discard()
        return self._connect(instance, stop)


class _EarlyTarget:
    """A session that may still be opening. To a run it is one that is not open yet, and has sent nothing."""

    reading: Future[None] | None = None  # until the run has waited for it

    def __init__(self, instance: Instance, session: Session, now: Callable[[], float]) -> None:
        self._instance = instance
        self._session = session
        self._now = now
        self._read_at: float | None = None

    def read(self) -> None:
        """Open the session and read ahead. A read that fails is tried again by the run."""
        with track_wait("reading", self._instance.name):
            self._session.open()
            with suppress(InstanceError, StopRequested):
                self._session.read_ahead()
            self._read_at = self._now()

    def is_fit_for(self, instance: Instance) -> bool:
        """True if the session is on the server that is declared now, and what it has read is not too old."""
        is_recent = self._read_at is None or self._now() - self._read_at <= MAX_AGE
        return is_recent and session_key(instance) == session_key(self._instance)

    def discard(self) -> None:
        """Log out. A read that still goes on is ended first."""
        if self.reading and not self.reading.cancel() and not self.reading.done():
            self._session.cancel()
            wait([self.reading])
        self._session.close()

    @property
    def request_count(self) -> int:
        """The number of requests sent, as soon as the run has opened the session."""
        return 0 if self.reading else self._session.request_count

    def open(self) -> None:
        """Wait until the session is open. Raises what prevented it; a second call tries again."""
        reading, self.reading = self.reading, None
        if reading:
            reading.result()
        else:
            self._session.open()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
