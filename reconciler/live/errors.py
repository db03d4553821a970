"""The one place where exceptions of requests, urllib3, qbittorrent-api and pydantic become `model.errors`.

Every message says what happened, on which instance, and what to do. No message holds a credential, a cookie, a tracker
URL, or the text of an exception of others: such texts quote URLs, headers and whole bodies.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

import pydantic
import qbittorrentapi.exceptions as qbt
import requests
import urllib3.exceptions as u3

from reconciler.model.errors import (
    AuthFailed,
    Banned,
    BrokenReply,
    InstanceError,
    Rejected,
    ServerFault,
    TimedOut,
    Unreachable,
    Unsupported,
)

E = TypeVar("E", bound=BaseException)

LOGIN = "auth/login"
_NEVER_AGAIN = "It is not tried again: five failed logins ban this address for an hour"


class UnexpectedReply(Exception):
    """An answer that qBittorrent never gives. The text is ours and quotes nothing secret."""


# Whatever sending a request and reading its answer may raise. ValueError: bad URLs, headers and JSON; OSError: CA files.
FAILURES = (
    requests.RequestException,
    u3.HTTPError,
    qbt.APIError,
    UnexpectedReply,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Where:
    """Which request of which instance an error belongs to. `url` is the instance's, as the user wrote it."""

    instance: str
    url: str
    endpoint: str
    uses_api_key: bool = False

    @property
    def origin(self) -> str:
        """Scheme, host and port: all of the URL that an error shows."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def translate(error: Exception, where: Where) -> InstanceError:
    """What an exception means, in our own taxonomy."""
    if isinstance(error, UnexpectedReply):
        return InstanceError(f"{_at(where)} {error}")
    if isinstance(error, pydantic.ValidationError):
        return _unreadable(error, where)
    if isinstance(error, qbt.LoginFailed):
        return _login_failed(where)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _refused(error.response, where)
    if isinstance(error, NotImplementedError):
        return Unsupported(
            f"{where.instance}: this version of qBittorrent has no {where.endpoint}. Update qBittorrent"
        )
    if isinstance(error, (requests.RequestException, u3.HTTPError, OSError)):
        return _not_delivered(error, where)
    return InstanceError(f"{_at(where)} failed with an unforeseen {type(error).__name__}. Please report this")


def is_expired_session(error: Exception, where: Where) -> bool:
    """Does a 403 say that the server no longer knows our session (it was idle for long, or the server restarted)?

    Any other 403 explains itself in its body, such as a folder that cannot be written (qBittorrent <= 4.5.0).
    """
    if where.endpoint == LOGIN or not isinstance(error, qbt.Forbidden403Error) or error.response is None:
        return False
    return error.response.text in ("", "Forbidden")


def _at(where: Where) -> str:
    return f"{where.instance}: {where.endpoint} at {where.origin}"


def _login_failed(where: Where) -> InstanceError:
    return AuthFailed(
        f"{where.instance}: qBittorrent refuses the user name or password. Correct them. {_NEVER_AGAIN}"
    )


def _unreadable(error: pydantic.ValidationError, where: Where) -> InstanceError:
    """A body that is no JSON was cut short or garbled; JSON of another shape is not what we think we talk to."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return BrokenReply(
            f"{_at(where)} answered with a body that is cut short or garbled. A new attempt may help"
        )
    place = ".".join(str(step) for step in first["loc"][-1:] if isinstance(step, str)) or "the whole"
    return InstanceError(
        f"{_at(where)} answered with JSON of an unexpected shape ({place}: {first['msg']}). "
        "Is this qBittorrent, and does `url` name it? If so, please report it with the version of qBittorrent"
    )


def _refused(response: requests.Response, where: Where) -> InstanceError:
    code = response.status_code
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFault(
            f"{_at(where)} answered {_status(code)}. qBittorrent or a proxy before it is overloaded, starting or broken"
        )
    if code == HTTPStatus.UNAUTHORIZED:
        return _unauthorized(where)
    if code == HTTPStatus.FORBIDDEN and is_login_ban(response, where):
        return Banned(
            f"{where.instance}: qBittorrent has banned this address after too many failed logins. "
            "Correct the credentials, then wait for an hour or restart qBittorrent"
        )
    if code == HTTPStatus.FORBIDDEN and response.text in ("", "Forbidden"):
        return _forbidden(where)
    if code == HTTPStatus.NOT_FOUND and where.endpoint in (LOGIN, "app/version", "app/webapiVersion"):
        return InstanceError(
            f"{_at(where)} was not found. Check host, port and base path of `url`: it must lead to qBittorrent's Web UI "
            "(4.2.4 or newer)"
        )
    return Rejected(f"{_at(where)} was refused: {_status(code)}{_reason(response)}", code)


