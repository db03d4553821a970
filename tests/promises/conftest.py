"""Runs of the promises work on one instance after the other: threads would take a quarter of their time.

So an example that fails is the same one each time. That instances are worked on at the same time, and what then may
happen, is tested in tests/engine and on real servers (tests/e2e/test_trouble.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from reconciler.engine import concurrency


class InlineExecutor(Executor):
    """Calls each function at once. Like a thread, it keeps an exception for whoever asks for the result."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Return a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **options))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture(autouse=True, scope="module")
def _work_inline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concurrency, "ThreadPoolExecutor", InlineExecutor)
        yield
