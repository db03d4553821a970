"""Work on many instances at the same time, one thread for each; a bug met on one does not end the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

from reconciler.model.errors import InternalError
from reconciler.waits import track_wait

T = TypeVar("T")

MAX_WORKERS: Final = 32  # instances at a time; each holds one connection and one thread


def map_instances(
    names: Iterable[str],
    work: Callable[[str], T],
    verb: str = "reading",
    wait_for: Callable[[Mapping[str, Future[T]]], object] = lambda futures: wait(futures.values()),
) -> dict[str, T]:
    """Call `work` with every name, concurrently, and return all results. `wait_for` waits until they are there.

    `verb` says what the work is, as in "reading": a command that waits for it shows that.
    """
    names = list(names)
    if not names:
        return {}

    def work_visibly(name: str) -> T:
        with track_wait(verb, name):
            return work(name)

    with ThreadPoolExecutor(min(MAX_WORKERS, len(names)), thread_name_prefix="instance") as pool:
        futures: dict[str, Future[T]] = {name: pool.submit(work_visibly, name) for name in names}
        wait_for(futures)
    return {name: future.result() for name, future in futures.items()}


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
