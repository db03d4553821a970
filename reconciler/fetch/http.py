"""Download one file over HTTP. The address of every hop is checked, and the connection goes to the checked address.

A redirect must not lead from the internet into our private network: otherwise a torrent server could make us send
requests to the services there. A host name is resolved once, because a second lookup could return another address.
"""

from __future__ import annotations

import ipaddress
import math
import os
import socket
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin

import requests.utils
import urllib3
import urllib3.exceptions as u3
from urllib3.util import Timeout, Url, make_headers, parse_url

from reconciler.limited_pools import POOLS_BY_SCHEME, LimitedHttpPool, LimitedHttpsPool
from reconciler.model.links import HTTP_PORTS
from reconciler.model.torrent_file import TorrentFileError
from reconciler.reply_limits import ReplyLimits, limit_replies

MAX_REDIRECTS: Final = 5
CONNECT_TIMEOUT: Final = 5.0  # seconds
READ_TIMEOUT: Final = 15.0  # seconds
_CHUNK_SIZE: Final = 1 << 16
_REDIRECT_STATUSES: Final = (301, 302, 303, 307, 308)
_HEADERS: Final = {"Accept": "application/x-bittorrent, */*", "Accept-Encoding": "identity", "User-Agent": "reconcile"}
_NAT64_NETWORK: Final = ipaddress.ip_network("64:ff9b::/96")
_MALFORMED_URL_TEXT: Final = "its url, or one that it redirects to, is malformed"

StopCheck = Callable[[], None]


class TransientFetchError(TorrentFileError):
    """A failure that may pass soon: no connection, no reply, 429 or 5xx."""


class _Response(NamedTuple):
    """A reply whose body is not read yet. `is_public`: it comes from the internet, as far as that can be checked."""

    response: urllib3.BaseHTTPResponse
    is_public: bool


def download_file(
    url: str,
    max_bytes: int,
    deadline: float = math.inf,
    now: Callable[[], float] = time.monotonic,
    check_stop: StopCheck = lambda: None,
) -> bytes:
    """Return the body behind a URL, or the magnet link that it redirects to. Raises `TorrentFileError` with the reason.

    More than `max_bytes`, and what has not arrived at the `deadline`, are errors. `check_stop` is called before each
    step, and may raise an exception to end the download.
    """
    from_public, hop = False, _parse_hop(url)

    def check_limits() -> None:
        check_stop()
        if now() > deadline:
            raise TransientFetchError(f"{_host_text(hop)} did not send it in time")

    for _ in range(MAX_REDIRECTS + 1):
        check_limits()
        limits = ReplyLimits(READ_TIMEOUT, READ_TIMEOUT, max(0.0, deadline - now()), check=check_stop)
        try:
            with limit_replies(limits):
                reply, public = _send_request(hop, from_public)
            try:
                if reply.status not in _REDIRECT_STATUSES:
                    return _read_body(reply, hop, max_bytes, check_limits)
                target = reply.headers.get("Location", "")
                if target[:7].lower() == "magnet:":
                    return target.encode("latin-1", "replace")  # as `http.client` decodes it
                hop = _resolve_redirect(hop, target)
            finally:
                reply.close()
        except (u3.HTTPError, OSError, ValueError) as error:
            raise _convert_error(error, hop) from None
        from_public = from_public or public
    raise TorrentFileError(f"{_host_text(hop)} redirects more than {MAX_REDIRECTS} times")


def _send_request(hop: Url, from_public: bool) -> _Response:
    """Send the request to a checked address, or through the proxy that the environment names."""
    proxy = requests.utils.select_proxy(hop.url, requests.utils.get_environ_proxies(hop.url))
    addresses = _resolve_hop(hop, resolvable=not proxy)
    allowed = [address for address in addresses if is_public(address)] if from_public else addresses
    if addresses and not allowed:
        raise TorrentFileError(
            f"a redirect leads from the internet into a private network, to {_host_text(hop)}, and is refused"
        )
    if proxy:
        return _Response(_request_via_proxy(proxy, hop), all(map(is_public, addresses)))
    for address in allowed[:-1]:
        try:
            return _Response(_request_directly(address, hop), is_public(address))
        except (u3.ConnectTimeoutError, u3.NewConnectionError):
            continue
    return _Response(_request_directly(allowed[-1], hop), is_public(allowed[-1]))


def _resolve_hop(hop: Url, *, resolvable: bool) -> list[str]:
    """Return every address of a hop; none for a name that only the proxy can resolve (`resolvable` false)."""
    try:
        return resolve_addresses(str(hop.host).strip("[]"), _port_of(hop))
    except OSError:
        if resolvable:
            raise TransientFetchError(f"the host name {_host_text(hop)} cannot be resolved") from None
        return []


