"""Translate exceptions of requests, urllib3, qbittorrent-api and pydantic to `model.errors`. No other module does.

Every message says what happened, on which instance, and what to do. No message contains a credential, a cookie, a
tracker URL, or the text of a library's exception: such texts quote URLs, headers and whole bodies.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final, TypeVar

import pydantic
import qbittorrentapi.exceptions as qbt
import requests
import requests.exceptions as rq
import urllib3.exceptions as u3

from reconciler.model.desired import Instance
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    BrokenResponseError,
    InstanceError,
    MissingCredentialsError,
    ProxyAuthenticationError,
    RejectedError,
    RequestTooLargeError,
    ResponseTimeoutError,
    ServerFaultError,
    SessionLostError,
    SlowReplyError,
    TlsError,
    UnexpectedReplyError,
    UnreachableError,
    UnsupportedError,
)
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.versions import API_KEYS, OLDEST_SUPPORTED
from reconciler.reply_limits import ReplyCancelled, SlowReply

E = TypeVar("E", bound=BaseException)

LOGIN_ENDPOINT = "auth/login"
ASK_HINT = "run `reconcile doctor`, or a run with --retry-login"
_ADMIN = "admin"  # the user name unless somebody has chosen another
_TEMPORARY_PASSWORD_HINT = (
    ". If nobody has set a password there yet, use the temporary one that qBittorrent 4.6.1 and later writes to its "
    "log at each start"
)
_NOT_SENT_AGAIN_TEXT = (
    "they are not sent again before they change, because five failed logins ban this address for an hour. If they are "
    f"right now, {ASK_HINT}"
)
_CHECK_HINT = "Is qBittorrent running, and does `url` name the host and port of its Web UI?"
_FIRST_ENDPOINTS = (LOGIN_ENDPOINT, "app/version", "app/webapiVersion")
_HTTPS_WANTED: Final = r"(?i)HTTP request .{0,20}to (an )?HTTPS (port|server)"  # nginx, Go, Caddy
_VALUE_ERROR_TYPES = ("greater_than_equal", "less_than_equal", "finite_number")
_UNUSABLE_REQUEST_ERRORS = (rq.InvalidURL, rq.InvalidSchema, rq.InvalidHeader, u3.LocationValueError, UnicodeError)


class UnexpectedReply(Exception):
    """A reply that qBittorrent never sends. The text continues "ENDPOINT at URL …" and quotes nothing secret."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The request that an error belongs to, and its instance."""

    instance: Instance
    endpoint: str

    @property
    def name(self) -> str:
        """The name of the instance in the desired state."""
        return self.instance.name

    @property
    def origin(self) -> str:
        """Scheme, host, port and base path: the part of the URL that an error may show."""
        return self.instance.shown_url.rstrip("/")

    @property
    def is_first(self) -> bool:
        """True for a request of a login: nothing has shown yet that this is qBittorrent."""
        return self.endpoint in _FIRST_ENDPOINTS

    @property
    def message_prefix(self) -> str:
        """The start of most messages: instance, endpoint and origin."""
        return f"{self.name}: {self.endpoint} at {self.origin}"


# The exceptions of sending a request and reading its reply. ValueError: bad URLs and headers; OSError: CA files.
REQUEST_EXCEPTIONS = (
    requests.RequestException,
    u3.HTTPError,
    qbt.APIError,
    UnexpectedReply,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
)


def translate_error(error: Exception, context: RequestContext) -> InstanceError:
    """Return the `InstanceError` for one of `REQUEST_EXCEPTIONS`."""
    if isinstance(error, UnexpectedReply):
        return UnexpectedReplyError(f"{context.message_prefix} {error}")
    if isinstance(error, pydantic.ValidationError):
        return _translate_validation_error(error, context)
    if isinstance(error, qbt.LoginFailed):
        return _make_refusal(context)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _translate_http_error(error.response, context)
    if isinstance(error, NotImplementedError):
        return UnsupportedError(
            f"{context.name}: this version of qBittorrent has no {context.endpoint}. Update qBittorrent"
        )
    if isinstance(error, (requests.RequestException, u3.HTTPError, OSError, UnicodeError)):
        return _translate_transport_error(error, context)
    if type(error) is qbt.APIError:  # the library cannot read a body
        return _make_garbled_error(context)
    return InstanceError(
        f"{context.message_prefix} failed with an unexpected {type(error).__name__}. Please report this"
    )


