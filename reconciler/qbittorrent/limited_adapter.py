"""The transport of requests to an instance: every reply has a deadline and a largest size.

See docs/decisions/0018-every-reply-has-a-deadline-and-a-size.md.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.utils import get_encoding_from_headers

from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.qbittorrent.errors import UnexpectedReply
from reconciler.qbittorrent.plain_http import POOLS_BY_SCHEME
from reconciler.reply_limits import MAX_DURATION, ReplyCancelled, ReplyLimits, limit_replies

MAX_SMALL_REPLY: Final = 16 << 20  # bytes; the preferences may contain long lists of addresses
MAX_LIST_WITHOUT_ROWS: Final = 64 << 20  # bytes of a list before its first row; also of changes to many torrents
MAX_ROW: Final = 16 << 10  # bytes of a row on average; 1,500 are usual
MAX_LIST: Final = 512 << 20  # bytes: 350,000 torrents of usual length
_LIST_ENDPOINTS: Final = ("torrents/info", "torrents/files", "sync/maindata")
_ROW_MARKS: Final = (b'"magnet_uri"', b'"priority"')  # one of them is in every row of a torrent or a file
_CHUNK_SIZE: Final = 1 << 18
_SLOW_SHARE: Final = 0.25  # of the read timeout: the time of a reply from its first byte, besides what its size needs


class LimitedAdapter(HTTPAdapter):
    """Sends requests, and receives each reply whole, in chunks.

    A slow reply raises what a timeout raises, one that is too long raises `UnexpectedReply`. After `stop` is set, the
    reply under way has a few seconds left; after `cancelled` is set, it and every later one fails.
    """

    def __init__(self, stop: threading.Event | None, cancelled: threading.Event | None, **arguments: Any) -> None:
        self._stop, self._cancelled = stop, cancelled
        self._pool: Any = None
        super().__init__(**arguments)

    def init_poolmanager(self, *args: Any, **arguments: Any) -> None:
        """Use connections with limits."""
        super().init_poolmanager(*args, **arguments)
        self.poolmanager.pool_classes_by_scheme = POOLS_BY_SCHEME

    def proxy_manager_for(self, proxy: str, **arguments: Any) -> Any:
        """Use connections with limits through an HTTP proxy too."""
        manager = super().proxy_manager_for(proxy, **arguments)
        if isinstance(manager, urllib3.ProxyManager) and urlsplit(proxy).scheme.lower() in POOLS_BY_SCHEME:
            manager.pool_classes_by_scheme = POOLS_BY_SCHEME
        return manager

    def get_connection_with_tls_context(self, *args: Any, **arguments: Any) -> Any:
        """Return the pool of the server: all requests of a client have the same address, TLS settings and proxies."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **arguments)
        return self._pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """Return the target of the request line, without a search for the proxy of an address where there is none."""
        return super().request_url(request, proxies) if proxies else request.path_url

    def close(self) -> None:
        """Close all connections. The next request opens new ones."""
        self._pool = None
        super().close()

    def build_response(self, request: PreparedRequest, raw: Any) -> Response:
        """Return the response as requests does, but for a cookie jar of its own, which nobody reads."""
        response = Response()
        response.status_code, response.reason, response.raw = raw.status, raw.reason, raw
        response.headers = raw.headers
        response.encoding = get_encoding_from_headers(response.headers)
        response.url, response.request, response.connection = request.url or "", request, self
        return response

    def check_cancelled(self) -> None:
        """Raise `ReplyCancelled` after `cancelled` is set."""
        if self._cancelled and self._cancelled.is_set():
            raise ReplyCancelled("the run went on without it, because other instances waited for it")

    def send(self, request: PreparedRequest, *args: Any, **arguments: Any) -> Response:
        """Send the request, and return the response with its whole body."""
        timeout = arguments.get("timeout")
        silence = float(timeout[1] if isinstance(timeout, tuple) else timeout or MAX_DURATION)
        limits = ReplyLimits(
            silence, silence * _SLOW_SHARE, max(MAX_DURATION, silence), self._stop, self.check_cancelled
        )
        with limit_replies(limits):
            response = super().send(request, *args, **{**arguments, "stream": True})
            raw: Any = response.raw
            try:
                chunks = _receive_body(raw, request.path_url.partition("?")[0])
            except BaseException:
                response.close()
                raise
        raw.stream = lambda *_args, **_arguments: _drain(chunks)
        return response


def _drain(chunks: deque[bytes]) -> Iterator[bytes]:
    """Yield the chunks, and keep none."""
    while chunks:
        yield chunks.popleft()


def _receive_body(raw: Any, path: str) -> deque[bytes]:
    """Receive a body whole, decompressed. Raises `UnexpectedReply` if it is longer than any reply of qBittorrent."""
    is_list = path.endswith(_LIST_ENDPOINTS)
    limit = MAX_LIST_WITHOUT_ROWS if is_list else MAX_SMALL_REPLY
    if path.endswith(("torrents/export", "torrentcreator/torrentFile")):
        limit = MAX_TORRENT_FILE_BYTES
    chunks: deque[bytes] = deque()
    size = rows = 0
    is_encoded = "Content-Encoding" in raw.headers
    while chunk := raw.read1(_CHUNK_SIZE, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if is_list:
            rows += sum(chunk.count(mark) for mark in _ROW_MARKS)
        if size > min(limit + rows * MAX_ROW, MAX_LIST):
            raise UnexpectedReply(
                f"sends more than {size >> 20} MiB, which qBittorrent never does. Does `url` lead to its Web UI?"
            )
        if raw.length_remaining == 0 and not is_encoded:
            break  # a read that finds the end would take as long as the first
    return chunks
