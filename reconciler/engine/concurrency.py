"""Work on many instances at the same time; a bug met on one does not end the others.

See docs/decisions/0171-a-thread-takes-one-instance-after-the-other.md.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from threading import Thread
from time import monotonic
from typing import Final, Generic, TypeVar

from reconciler.model.errors import InternalError
from reconciler.waits import track_wait

T = TypeVar("T")

MAX_WORKERS: Final = 32  # instances at a time; each holds one connection and one thread
QUICK_WORK: Final = 0.0025  # seconds for an instance that answers at once: most of the time is work of our own


class InstanceWork(Generic[T]):
    """Work on instances, which threads share: each takes the next instance when it is done with one.

    `results`: of the instances whose work has ended well, with the time (`time.monotonic`) at which it did.
    """

    def __init__(self, names: Iterable[str], work: Callable[[str], T], verb: str) -> None:
        self.results: dict[str, tuple[T, float]] = {}
        self._errors: dict[str, BaseException] = {}
        self._names = list(names)
        self._left = deque(self._names)
        self._work = work
        self._verb = verb
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Start threads while there are instances that none has taken. Those there are doubled until work is quick.

        Only one thread at a time runs Python: more of them make instances that answer at once dearer, and no quicker.
        """
        self._start_thread()
        ended = 0
        while self._left and len(self._threads) < MAX_WORKERS:
            self._threads[-1].join(2 * QUICK_WORK)
            ended_before, ended = ended, len(self.results)
            if ended - ended_before < 2 * len(self._threads):
                for _ in self._threads[: MAX_WORKERS - len(self._threads)]:
                    self._start_thread()

    def _start_thread(self) -> None:
        if self._left:
            thread = Thread(target=self._work_off, name=f"instance_{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all work has ended, for so many seconds at most. Return True if it has."""
        until = None if timeout is None else monotonic() + timeout
        for thread in self._threads:
            thread.join(None if until is None else max(0.0, until - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def list_unfinished(self) -> set[str]:
        """Return the instances whose work has not ended."""
        return set(self._names) - self.results.keys() - self._errors.keys()

    def collect(self) -> dict[str, T]:
        """Return the result of each instance. Raises what was not contained."""
        for name in self._names:
            if name in self._errors:
                raise self._errors[name]
        return {name: self.results[name][0] for name in self._names}

    def _work_off(self) -> None:
        while True:
            try:
                name = self._left.popleft()
            except IndexError:
                return
            try:
                with track_wait(self._verb, name):
                    result = self._work(name)
                self.results[name] = result, monotonic()
            except BaseException as error:
                self._errors[name] = error


def map_instances(
    names: Iterable[str],
    work: Callable[[str], T],
    verb: str = "reading",
    wait_for: Callable[[InstanceWork[T]], object] = InstanceWork.wait,
) -> dict[str, T]:
    """Call `work` with every name, concurrently, and return all results. `wait_for` waits until they are there.

    `verb` says what the work is, as in "reading": a command that waits for it shows that.
    """
    instance_work = InstanceWork(names, work, verb)
    try:
        instance_work.start()
        wait_for(instance_work)
    finally:
        instance_work.wait()
    return instance_work.collect()


def contain_errors(work: Callable[[str], T], fail: Callable[[str, InternalError], T]) -> Callable[[str], T]:
    """Return `work` with every unexpected exception made the result that `fail` returns for that instance."""

    def call(name: str) -> T:
        try:
            return work(name)
        except Exception as error:
            internal_error = InternalError(name, error)
            log_internal_error(internal_error)
            return fail(name, internal_error)

    return call


def log_internal_error(error: InternalError) -> None:
    """Log the traceback of an internal error, which `-v` shows."""
    structlog = sys.modules.get("structlog")  # a run that logs nothing does not import it
    if structlog and structlog.is_configured():
        structlog.get_logger().debug("internal error", exc_info=error.__cause__)