def is_expired_session(error: Exception, context: RequestContext) -> bool:
    """True for a 403 because the server has dropped the session (it was idle for long, or the server restarted).

    Any other 403 has its reason in the body, such as a folder that cannot be written (qBittorrent <= 4.5.0).
    """
    if context.endpoint == LOGIN_ENDPOINT or not isinstance(error, qbt.Forbidden403Error) or error.response is None:
        return False
    return error.response.text in ("", "Forbidden")


def _make_garbled_error(context: RequestContext) -> BrokenResponseError:
    return BrokenResponseError(
        f"{context.message_prefix} answered with a body that is cut short or garbled. A new attempt may help"
    )


def _translate_validation_error(error: pydantic.ValidationError, context: RequestContext) -> InstanceError:
    """Return an error for a body that is no JSON (cut short or garbled), or for JSON that qBittorrent does not send."""
    first_error = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first_error["type"] == "json_invalid":
        return _make_garbled_error(context)
    field = ".".join(str(step) for step in first_error["loc"][-1:] if isinstance(step, str)) or "the whole"
    if first_error["type"] in _VALUE_ERROR_TYPES:
        return InstanceError(
            f"{context.message_prefix} answered with a value that makes no sense ({field}: {first_error['msg']}). "
            "Nothing is done on this instance. Restart qBittorrent; if this goes on, please report it with its version"
        )
    return InstanceError(
        f"{context.message_prefix} answered with JSON of an unexpected shape ({field}: {first_error['msg']}). "
        "Is this qBittorrent, and does `url` name it? If so, please report it with the version of qBittorrent"
    )


def _translate_http_error(response: requests.Response, context: RequestContext) -> InstanceError:
    code = response.status_code
    if code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFaultError(
            f"{context.message_prefix} answered {_status_text(code)}. qBittorrent or a proxy before it is overloaded, "
            "starting or broken"
        )
    if code == HTTPStatus.BAD_REQUEST and re.search(_HTTPS_WANTED, response.text[:1000]):
        return TlsError(f"{context.name}: {context.origin} wants TLS. `url` must begin with https://")
    if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return RequestTooLargeError(
            f"{context.message_prefix} was refused: a proxy before qBittorrent takes no request of this size. "
            "Raise its limit (nginx: client_max_body_size)",
            code,
        )
    if code == HTTPStatus.UNAUTHORIZED:
        return _make_unauthorized_error(response, context)
    if code == HTTPStatus.FORBIDDEN and context.endpoint == LOGIN_ENDPOINT and not _is_page(response):
        return BannedError(
            f"{context.name}: qBittorrent has banned this address after too many failed logins. "
            "Correct the credentials, then wait for an hour or restart qBittorrent"
        )
    if code == HTTPStatus.FORBIDDEN and response.text in ("", "Forbidden"):
        return _make_forbidden_error(context)
    if code == HTTPStatus.NOT_FOUND and context.is_first:
        return UnexpectedReplyError(
            f"{context.message_prefix} was not found. Check host, port and base path of `url`: it must lead to the "
            f"Web UI of qBittorrent {OLDEST_SUPPORTED.release} or newer"
        )
    return RejectedError(
        f"{context.message_prefix} was refused: {_status_text(code)}{_refusal_reason(response, context)}", code
    )


def is_unauthorized(error: Exception) -> bool:
    """True for a 401 that may come from qBittorrent: no proxy wants a login of its own."""
    return (
        isinstance(error, qbt.Unauthorized401Error) and error.response is not None and not _wants_login(error.response)
    )


