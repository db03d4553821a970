"""The back-off formula."""

from __future__ import annotations

from reconciler.retry import compute_backoff_delay


def test_delay_doubles_up_to_its_limit_with_full_jitter() -> None:
    assert [compute_backoff_delay(n, 1, 300, 1.0) for n in (1, 2, 3, 9, 10, 5000)] == [1, 2, 4, 256, 300, 300]
    assert compute_backoff_delay(3, 1, 300, 0.0) == 0
