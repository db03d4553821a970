"""Notifications as JSON documents, posted to a URL."""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from reconciler import __version__
from reconciler.model.notification import Notification
from reconciler.model.secret import Secret
from reconciler.notify.outbox import DeliveryError
from reconciler.reply_limits import LimitedHttpHandler, LimitedHttpsHandler, ReplyLimits, limit_replies

REQUEST_TIMEOUT: Final = 10.0  # seconds
_TRANSIENT_STATUSES: Final = (408, 425, 429)  # and every 5xx


class WebhookSender:
    """Posts to an http(s) URL. Everything in the URL but its scheme and host counts as a secret."""

    def __init__(self, url: Secret, timeout: float = REQUEST_TIMEOUT) -> None:
        """Raises `ValueError` for a URL that cannot be used."""
        parts, address = _parse_url(url.reveal())
        self.label = f"{parts.scheme}://{address}"
        self._url = Secret(urlunsplit((parts.scheme, address, parts.path or "/", parts.query, "")))
        self._authorization = _make_basic_auth(parts.username, parts.password)
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_NoRedirectHandler, LimitedHttpHandler, LimitedHttpsHandler)

    def send(self, notification: Notification) -> None:
        """Post the document. Any status but 2xx is a failure; a redirect could send the secret to another host."""
        headers = {"Content-Type": "application/json", "User-Agent": f"reconcile/{__version__}"}
        if self._authorization:
            headers["Authorization"] = self._authorization.reveal()
        request = urllib.request.Request(self._url.reveal(), notification.document, headers, method="POST")
        try:
            with limit_replies(ReplyLimits.within(self._timeout)):
                self._opener.open(request, timeout=self._timeout).close()
        except urllib.error.HTTPError as error:
            error.close()
            transient = error.code >= 500 or error.code in _TRANSIENT_STATUSES
            redirect = ", a redirect, which is not followed" if 300 <= error.code < 400 else ""
            raise DeliveryError(f"it answered {error.code}{redirect}", transient=transient) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            cause = getattr(error, "reason", error)
            reason = getattr(cause, "strerror", None) or type(cause).__name__
            raise DeliveryError(f"no answer: {reason}", transient=isinstance(error, OSError)) from None


class _NoRedirectHandler(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow no redirect."""


def _parse_url(url: str) -> tuple[SplitResult, str]:
    """Return the parts of a URL, and its host with the port. Raises `ValueError`, without quoting the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its message quotes the URL
        raise ValueError("is not a usable URL") from None
    if not parts.hostname or port == 0 or not url.isascii() or not url.isprintable():
        raise ValueError("is not a usable URL")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts, f"{host}:{port}" if port else host


def _make_basic_auth(username: str | None, password: str | None) -> Secret | None:
    if not username:
        return None
    credentials = f"{unquote(username)}:{unquote(password or '')}"
    return Secret("Basic " + base64.b64encode(credentials.encode()).decode())
