"""Work that is computed in a thread of its own, while the thread that hands it over sends requests.

Only one thread at a time runs Python, and one that computes gives it up every 5 ms. Beside it, a request would be
encoded and sent late, while the server has nothing to do. So the thread that sends goes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")

HEAD_START: Final = 0.01  # seconds for which a thread that computes leaves the interpreter to one that sends


class SideThread:
    """A thread that does one piece of work after the other. A context manager: at its end, all of them are done."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    def __enter__(self) -> Self:
        self._pool.submit(bool)  # starts the thread, which would otherwise begin before the next request is sent
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def hand_over(self, work: Callable[[], T]) -> SideWork[T]:
        """Hand over a piece of work. It begins after a head start, or as soon as someone waits for its result."""
        return SideWork(self._pool, work)


class SideWork(Generic[T]):
    """A piece of work that a side thread does."""

    def __init__(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> None:
        self._work = work
        self._is_awaited = threading.Event()
        self._future = pool.submit(self._do)

    def _do(self) -> T:
        self._is_awaited.wait(HEAD_START)
        return self._work()

    def result(self) -> T:
        """Wait for the result and return it. Raises what the work raises."""
        self._is_awaited.set()
        return self._future.result()
