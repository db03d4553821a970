"""Asking again those who failed, while the loop goes on without them: one that hangs holds nobody else up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Final

from reconciler.engine.observe import read
from reconciler.engine.reading import Needs, OpenTarget, Reading
from reconciler.model.desired import Instance
from reconciler.model.errors import InstanceError
from reconciler.retry import Pace
from reconciler.watch.session_pool import Pool

Start = Callable[[Callable[[], None]], None]


def in_thread(work: Callable[[], None]) -> None:
    """Do it in a thread that does not keep the process alive."""
    threading.Thread(target=work, name="aside", daemon=True).start()


class Aside:
    """Opens and reads instances of a pool, each in a thread of its own; `answered` is called in it at the end.

    What is open and read then is kept by the pool, so that the next run has little left to ask for.
    """

    def __init__(self, pool: Pool, pace: Pace, stop: threading.Event, answered: Callable[[], None], start: Start):
        self._pool: Final = pool
        self._pace: Final = pace
        self._stop: Final = stop
        self._answered: Final = answered
        self._start: Final = start
        self._answers: Final[SimpleQueue[tuple[Instance, Reading]]] = SimpleQueue()

    def ask(self, instance: Instance, wanted: Needs) -> None:
        """Ask one that nobody else is talking to now, with all that is `wanted` of it."""
        target = self._pool.connect(instance, self._stop)
        self._start(lambda: self._ask(instance, target, wanted))

    def answers(self) -> Iterator[tuple[Instance, Reading]]:
        """What came of it since the last call."""
        while True:
            try:
                yield self._answers.get_nowait()
            except Empty:
                return

    def _ask(self, instance: Instance, target: OpenTarget, wanted: Needs) -> None:
        try:
            reading = read(target, self._pace, wanted)
        except Exception as error:  # a bug of ours must not leave the instance unasked for ever
            reading = Reading(target, error=InstanceError(f"{instance.name}: internal error: {type(error).__name__}"))
        target.close()
        self._answers.put((instance, reading))
        self._answered()
