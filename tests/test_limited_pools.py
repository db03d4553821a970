"""A reply through a pool of urllib3 ends in time."""

from __future__ import annotations

import pytest
from urllib3.exceptions import ReadTimeoutError

from reconciler.limited_pools import LimitedHttpPool, LimitedHttpsPool
from reconciler.reply_limits import LimitedResponse, ReplyLimits, limit_replies
from tests.support.dripping import dripping_server


def test_a_dripping_reply_ends_at_the_deadline() -> None:
    with (
        dripping_server(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 999, 0.02) as port,
        LimitedHttpPool("127.0.0.1", port, timeout=5) as pool,
        limit_replies(ReplyLimits(5, 0.5)),
        pytest.raises(ReadTimeoutError),
    ):
        pool.urlopen("GET", "/", retries=False, preload_content=False).read()


def test_https_has_the_same_limits() -> None:
    assert LimitedHttpsPool.ConnectionCls.response_class is LimitedResponse
