"""A clock that only sleeping moves, and dice that always fall the same."""

from __future__ import annotations

from reconciler.retry import RetryPolicy


def fake_pace(**options: float) -> RetryPolicy:
    """A pace without waiting."""
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += max(seconds, 0.001)

    def now() -> float:
        return clock[0]

    return RetryPolicy(now, sleep, lambda: 0.5, **options)  # type: ignore[arg-type]