def make_host_error(context: RequestContext) -> InstanceError:
    """Return the error for a 401 to a request without credentials: qBittorrent rejects the `Host` header."""
    return InstanceError(
        f"{context.name}: qBittorrent does not accept the host name or port of {context.origin}. They must be its own: "
        "let the proxy set the header Host to them, or check the server domains in the settings of the Web UI"
    )


def _make_refusal(context: RequestContext) -> AuthenticationError:
    hint = _TEMPORARY_PASSWORD_HINT if context.instance.username == _ADMIN else ""
    return AuthenticationError(
        f"{context.name}: qBittorrent refuses the user name or password. Correct them: {_NOT_SENT_AGAIN_TEXT}{hint}"
    )


def _make_unauthorized_error(response: requests.Response, context: RequestContext) -> InstanceError:
    """Return the error for a proxy that wants a login, for wrong credentials (>= 5.2), or for a wrong `Host` header."""
    prefix = f"{context.name}: {context.origin} answered 401 to {context.endpoint}"
    if _wants_login(response):
        if not context.instance.has_proxy_credentials:
            return MissingCredentialsError(
                f"{prefix}: a proxy before qBittorrent wants a login of its own. Give `basic_auth`, with its user name "
                "and password"
            )
        return ProxyAuthenticationError(
            f"{prefix}: a proxy before qBittorrent refuses `basic_auth` or `headers`. Correct them: "
            f"{_NOT_SENT_AGAIN_TEXT}"
        )
    if context.instance.has_authorization_header:
        return ProxyAuthenticationError(
            f"{prefix}. Either qBittorrent refuses the user name or password, or the proxy passes `basic_auth` on, "
            "which qBittorrent 5.2 and later take for a login: let it remove the header Authorization (nginx: "
            f'proxy_set_header Authorization ""). Correct the credentials: {_NOT_SENT_AGAIN_TEXT}'
        )
    return _make_refusal(context) if context.endpoint == LOGIN_ENDPOINT else make_host_error(context)


def _wants_login(response: requests.Response) -> bool:
    """True for a reply that asks for HTTP authentication, which qBittorrent never does."""
    return "WWW-Authenticate" in response.headers


def _make_forbidden_error(context: RequestContext) -> InstanceError:
    if context.instance.api_key:
        return AuthenticationError(
            f"{context.name}: qBittorrent refuses the API key. Correct it, or use a user name and password where "
            f"qBittorrent is older than {API_KEYS.release}"
        )
    if context.instance.username is None:
        return MissingCredentialsError(
            f"{context.name}: qBittorrent wants a login for {context.endpoint}. Give `username` and `password`"
        )
    return SessionLostError(
        f"{context.name}: qBittorrent accepts the login, and then answers 403 to {context.endpoint}, as if there were "
        "none. It may be restarting. If this goes on, its session cookie gets lost on the way: look for a proxy that "
        "drops cookies, or http in place of https"
    )


def _refusal_reason(response: requests.Response, context: RequestContext) -> str:
    """Return the reason that qBittorrent gives for a refusal, in parentheses; "" for a text that may not be shown.

    Left out are pages of proxies, and texts that may quote a URL or credentials.
    """
    text = " ".join(response.text.split())
    is_plain = response.headers.get("Content-Type", "").startswith("text/plain")
    api_key = context.instance.api_key
    may_quote_secrets = context.endpoint in (LOGIN_ENDPOINT, "app/setPreferences") or (
        api_key is not None and api_key.reveal() in text
    )
    has_url = "://" in text or "magnet:" in text
    return f" ({text})" if is_plain and not may_quote_secrets and not has_url and 0 < len(text) <= 120 else ""


def _is_page(response: requests.Response) -> bool:
    """True for a web page, which comes from a proxy before qBittorrent, never from its API."""
    return "html" in response.headers.get("Content-Type", "")


def _status_text(code: int) -> str:
    return f"{code} {http.client.responses.get(code, '')}".rstrip()


