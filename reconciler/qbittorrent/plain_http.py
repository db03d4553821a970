"""Plain requests and replies, as qBittorrent has them, without the generality of the HTTP libraries.

What is not plain in every respect is left to them. See docs/decisions/0175-plain-requests-and-replies.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

import urllib3
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import SKIP_HEADER

from reconciler.reply_limits import LimitedResponse

_PLAIN_METHODS: Final = ("GET", "POST")  # a reply to any other may have no body, whatever its length says
_PLAIN_OPTIONS: Final = {
    "chunked": False,
    "preload_content": False,
    "decode_content": False,
    "enforce_content_length": True,
}
_PLAIN_TARGET: Final = re.compile("/[!-~]*")
_PLAIN_LINE: Final = re.compile("[!-9;-~]+: [ -~]*")
_PLAIN_HEAD: Final = re.compile(
    rb"HTTP/1\.1 200 ([ -~]*)\r\n"  # qBittorrent gives no reason
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [!-~][ -~]*\r\n){1,99})\r\n"
)
_PLAIN_LENGTH: Final = re.compile("[0-9]{1,15}")
_FOLD: Final = re.compile(r"(?:(?<![ \t])[ \t]+)?\r\n[ \t]+")  # in a header of more than one line


class PlainResponse(LimitedResponse):
    """A response whose headers are an `HTTPHeaderDict`.

    The standard library parses them as those of an email, which takes longer than everything else that it does.
    """

    def begin(self) -> None:
        """Read the status line and the headers."""
        if not self._begin_plain():
            super().begin()
            headers = HTTPHeaderDict((name, _FOLD.sub(" ", value)) for name, value in self.headers.items())
            self.headers = self.msg = headers  # type: ignore[assignment]

    def _begin_plain(self) -> bool:
        """Read them if they have arrived, each name is there once and the length is known; otherwise read nothing."""
        head = _PLAIN_HEAD.match(self.fp.peek())
        if head is None:
            return False
        lines = head[2].decode("ascii").splitlines()
        headers = HTTPHeaderDict()
        for line in lines:
            name, _, value = line.partition(": ")
            headers.add(name, value)
        length = headers.get("Content-Length", "")
        is_length_known = _PLAIN_LENGTH.fullmatch(length) and "Transfer-Encoding" not in headers
        if len(headers) < len(lines) or not is_length_known:
            return False
        self.fp.read(head.end())
        self.headers = self.msg = headers  # type: ignore[assignment]
        self.code = self.status = 200
        self.reason, self.version = head[1].decode("ascii").strip(), 11
        self.chunked, self.length = False, int(length)
        self.will_close = "close" in headers.get("Connection", "").lower()
        return True


class PlainHttpConnection(HTTPConnection):
    """An http connection that sends a plain request in one piece, and reads the reply to it as `PlainResponse`."""

    response_class = LimitedResponse
    _sent: tuple[str, str] | None = None  # the method and target of a plain request that has not been answered

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Send a request."""
        self._sent = None
        text = self._format_plain(method, url, body, headers or {}) if options == _PLAIN_OPTIONS else None
        if text is None:
            super().request(method, url, body, headers, **options)
            return
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        self._sent = method, url
        self.send(text.encode())

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """Return the response to the last request. Its body is not read yet."""
        if self._sent is None:
            return super().getresponse()
        (method, url), self._sent = self._sent, None
        self.sock.settimeout(self.timeout)
        reply = PlainResponse(self.sock, method=method)
        try:
            reply.begin()
        except BaseException:
            reply.close()
            raise
        if reply.will_close:
            self.close()
        return HTTPResponse(
            reply,
            cast("HTTPHeaderDict", reply.headers),
            reply.status,
            reply.version,
            reason=reply.reason,
            preload_content=False,
            decode_content=False,
            original_response=reply,
            request_method=method,
            request_url=url,
        )

    def _format_plain(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> str | None:
        """Return a request as urllib3 sends it; None if it would add headers, or if there is more than ASCII text."""
        if not (body is None or (isinstance(body, str) and "Content-Length" in headers)) or self.proxy is not None:
            return None
        has_all_headers = "Accept-Encoding" in headers and "User-Agent" in headers and "Host" not in headers
        if not has_all_headers or method not in _PLAIN_METHODS or not _PLAIN_TARGET.fullmatch(url) or ":" in self.host:
            return None
        host = self.host if self.port == self.default_port else f"{self.host}:{self.port}"
        lines = [f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
        text = "\r\n".join((f"{method} {url} HTTP/1.1", *lines, "", body or ""))
        return text if all(map(_PLAIN_LINE.fullmatch, lines)) and SKIP_HEADER not in text else None


class PlainHttpsConnection(PlainHttpConnection, HTTPSConnection):
    """An https connection that does the same."""


class PlainHttpPool(urllib3.HTTPConnectionPool):
    """Connections to one host over http."""

    ConnectionCls = PlainHttpConnection


class PlainHttpsPool(urllib3.HTTPSConnectionPool):
    """Connections to one host over https."""

    ConnectionCls = PlainHttpsConnection


POOLS_BY_SCHEME: Final = {"http": PlainHttpPool, "https": PlainHttpsPool}  # for urllib3's `PoolManager`
