"""Work on many instances at the same time, one thread for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

T = TypeVar("T")

MAX_WORKERS: Final = 32  # instances at a time; each holds one connection and one thread


def map_instances(names: Iterable[str], work: Callable[[str], T]) -> dict[str, T]:
    """Call `work` with every name, concurrently, and wait for all results; signals are handled meanwhile."""
    names = list(names)
    if not names:
        return {}
    with ThreadPoolExecutor(min(MAX_WORKERS, len(names)), thread_name_prefix="instance") as pool:
        futures: dict[str, Future[T]] = {name: pool.submit(work, name) for name in names}
        wait(futures.values())
    return {name: future.result() for name, future in futures.items()}