def _translate_transport_error(error: Exception, context: RequestContext) -> InstanceError:
    """Return the error for a failure to connect, to send or to receive. If in doubt, the request was carried out."""
    causes = list(_iter_causes(error))
    if tls := _find_cause(causes, ssl.SSLError):
        return _translate_tls_error(tls, context)
    # requests raises a bare OSError for a missing file of CA certificates
    if type(error) is OSError or _find_cause(causes, *_UNUSABLE_REQUEST_ERRORS):
        return InstanceError(
            f"{context.name}: no request can be made with this `url`, API key, `tls.ca_file` or REQUESTS_CA_BUNDLE"
        )
    if _find_cause(causes, u3.ProxyError):
        return UnreachableError(
            f"{context.name}: the HTTP proxy that the environment names (HTTP_PROXY, HTTPS_PROXY) does not lead to "
            f"{context.origin}. Fix it, or exclude this host with NO_PROXY"
        )
    if _find_cause(causes, u3.NameResolutionError, socket.gaierror):
        return UnreachableError(
            f"{context.name}: the host name in {context.origin} cannot be resolved. Check `url` and the DNS"
        )
    if _find_cause(causes, u3.NewConnectionError):  # before the timeout, which is its base class
        return UnreachableError(f"{context.name}: no connection to {context.origin}. {_CHECK_HINT}")
    if _find_cause(causes, rq.ConnectTimeout, u3.ConnectTimeoutError):
        return UnreachableError(f"{context.name}: no connection to {context.origin} in time. {_CHECK_HINT}")
    if slow := _find_cause(causes, TimeoutError, rq.Timeout, u3.ReadTimeoutError):
        return _translate_timeout(slow, context)
    hint = "A new attempt may help"
    if context.is_first and context.origin.startswith("http://") and _is_unlike_http(causes):
        hint = "Should `url` begin with https://? If not, a new attempt may help"
    return BrokenResponseError(f"{context.message_prefix}: the connection broke before the answer was whole. {hint}")


def _translate_timeout(error: BaseException, context: RequestContext) -> InstanceError:
    """Return the error for an answer that did not arrive, or not whole."""
    if isinstance(error, SlowReply):
        return SlowReplyError(
            f"{context.message_prefix} answers too slowly: the answer began, but was not whole in time. Look at the "
            "network and at proxies between; if they cannot be faster, raise `timeout.read`"
        )
    if isinstance(error, ReplyCancelled):
        return SlowReplyError(f"{context.message_prefix} had not answered in full when {error}")
    if "handshake" in str(error):
        return TlsError(
            f"{context.name}: {context.origin} did not answer in TLS in time. Should `url` begin with http://?"
        )
    return ResponseTimeoutError(
        f"{context.message_prefix} did not answer in time. It may be busy: raise `timeout.read` if this goes on"
    )


def _is_unlike_http(causes: list[BaseException]) -> bool:
    """True if the server hung up without an answer, or answered in another protocol, as a TLS server does."""
    return bool(_find_cause(causes, http.client.BadStatusLine, ConnectionError))


def _translate_tls_error(error: ssl.SSLError, context: RequestContext) -> InstanceError:
    """Return a permanent error for a wrong certificate or protocol, and a transient error for any other failure."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = (
            f"the TLS certificate of {context.origin} is not trusted ({error.verify_message}). Name its CA in "
            "`tls.ca_file`, or set `tls.verify: false` to skip the check"
        )
    elif error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        text = f"{context.origin} does not use TLS. Should `url` begin with http://?"
    elif error.reason in ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB", "BAD_BASE64_DECODE"):
        text = "`tls.ca_file` contains no certificate in PEM format"
    else:
        return BrokenResponseError(f"{context.message_prefix}: the TLS connection broke. A new attempt may help")
    return TlsError(f"{context.name}: {text}")


def _find_cause(causes: list[BaseException], *kinds: type[E]) -> E | None:
    """Return the first cause of the first kind that there is."""
    return next((cause for kind in kinds for cause in causes if isinstance(cause, kind)), None)


def _iter_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all its causes. requests and urllib3 put them in `args`, in `reason` or behind `from`."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        cause = queue.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            queue += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
