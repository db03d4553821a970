"""Failures below HTTP: what matters is whether the request may have reached qBittorrent, and whether it may pass."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import TypeVar

import requests.exceptions as rq
import urllib3.exceptions as u3

from reconciler.live.where import Where
from reconciler.model.errors import BrokenReply, InstanceError, TimedOut, TlsFailed, Unreachable

E = TypeVar("E", bound=BaseException)

_CHECK = "Is qBittorrent running, and does `url` name the host and port of its Web UI?"
_UNUSABLE = (rq.InvalidURL, rq.InvalidSchema, rq.InvalidHeader, u3.LocationValueError, UnicodeError)


def not_delivered(error: Exception, where: Where) -> InstanceError:
    """What a failure to connect, to send or to receive means. When in doubt, the request has been carried out."""
    causes = list(_causes(error))
    if tls := _first(causes, ssl.SSLError):
        return _tls_failed(tls, where)
    if type(error) is OSError or _first(causes, *_UNUSABLE):  # requests: the file with the CAs is not there
        return InstanceError(
            f"{where.name}: no request can be made with this `url`, API key, `tls.ca_file` or REQUESTS_CA_BUNDLE"
        )
    if _first(causes, u3.ProxyError):
        return Unreachable(
            f"{where.name}: the HTTP proxy that the environment names (HTTP_PROXY, HTTPS_PROXY) does not lead to "
            f"{where.origin}. Mend it, or except this host with NO_PROXY"
        )
    if _first(causes, u3.NameResolutionError, socket.gaierror):
        return Unreachable(f"{where.name}: the host name in {where.origin} cannot be resolved. Check `url` and the DNS")
    if _first(causes, u3.NewConnectionError):  # before the time-out, which is its base class
        return Unreachable(f"{where.name}: no connection to {where.origin}. {_CHECK}")
    if _first(causes, rq.ConnectTimeout, u3.ConnectTimeoutError):
        return Unreachable(f"{where.name}: no connection to {where.origin} in time. {_CHECK}")
    if (slow := _first(causes, TimeoutError)) and "handshake" in str(slow):
        return Unreachable(
            f"{where.name}: {where.origin} did not answer in TLS in time. Should `url` begin with http://?"
        )
    if slow or _first(causes, rq.Timeout, u3.ReadTimeoutError):
        return TimedOut(f"{where.at} did not answer in time. It may be busy: raise `timeout.read` if this goes on")
    return BrokenReply(f"{where.at}: the connection broke before the answer was whole. A new attempt may help")


def _tls_failed(error: ssl.SSLError, where: Where) -> InstanceError:
    """A certificate or a protocol that does not fit is for a person to mend; any other break may pass."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = (
            f"the TLS certificate of {where.origin} is not trusted ({error.verify_message}). Name its CA in "
            "`tls.ca_file`, or set `tls.verify: false` to do without the check"
        )
    elif error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        text = f"{where.origin} does not speak TLS. Should `url` begin with http://?"
    elif error.reason in ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", "BAD_BASE64_DECODE"):
        text = "`tls.ca_file` holds no certificate in PEM format"
    else:
        return BrokenReply(f"{where.at}: the TLS connection broke. A new attempt may help")
    return TlsFailed(f"{where.name}: {text}")


def _first(causes: list[BaseException], *kinds: type[E]) -> E | None:
    return next((cause for cause in causes if isinstance(cause, kinds)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it wraps; requests and urllib3 put it in `args`, in `reason` or behind `from`."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        cause = todo.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            todo += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
