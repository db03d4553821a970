"""Reads of failing instances between runs, in threads, so that an instance that hangs does not block the loop.

See docs/decisions/0012-do-not-restart-for-a-hanging-instance.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

from reconciler.engine.observation import Observation, OpenTarget, ReadRequest
from reconciler.engine.observe import read_instance
from reconciler.engine.patience import Patience
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError
from reconciler.retry import RetryPolicy
from reconciler.watch.session_pool import SessionPool

StartWorker = Callable[[Callable[[], None]], None]


def start_in_thread(work: Callable[[], None]) -> None:
    """Start the work in a thread that does not keep the process alive."""
    threading.Thread(target=work, name="background-read", daemon=True).start()


class BackgroundReader:
    """Opens and reads instances, each in its own thread, and calls `on_answer` in that thread at the end.

    The pool keeps the open session and what it has read, so that the next run has little left to request.
    """

    def __init__(
        self,
        pool: SessionPool,
        retry: RetryPolicy,
        stop: threading.Event,
        on_answer: Callable[[], None],
        start_worker: StartWorker,
        patience: Patience,
    ):
        self._pool: Final = pool
        self._retry: Final = retry
        self._stop: Final = stop
        self._on_answer: Final = on_answer
        self._start_worker: Final = start_worker
        self._patience: Final = patience
        self._observations: Final[SimpleQueue[tuple[Instance, Observation]]] = SimpleQueue()

    def start_read(self, instance: Instance, read_request: ReadRequest) -> None:
        """Open and read an instance that no run and no other read uses now."""
        target = self._pool.connect(instance, self._stop)
        self._start_worker(lambda: self._read(instance, target, read_request))

    def pop_observations(self) -> Iterator[tuple[Instance, Observation]]:
        """Yield what was read since the last call."""
        while True:
            try:
                yield self._observations.get_nowait()
            except Empty:
                return

    def _read(self, instance: Instance, target: OpenTarget, read_request: ReadRequest) -> None:
        started_at = monotonic()
        try:
            observation = read_instance(target, self._retry, read_request)
            if observation.snapshot:
                self._patience.record_read(instance.name, monotonic() - started_at)
        except Exception as error:  # a bug must not leave the instance unread for ever
            observation = Observation(
                target, error=InstanceError(f"{instance.name}: internal error: {type(error).__name__}")
            )
        target.close()
        self._observations.put((instance, observation))
        self._on_answer()