def is_login_ban(response: requests.Response, where: Where) -> bool:
    """A 403 to a login is a ban (4.2 to 5.3), unless it is a page made by something before qBittorrent."""
    return where.endpoint == LOGIN and "html" not in response.headers.get("Content-Type", "")


def _unauthorized(where: Where) -> InstanceError:
    """Wrong credentials (>= 5.2), or (all versions) a Host header that qBittorrent rejects; the answers are alike."""
    return AuthFailed(
        f"{where.instance}: {where.origin} answered 401 to {where.endpoint}: wrong credentials, or qBittorrent does not "
        "accept the host name or port in `url` (they must be its own; check its server domains), or a proxy wants "
        f"credentials of its own. {_NEVER_AGAIN}"
    )


def _forbidden(where: Where) -> InstanceError:
    if where.uses_api_key:
        return AuthFailed(
            f"{where.instance}: qBittorrent refuses the API key. Correct it, or use a user name and password where "
            "qBittorrent is older than 5.2"
        )
    return AuthFailed(
        f"{where.instance}: qBittorrent wants a login for {where.endpoint}. Give `username` and `password`; if they are "
        "given, its session cookie gets lost on the way: look for a proxy that drops cookies, or http in place of https"
    )


def _reason(response: requests.Response) -> str:
    """What qBittorrent says about a refusal: one line of plain text; a page of a proxy or anything with a URL is left out."""
    text = " ".join(response.text.split())
    plain = response.headers.get("Content-Type", "").startswith("text/plain")
    return (
        f" ({text})" if plain and 0 < len(text) <= 120 and "://" not in text and "magnet:" not in text else ""
    )


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _not_delivered(error: Exception, where: Where) -> InstanceError:
    """Failures below HTTP. What matters is whether the request may have reached qBittorrent."""
    causes = list(_causes(error))
    if found := _first(causes, ssl.SSLError):
        return _tls_failed(found, where)
    if _first(causes, requests.exceptions.ProxyError, u3.ProxyError):
        return Unreachable(
            f"{where.instance}: the HTTP proxy that the environment names (HTTP_PROXY, HTTPS_PROXY) does not lead to "
            f"{where.origin}. Mend it, or except this host with NO_PROXY"
        )
    if _first(causes, requests.exceptions.ConnectTimeout, u3.ConnectTimeoutError) or not _sent(causes):
        return _no_connection(causes, where)
    if _first(causes, requests.exceptions.Timeout, u3.ReadTimeoutError, TimeoutError):
        return TimedOut(
            f"{_at(where)} did not answer in time. It may be busy: raise `timeout.read` if this goes on"
        )
    return BrokenReply(
        f"{_at(where)}: the connection broke before the answer was whole. A new attempt may help"
    )


def _sent(causes: list[BaseException]) -> bool:
    """Could anything of the request have left? When in doubt yes: then it is read back before it is sent again."""
    never = (u3.NewConnectionError, u3.LocationValueError, requests.exceptions.InvalidURL, FileNotFoundError)
    return not _first(causes, *never, requests.exceptions.InvalidSchema, requests.exceptions.InvalidHeader)


def _no_connection(causes: list[BaseException], where: Where) -> InstanceError:
    check = "Is qBittorrent running, and does `url` name the host and port of its Web UI?"
    if _first(causes, u3.NameResolutionError, socket.gaierror):
        host = urlsplit(where.url).hostname
        return Unreachable(
            f"{where.instance}: the host name {host} cannot be resolved. Check `url`, or the DNS here"
        )
    if _first(causes, requests.exceptions.ConnectTimeout, u3.ConnectTimeoutError):
        return Unreachable(f"{where.instance}: no connection to {where.origin} in time. {check}")
    if _first(causes, u3.NewConnectionError):
        return Unreachable(f"{where.instance}: no connection to {where.origin}. {check}")
    return InstanceError(
        f"{where.instance}: `url`, the API key or `tls.ca_file` cannot be used to make a request"
    )


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
        return BrokenReply(f"{_at(where)}: the TLS connection broke. A new attempt may help")
    unreachable = Unreachable(f"{where.instance}: {text}")
    unreachable.transient = False
    return unreachable


def _first(causes: list[BaseException], *kinds: type[E]) -> E | None:
    return next((cause for cause in causes if isinstance(cause, kinds)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it wraps: requests and urllib3 put the cause in `args`, in `reason` or behind `from`."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        cause = todo.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            todo += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
