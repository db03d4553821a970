"""Connection pools of urllib3 whose replies end in time: see `reply_limits`."""

from __future__ import annotations

from typing import Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from reconciler.reply_limits import LimitedResponse


class _LimitedHttpConnection(HTTPConnection):
    response_class = LimitedResponse


class _LimitedHttpsConnection(HTTPSConnection):
    response_class = LimitedResponse


class LimitedHttpPool(urllib3.HTTPConnectionPool):
    """Connections to one host over http."""

    ConnectionCls = _LimitedHttpConnection


class LimitedHttpsPool(urllib3.HTTPSConnectionPool):
    """Connections to one host over https."""

    ConnectionCls = _LimitedHttpsConnection


POOLS_BY_SCHEME: Final = {"http": LimitedHttpPool, "https": LimitedHttpsPool}  # for urllib3's `PoolManager`
