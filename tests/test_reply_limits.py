"""The time that a reply may take, by a clock of ours and over a real socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from reconciler.reply_limits import (
    MIN_BYTES_PER_SECOND,
    STOP_GRACE,
    LimitedConnection,
    ReplyCancelled,
    ReplyLimits,
    ReplyTimer,
    SlowReply,
    limit_replies,
)
from reconciler.retry import Clock
from tests.support.dripping import dripping_server
from tests.support.fake_time import FakeTime

LIMITS = ReplyLimits(silence=60, grace=15, duration=600)


def let_pass(timer: ReplyTimer, clock: Clock, seconds: float) -> None:
    """Let time pass as a reader would: no longer at once than the timer allows."""
    end = clock.now() + seconds
    while clock.now() < end:
        clock.sleep(min(timer.compute_wait(), end - clock.now()))


def receive(timer: ReplyTimer, clock: Clock, counts: Sequence[int]) -> None:
    """Receive so many bytes in each second."""
    for count in counts:
        timer.record_bytes(count)
        let_pass(timer, clock, 1)


def test_silence_before_the_first_byte_is_a_timeout_and_not_a_slow_reply() -> None:
    clock = FakeTime().clock
    timer = ReplyTimer(LIMITS, clock.now)
    let_pass(timer, clock, 60)
    with pytest.raises(TimeoutError) as raised:
        timer.compute_wait()
    assert type(raised.value) is TimeoutError


def test_a_byte_a_second_is_too_slow_after_the_grace() -> None:
    clock = FakeTime().clock
    timer = ReplyTimer(LIMITS, clock.now)
    let_pass(timer, clock, 50)  # a busy server thinks before it answers
    with pytest.raises(SlowReply):
        receive(timer, clock, [1] * 20)
    assert clock.now() == pytest.approx(50 + 15, abs=0.1)


def test_a_long_reply_at_a_fair_rate_has_the_time_that_it_needs() -> None:
    clock = FakeTime().clock
    timer = ReplyTimer(LIMITS, clock.now)
    receive(timer, clock, [MIN_BYTES_PER_SECOND] * 300)


def test_no_reply_takes_longer_than_the_whole_duration() -> None:
    clock = FakeTime().clock
    timer = ReplyTimer(LIMITS, clock.now)
    with pytest.raises(SlowReply):
        receive(timer, clock, [MIN_BYTES_PER_SECOND] * 1000)
    assert clock.now() == pytest.approx(600, abs=0.1)


def test_a_request_to_stop_leaves_the_reply_under_way_a_few_seconds() -> None:
    clock, stop = FakeTime().clock, threading.Event()
    timer = ReplyTimer(ReplyLimits(60, 15, stop=stop), clock.now)
    let_pass(timer, clock, 20)
    stop.set()
    with pytest.raises(ReplyCancelled):
        let_pass(timer, clock, 60)
    assert clock.now() == pytest.approx(20 + STOP_GRACE, abs=1)


def test_a_check_may_end_the_wait() -> None:
    def fail() -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        ReplyTimer(ReplyLimits(60, 15, check=fail)).compute_wait()


def get(connection: LimitedConnection) -> bytes:
    """Return the body of a response."""
    connection.request("GET", "/")
    return connection.getresponse().read()


@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 999])
def test_a_dripping_head_or_body_ends_at_the_deadline(reply: bytes) -> None:
    with dripping_server(reply, 0.02) as port:
        began = time.monotonic()
        connection = LimitedConnection("127.0.0.1", port, timeout=5)
        with limit_replies(ReplyLimits(5, 0.7)), pytest.raises(SlowReply):
            get(connection)
        connection.close()
        assert time.monotonic() - began < 15


def test_without_limits_a_response_is_read_as_usual() -> None:
    with dripping_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0) as port:
        connection = LimitedConnection("127.0.0.1", port, timeout=5)
        assert get(connection) == b"ok"
        connection.close()
