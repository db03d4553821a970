"""Runs of the promises work on one instance after the other: threads would take a quarter of their time.

So an example that fails is the same one each time. That instances are worked on at the same time, and what then may
happen, is tested in tests/engine and on real servers (tests/e2e/test_trouble.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from reconciler.engine import concurrency


class InlineThread:
    """A thread that does its work while it is started."""

    def __init__(self, target: Callable[[], None], name: str) -> None:
        self.start = target
        self.name = name

    def join(self, _timeout: float | None = None) -> None:
        """Return at once: the work is done."""

    def is_alive(self) -> bool:
        return False


@pytest.fixture(autouse=True, scope="module")
def _work_inline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concurrency, "Thread", InlineThread)
        yield
