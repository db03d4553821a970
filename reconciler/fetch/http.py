"""One file over HTTP: every hop looked at before it is made, and the connection made to the address that was looked at.

A redirect must not lead from the internet into the network that we run in, or whoever serves a torrent could make us
ask the services there. A name that is looked up twice can mean two addresses, so it is looked up once.
"""

from __future__ import annotations

import ipaddress
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

from reconciler.model.torrent_file import SourceError

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, or of an address itself, in the order to try them. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Is it an address of the internet: not private, loopback, link-local, shared, reserved or multicast?

    An IPv4 address that is carried in one of IPv6 is judged as what it is.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if carried:
            return is_public(str(carried))
    return ip.is_global and not ip.is_multicast


MAX_HOPS: Final = 5
CONNECT: Final = 5.0  # seconds
SILENCE: Final = 15.0  # seconds
WHOLE: Final = 60.0  # seconds for a file, with all its redirects
_CHUNK: Final = 1 << 16
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PORTS: Final = {"http": 80, "https": 443}
_HEADERS: Final = {"Accept": "application/x-bittorrent, */*", "Accept-Encoding": "identity", "User-Agent": "reconcile"}
_MALFORMED: Final = "its url, or one that it redirects to, is malformed"

Go = Callable[[], None]


class Passing(SourceError):
    """A failure that may pass by itself soon: no connection, no answer, 429 or 5xx."""

    def __init__(self, message: str) -> None:
        super().__init__(message, remote=True)


class _Answer(NamedTuple):
    """An answer whose body is not yet read; `public`: it comes from the internet, as far as we can tell."""

    reply: urllib3.BaseHTTPResponse
    public: bool


def download(url: str, most: int, now: Callable[[], float] = time.monotonic, go: Go = lambda: None) -> bytes:
    """What a URL leads to. Raises `SourceError` with why it cannot be had, also where it has more than `most` bytes.

    `go` is called before each step, and may raise something to end it.
    """
    end, from_public, hop = now() + WHOLE, False, _parsed(url)

    def step() -> None:
        go()
        if now() > end:
            raise Passing(f"{_host(hop)} did not send it within {WHOLE:.0f} s")

    for _ in range(MAX_HOPS + 1):
        step()
        try:
            reply, public = _ask(hop, from_public)
            try:
                if reply.status not in _REDIRECTS:
                    return _body(reply, hop, most, step)
                hop = _next(hop, reply.headers.get("Location", ""))
            finally:
                reply.close()
        except (u3.HTTPError, OSError, ValueError) as error:
            raise _meaning(error, hop) from None
        from_public = from_public or public
    raise _lasting(f"{_host(hop)} redirects more than {MAX_HOPS} times")


def _ask(hop: Url, from_public: bool) -> _Answer:
    """Send the request to an address that was looked at, or through the proxy that the environment names."""
    proxy = requests.utils.select_proxy(hop.url, requests.utils.get_environ_proxies(hop.url))
    found = _addresses(hop, resolvable=not proxy)
    allowed = [address for address in found if is_public(address)] if from_public else found
    if found and not allowed:
        raise _lasting(f"a redirect leads from the internet into a private network, to {_host(hop)}, and is refused")
    if proxy:
        return _Answer(_through(proxy, hop), all(map(is_public, found)))
    for address in allowed[:-1]:
        try:
            return _Answer(_direct(address, hop), is_public(address))
        except (u3.ConnectTimeoutError, u3.NewConnectionError):
            continue
    return _Answer(_direct(allowed[-1], hop), is_public(allowed[-1]))


def _addresses(hop: Url, *, resolvable: bool) -> list[str]:
    """Every address of a hop. A proxy may know a name that is unknown here."""
    try:
        return addresses(str(hop.host).strip("[]"), _port(hop))
    except OSError:
        if resolvable:
            raise Passing(f"the host name {_host(hop)} cannot be resolved") from None
        return []


def _direct(address: str, hop: Url) -> urllib3.BaseHTTPResponse:
    """Ask at an address; the name counts for the certificate."""
    if hop.scheme == "http":
        return _get(urllib3.HTTPConnectionPool(address, _port(hop)), hop.request_uri, hop)
    name = str(hop.host).strip("[]")
    pool = urllib3.HTTPSConnectionPool(address, _port(hop), server_hostname=name, ca_certs=_ca_certs())
    return _get(pool, hop.request_uri, hop)


