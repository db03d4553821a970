"""The one place where exceptions of requests, urllib3, qbittorrent-api and pydantic become `model.errors`.

Every message says what happened, on which instance, and what to do. No message holds a credential, a cookie, a tracker
URL, or the text of an exception of others: such texts quote URLs, headers and whole bodies.
"""

from __future__ import annotations

import http.client
from http import HTTPStatus

import pydantic
import qbittorrentapi.exceptions as qbt
import requests
import urllib3.exceptions as u3

from reconciler.live.transport import not_delivered
from reconciler.live.where import LOGIN, UnexpectedReply, Where
from reconciler.model.errors import (
    AuthFailed,
    Banned,
    BrokenReply,
    InstanceError,
    Rejected,
    ServerFault,
    TooLarge,
    Unsupported,
)

_NEVER_AGAIN = "It is not tried again: five failed logins ban this address for an hour"

# Whatever sending a request and reading its answer may raise. ValueError: bad URLs and headers; OSError: CA files.
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


def translate(error: Exception, where: Where) -> InstanceError:
    """What an exception means, in our own taxonomy."""
    if isinstance(error, UnexpectedReply):
        return InstanceError(f"{where.at} {error}")
    if isinstance(error, pydantic.ValidationError):
        return _unreadable(error, where)
    if isinstance(error, qbt.LoginFailed):
        return AuthFailed(f"{where.name}: qBittorrent refuses the user name or password. Correct them. {_NEVER_AGAIN}")
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _refused(error.response, where)
    if isinstance(error, NotImplementedError):
        return Unsupported(f"{where.name}: this version of qBittorrent has no {where.endpoint}. Update qBittorrent")
    if isinstance(error, (requests.RequestException, u3.HTTPError, OSError, UnicodeError)):
        return not_delivered(error, where)
    return InstanceError(f"{where.at} failed with an unforeseen {type(error).__name__}. Please report this")


def is_expired_session(error: Exception, where: Where) -> bool:
    """Does a 403 say that the server no longer knows our session (it was idle for long, or the server restarted)?

    Any other 403 explains itself in its body, such as a folder that cannot be written (qBittorrent <= 4.5.0).
    """
    if where.endpoint == LOGIN or not isinstance(error, qbt.Forbidden403Error) or error.response is None:
        return False
    return error.response.text in ("", "Forbidden")


def _unreadable(error: pydantic.ValidationError, where: Where) -> InstanceError:
    """A body that is no JSON was cut short or garbled; JSON of another shape is not what we think we talk to."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return BrokenReply(f"{where.at} answered with a body that is cut short or garbled. A new attempt may help")
    place = ".".join(str(step) for step in first["loc"][-1:] if isinstance(step, str)) or "the whole"
    return InstanceError(
        f"{where.at} answered with JSON of an unexpected shape ({place}: {first['msg']}). "
        "Is this qBittorrent, and does `url` name it? If so, please report it with the version of qBittorrent"
    )


def _refused(response: requests.Response, where: Where) -> InstanceError:
    code = response.status_code
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFault(
            f"{where.at} answered {_status(code)}. qBittorrent or a proxy before it is overloaded, starting or broken"
        )
    if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(
            f"{where.at} was refused: a proxy before qBittorrent takes no request of this size. "
            "Raise its limit (nginx: client_max_body_size)",
            code,
        )
    if code == HTTPStatus.UNAUTHORIZED:
        return _unauthorized(where)
    if code == HTTPStatus.FORBIDDEN and where.endpoint == LOGIN and not _is_page(response):
        return Banned(
            f"{where.name}: qBittorrent has banned this address after too many failed logins. "
            "Correct the credentials, then wait for an hour or restart qBittorrent"
        )
    if code == HTTPStatus.FORBIDDEN and response.text in ("", "Forbidden"):
        return _forbidden(where)
    if code == HTTPStatus.NOT_FOUND and where.endpoint in (LOGIN, "app/version", "app/webapiVersion"):
        return InstanceError(
            f"{where.at} was not found. Check host, port and base path of `url`: it must lead to the Web UI of "
            "qBittorrent 4.2.4 or newer"
        )
    return Rejected(f"{where.at} was refused: {_status(code)}{_reason(response, where)}", code)


def _unauthorized(where: Where) -> InstanceError:
    """Wrong credentials (>= 5.2), or (all versions) a Host header that qBittorrent rejects; the answers are alike."""
    return AuthFailed(
        f"{where.name}: {where.origin} answered 401 to {where.endpoint}: wrong credentials, or qBittorrent does not "
        "accept the host name or port in `url` (they must be its own; check its server domains), or a proxy wants "
        f"credentials of its own. {_NEVER_AGAIN}"
    )


def _forbidden(where: Where) -> InstanceError:
    if where.instance.api_key:
        return AuthFailed(
            f"{where.name}: qBittorrent refuses the API key. Correct it, or use a user name and password where "
            "qBittorrent is older than 5.2"
        )
    return AuthFailed(
        f"{where.name}: qBittorrent wants a login for {where.endpoint}. Give `username` and `password`; if they are "
        "given, its session cookie gets lost on the way: look for a proxy that drops cookies, or http in place of https"
    )


def _reason(response: requests.Response, where: Where) -> str:
    """What qBittorrent says about a refusal: one line of plain text.

    A page of a proxy is left out, and so is whatever echoes a URL or what we sent to get in.
    """
    text = " ".join(response.text.split())
    plain = response.headers.get("Content-Type", "").startswith("text/plain")
    api_key = where.instance.api_key
    echo = where.endpoint in (LOGIN, "app/setPreferences") or (api_key is not None and api_key.reveal() in text)
    told = plain and not echo and 0 < len(text) <= 120 and "://" not in text and "magnet:" not in text
    return f" ({text})" if told else ""


def _is_page(response: requests.Response) -> bool:
    """Web pages come from whatever stands before qBittorrent, never from its API."""
    return "html" in response.headers.get("Content-Type", "")


def _status(code: int) -> str:
    return f"{code} {http.client.responses.get(code, '')}".rstrip()
