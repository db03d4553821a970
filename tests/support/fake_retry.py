"""Retries that take no time."""

from __future__ import annotations

from reconciler.retry import RetryPolicy
from tests.support.fake_time import FakeTime


def fake_retry_policy(**options: float) -> RetryPolicy:
    """A policy on a clock of its own that only its sleeps move."""
    return RetryPolicy(FakeTime().clock, **options)  # type: ignore[arg-type]