def _through(proxy: str, hop: Url) -> urllib3.BaseHTTPResponse:
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    auth = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=auth) if auth else None
    return _get(urllib3.ProxyManager(proxy, proxy_headers=headers, ca_certs=_ca_certs()), hop.url, hop)


def _get(pool: Any, target: str, hop: Url) -> urllib3.BaseHTTPResponse:
    reply: urllib3.BaseHTTPResponse = pool.urlopen(
        "GET",
        target,
        headers={**_HEADERS, "Host": hop.netloc},
        redirect=False,
        retries=False,
        preload_content=False,
        timeout=Timeout(connect=CONNECT, read=SILENCE),
    )
    return reply


def _body(reply: urllib3.BaseHTTPResponse, hop: Url, most: int, step: Go) -> bytes:
    if reply.status != HTTPStatus.OK:
        _refuse(reply.status, hop)
    body = bytearray()
    while chunk := reply.read1(_CHUNK):  # what has come, where `read` would wait for so much
        body += chunk
        if len(body) > most:
            raise _lasting(f"{_host(hop)} sends more than {most >> 20} MiB, which no .torrent file needs")
        step()
    return bytes(body)


def _refuse(code: int, hop: Url) -> None:
    phrase = next((f" {status.phrase}" for status in HTTPStatus if status == code), "")
    message = f"{_host(hop)} answered {code}{phrase}"
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Passing(message)
    raise _lasting(message)


def _parsed(url: str) -> Url:
    try:
        hop = parse_url(url)
    except u3.LocationParseError:
        raise _lasting(_MALFORMED) from None
    if hop.scheme not in _PORTS or not hop.host:
        raise _lasting("it redirects to something that is neither http nor https")
    return hop


def _next(hop: Url, location: str) -> Url:
    """Where a redirect leads. From https on, nothing may be read or changed on the way."""
    if location.lower().startswith("magnet:"):
        raise _lasting(f'{_host(hop)} leads to a magnet link: give that link, as "magnet:"')
    if not location:
        raise _lasting(f"{_host(hop)} redirects to nowhere")
    try:
        following = _parsed(urljoin(hop.url, location))
    except ValueError:
        raise _lasting(_MALFORMED) from None
    if hop.scheme == "https" and following.scheme == "http":
        raise _lasting(f"{_host(hop)} redirects from https to http, which could be read and changed on the way")
    return following


def _meaning(error: Exception, hop: Url) -> SourceError:
    """What a failure of the network is. The texts of others' exceptions quote URLs."""
    cause = error.args[-1] if isinstance(error, (u3.SSLError, u3.ProxyError)) and error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _lasting(f"the TLS certificate of {_host(hop)} is not trusted ({cause.verify_message})")
    if isinstance(error, u3.SSLError):
        return Passing(f"no TLS connection to {_host(hop)} could be made")
    if isinstance(error, u3.ProxyError):
        return Passing(f"the HTTP proxy that the environment names does not lead to {_host(hop)}")
    if isinstance(error, (u3.NewConnectionError, u3.ConnectTimeoutError)):
        return Passing(f"no connection to {_host(hop)}")
    if isinstance(error, (u3.TimeoutError, TimeoutError)):
        return Passing(f"{_host(hop)} did not answer in time")
    if isinstance(error, u3.DecodeError):
        return _lasting(f"what {_host(hop)} sends is compressed and damaged")
    return Passing(f"the connection to {_host(hop)} broke")


def _lasting(message: str) -> SourceError:
    return SourceError(message, remote=True)


def _host(hop: Url) -> str:
    """All of a URL that is shown: the rest may hold a passkey."""
    return str(hop.host) + (f":{hop.port}" if hop.port else "")


def _port(hop: Url) -> int:
    return hop.port or _PORTS[str(hop.scheme)]


def _ca_certs() -> str:
    """The certificates to trust: those that requests to instances trust too."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return named or requests.utils.DEFAULT_CA_BUNDLE_PATH
