"""The back-off formula, and retries."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.errors import UnreachableError
from reconciler.retry import RetryPolicy, compute_backoff_delay, system_clock
from reconciler.waits import list_waits, track_wait


def test_delay_doubles_up_to_its_limit_with_full_jitter() -> None:
    assert [compute_backoff_delay(n, 1, 300, 1.0) for n in (1, 2, 3, 9, 10, 5000)] == [1, 2, 4, 256, 300, 300]
    assert compute_backoff_delay(3, 1, 300, 0.0) == 0


def test_the_error_after_which_it_is_tried_again_is_shown_until_it_succeeds() -> None:
    troubles: list[str] = []

    def read() -> str:
        troubles.append(list_waits()[0].trouble)
        if len(troubles) < 3:
            raise UnreachableError(f"home: refused {len(troubles)}")
        return "read"

    clock = replace(system_clock(), sleep=lambda _seconds: None)
    with track_wait("reading", "home"):
        assert RetryPolicy(clock).call_with_retry(read) == "read"
        assert list_waits()[0].trouble == ""
    assert troubles == ["", "home: refused 1", "home: refused 2"]