def resolve_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host name or an IP address, in the order to try them. Raises `OSError`."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def is_public(address: str) -> bool:
    """True for an address of the internet: not private, loopback, link-local, shared, reserved or multicast.

    An IPv4 address that is embedded in an IPv6 address is checked itself.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64_NETWORK:
            embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if embedded:
            return is_public(str(embedded))
    return ip.is_global and not ip.is_multicast


def _request_directly(address: str, hop: Url) -> urllib3.BaseHTTPResponse:
    """Send the request to an address. The certificate is checked against the host name."""
    if hop.scheme == "http":
        return _send_get(LimitedHttpPool(address, _port_of(hop)), hop.request_uri, hop)
    name = str(hop.host).strip("[]")
    pool = LimitedHttpsPool(address, _port_of(hop), server_hostname=name, ca_certs=_find_ca_bundle())
    return _send_get(pool, hop.request_uri, hop)


def _request_via_proxy(proxy: str, hop: Url) -> urllib3.BaseHTTPResponse:
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    auth = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=auth) if auth else None
    manager = urllib3.ProxyManager(proxy, proxy_headers=headers, ca_certs=_find_ca_bundle())
    manager.pool_classes_by_scheme = POOLS_BY_SCHEME
    return _send_get(manager, hop.url, hop)


def _send_get(pool: Any, target: str, hop: Url) -> urllib3.BaseHTTPResponse:
    reply: urllib3.BaseHTTPResponse = pool.urlopen(
        "GET",
        target,
        headers={**_HEADERS, "Host": hop.netloc},
        redirect=False,
        retries=False,
        preload_content=False,
        timeout=Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
    )
    return reply


def _read_body(reply: urllib3.BaseHTTPResponse, hop: Url, max_bytes: int, check_limits: StopCheck) -> bytes:
    if reply.status != HTTPStatus.OK:
        _raise_for_status(reply.status, hop)
    body = bytearray()
    while chunk := reply.read1(_CHUNK_SIZE):  # `read1` returns what has arrived; `read` would wait for a full chunk
        body += chunk
        if len(body) > max_bytes:
            raise TorrentFileError(
                f"{_host_text(hop)} sends more than {max_bytes >> 20} MiB, which no .torrent file needs"
            )
        check_limits()
    return bytes(body)


def _raise_for_status(code: int, hop: Url) -> None:
    phrase = next((f" {status.phrase}" for status in HTTPStatus if status == code), "")
    message = f"{_host_text(hop)} answered {code}{phrase}"
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TransientFetchError(message)
    login = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
    raise TorrentFileError(f"{message}: it may want a login, or another key in the url" if code in login else message)


def _parse_hop(url: str) -> Url:
    try:
        hop = parse_url(url)
    except u3.LocationParseError:
        raise TorrentFileError(_MALFORMED_URL_TEXT) from None
    if hop.scheme not in HTTP_PORTS or not hop.host:
        raise TorrentFileError("it redirects to something that is neither http nor https")
    return hop


def _resolve_redirect(hop: Url, location: str) -> Url:
    """Return the target of a redirect. A redirect from https to http is refused."""
    if not location:
        raise TorrentFileError(f"{_host_text(hop)} redirects to nowhere")
    try:
        next_hop = _parse_hop(urljoin(hop.url, location))
    except ValueError:
        raise TorrentFileError(_MALFORMED_URL_TEXT) from None
    if hop.scheme == "https" and next_hop.scheme == "http":
        raise TorrentFileError(
            f"{_host_text(hop)} redirects from https to http, which could be read and changed on the way"
        )
    return next_hop


def _convert_error(error: Exception, hop: Url) -> TorrentFileError:
    """Return the error for a network failure, without the text of the exception, which quotes URLs."""
    cause = error.args[-1] if isinstance(error, (u3.SSLError, u3.ProxyError)) and error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TorrentFileError(f"the TLS certificate of {_host_text(hop)} is not trusted ({cause.verify_message})")
    if isinstance(error, u3.SSLError):
        return TransientFetchError(f"no TLS connection to {_host_text(hop)} could be made")
    if isinstance(error, u3.ProxyError):
        return TransientFetchError(f"the HTTP proxy that the environment names does not lead to {_host_text(hop)}")
    if isinstance(error, (u3.NewConnectionError, u3.ConnectTimeoutError)):
        return TransientFetchError(f"no connection to {_host_text(hop)}")
    if isinstance(error, (u3.TimeoutError, TimeoutError)):
        return TransientFetchError(f"{_host_text(hop)} did not answer in time")
    if isinstance(error, u3.DecodeError):
        return TorrentFileError(f"what {_host_text(hop)} sends is compressed and damaged")
    return TransientFetchError(f"the connection to {_host_text(hop)} broke")


def _host_text(hop: Url) -> str:
    """Return host and port, the part of a URL that may be shown: the rest may contain a passkey."""
    return str(hop.host) + (f":{hop.port}" if hop.port else "")


def _port_of(hop: Url) -> int:
    return hop.port or HTTP_PORTS[str(hop.scheme)]


def _find_ca_bundle() -> str:
    """Return the CA certificates to trust, the same as for requests to instances."""
    path = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return path or requests.utils.DEFAULT_CA_BUNDLE_PATH
