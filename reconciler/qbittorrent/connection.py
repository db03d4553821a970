"""A logged-in connection to one instance: it logs in when needed, stops on request, and translates every error."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reconciler.model.desired import Instance
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    BrokenResponseError,
    InstanceError,
    ProxyAuthenticationError,
    ResponseTimeoutError,
    SessionLostError,
    StopRequested,
    TlsError,
    UnreachableError,
    UnsupportedError,
)
from reconciler.model.secret import Secret
from reconciler.model.versions import OLDEST_SUPPORTED, ApiVersion, parse_version
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.errors import (
    LOGIN_ENDPOINT,
    REQUEST_EXCEPTIONS,
    RequestContext,
    UnexpectedReply,
    is_expired_session,
    is_unauthorized,
    make_host_error,
    translate_error,
)
from reconciler.qbittorrent.kept_sessions import KeptSessions
from reconciler.qbittorrent.logins import LoginMemory

if TYPE_CHECKING:
    from reconciler.qbittorrent.transfers import TransferStats

T = TypeVar("T")

MAX_LOST_SESSIONS = 1  # right after a login that was accepted; then one more login, and no third
_UNANSWERED = (UnreachableError, ResponseTimeoutError, BrokenResponseError, StopRequested)
_NO_VERSION_TEXT = "did not give a version. Does `url` lead to qBittorrent's Web UI?"


class Connection:
    """A connection to one instance. Every method raises `InstanceError`, or `StopRequested` before it sends.

    `version` (like `v5.1.0`) and the Web API version (`web_api` like `2.11.4`, `api_version` as numbers) are empty
    before `open`. `open_count` is the number of logins: the server's state for a session ends with the session.
    `cancelled` ends the request in flight, from any thread. Otherwise not thread-safe.
    """

    def __init__(
        self,
        instance: Instance,
        stop: threading.Event | None,
        cancelled: threading.Event | None = None,
        transfer_stats: TransferStats | None = None,
        logins: LoginMemory | None = None,
        kept_sessions: KeptSessions | None = None,
    ) -> None:
        self.version = ""
        self.web_api = ""
        self.api_version: ApiVersion = ()
        self.open_count = 0
        self._instance = instance
        self._stop = stop
        self._cancelled = cancelled
        self._logins = logins or LoginMemory()
        self._kept_sessions = kept_sessions
        self._refusal: InstanceError | None = None
        self._lost_sessions = 0  # since a call succeeded
        self._client = Client(instance, stop, cancelled, transfer_stats)

    @property
    def request_count(self) -> int:
        """The number of HTTP requests sent so far."""
        return self._client.request_count

    @property
    def server_date(self) -> str:
        """The `Date` header of the last reply, "" if it had none."""
        return self._client.server_date

    @property
    def is_cancelled(self) -> bool:
        """True once its requests were ended from another thread: all later ones fail."""
        return self._cancelled is not None and self._cancelled.is_set()

    def open(self) -> None:
        """Log in (one attempt; none with an API key or without credentials) and read the versions.

        Nor is a login sent if an earlier run has kept its session, and the server still has it. Credentials that were
        refused are not sent again; see `LoginMemory`.
        """
        self._check_ca_file()
        if self._instance.password is not None:
            version = self._resume_session()
            if not version:
                self._log_in(self._instance.username or "", self._instance.password)
                version = self._send_once("app/version", _read_version)
        else:
            version = self._read_version_without_login()
        numbers = self._send_once("app/webapiVersion", _read_api_version)
        self._check_supported(version, numbers)
        self.version, self.web_api, self.api_version = version, ".".join(map(str, numbers)), numbers
        self._client.web_api = self.web_api
        self.open_count += 1

    def call(self, endpoint: str, send: Callable[[Client], T]) -> T:
        """Send one request. If the session has expired, log in, read the versions again, and send it once more.

        A request that was answered 403 was not carried out, so it may be sent again. The versions may have changed,
        because the server may have been updated and restarted.
        """
        try:
            reply = self._send_unless_stopped(send)
        except REQUEST_EXCEPTIONS as error:
            if not is_expired_session(error, self._request_context(endpoint)):
                raise self._translate_error(error, endpoint) from None
            self.open()
            reply = self._send_once(endpoint, send)
        self._lost_sessions = 0
        return reply

    def read_version(self) -> str:
        """Return qBittorrent's version as it is now: a restart as another one need not end the session."""
        return self.call("app/version", _read_version)

    @contextmanager
    def translate_errors(self, endpoint: str) -> Iterator[None]:
        """Context in which a reply is parsed that `call` returned before: what fails there belongs to its endpoint."""
        try:
            yield
        except REQUEST_EXCEPTIONS as error:
            raise self._translate_error(error, endpoint) from None

    @contextmanager
    def ignore_stop(self) -> Iterator[None]:
        """Context in which requests are sent although the run was asked to stop."""
        stop, self._stop = self._stop, None
        try:
            yield
        finally:
            self._stop = stop

    def close(self) -> None:
        """Log out, unless the session is kept for the next run, and close the connections.

        Never raises: the server drops idle sessions by itself.
        """
        with suppress(Exception):
            if self._keep_session():
                self._client.drop_session()
            else:
                self._client.log_out()

    def _keep_session(self) -> bool:
        """Keep the session for the next run, if that may use it. Not after a stop signal: then nothing goes on."""
        if not self._kept_sessions or not self.open_count or not self._instance.password:
            return False
        is_whole = not (self._refusal or self.is_cancelled or (self._stop is not None and self._stop.is_set()))
        return self._kept_sessions.keep(self._instance, self._client.read_cookies() if is_whole else None)

    def _resume_session(self) -> str:
        """Return the version, read in the session that an earlier run has kept; "" if there is none any more."""
        cookies = self._kept_sessions.take(self._instance) if self._kept_sessions else None
        if not (self._kept_sessions and cookies):
            return ""
        self._client.resume_session(cookies)
        try:
            return self._read_version_if_admitted()
        except _UNANSWERED:  # it may still be there when the server answers
            self._client.drop_session()
            self._kept_sessions.put_back(self._instance, cookies)
            raise
        except ProxyAuthenticationError:  # its credentials went with the cookies, and must not go with a logout too
            self._client.drop_session()
            raise
        except InstanceError:  # maybe because of a cookie of a proxy
            return ""

    def _log_in(self, username: str, password: Secret) -> None:
        is_in_doubt = self._logins.check_login(self._instance)
        if is_in_doubt and self._is_admitted_without_login():
            return
        with self._logins.track_login(self._instance):
            try:
                self._send_unless_stopped(lambda client: client.log_in(username, password))
            except REQUEST_EXCEPTIONS as error:
                if is_unauthorized(error) and not self._instance.has_authorization_header:
                    self._check_host_header()
                raise self._translate_error(error, LOGIN_ENDPOINT) from None

    def _read_version_without_login(self) -> str:
        """Return the version. Credentials for a proxy that it refused are not sent again."""
        if not self._instance.has_proxy_credentials:
            return self._send_once("app/version", _read_version)
        self._logins.check_login(self._instance)
        try:
            version = self._send_once("app/version", _read_version)
        except ProxyAuthenticationError:
            self._logins.record_refusal(self._instance)
            raise
        self._logins.record_acceptance(self._instance)
        return version

    def _is_admitted_without_login(self) -> bool:
        """Send a request without credentials, which counts towards no ban. True if qBittorrent trusts our address.

        Raises `InstanceError` unless qBittorrent itself answers.
        """
        self._client.drop_session()
        return bool(self._read_version_if_admitted())

    def _read_version_if_admitted(self) -> str:
        """Return the version; "" if qBittorrent asks for a login. Raises `InstanceError` for any other answer."""
        try:
            return self._send_unless_stopped(_read_version)
        except REQUEST_EXCEPTIONS as error:
            if is_expired_session(error, self._request_context("app/version")):
                return ""
            instance_error = self._translate_error(error, "app/version")
            if isinstance(instance_error, ProxyAuthenticationError):
                self._logins.record_refusal(self._instance)
            raise instance_error from None

    def _check_host_header(self) -> None:
        """Raise `InstanceError` if qBittorrent answers 401 to any request, because of its `Host` header."""
        try:
            self._send_unless_stopped(_read_version)
        except REQUEST_EXCEPTIONS as error:
            if is_unauthorized(error):
                raise make_host_error(self._request_context(LOGIN_ENDPOINT)) from None

    def _send_once(self, endpoint: str, send: Callable[[Client], T]) -> T:
        try:
            return self._send_unless_stopped(send)
        except REQUEST_EXCEPTIONS as error:
            raise self._translate_error(error, endpoint) from None

    def _send_unless_stopped(self, send: Callable[[Client], T]) -> T:
        if self._stop is not None and self._stop.is_set():
            raise StopRequested(f"{self._instance.name}: the run was asked to stop")
        if self._refusal:
            raise self._refusal
        return send(self._client)

    def _translate_error(self, error: Exception, endpoint: str) -> InstanceError:
        instance_error = translate_error(error, self._request_context(endpoint))
        is_final = isinstance(instance_error, (AuthenticationError, BannedError))
        if isinstance(instance_error, SessionLostError):
            self._lost_sessions += 1
            is_final = self._lost_sessions > MAX_LOST_SESSIONS
            instance_error.transient = not is_final
        if is_final:
            self._refusal = instance_error
        return instance_error

    def _request_context(self, endpoint: str) -> RequestContext:
        return RequestContext(self._instance, endpoint)

    def _check_supported(self, version: str, api_version: ApiVersion) -> None:
        if not OLDEST_SUPPORTED.is_available(api_version):
            raise UnsupportedError(
                f"{self._instance.name}: qBittorrent {version} (Web API {'.'.join(map(str, api_version))}) is too old. "
                f"Update it: {OLDEST_SUPPORTED.release} is the oldest version that can be managed"
            )

    def _check_ca_file(self) -> None:
        """Raise `TlsError` for a missing CA file, which would otherwise look like a failure to connect."""
        path = self._instance.ca_file
        if path and self._instance.tls_verify and not Path(path).is_file():
            raise TlsError(f"{self._instance.name}: `tls.ca_file` {path} is not a file here")


def _read_version(client: Client) -> str:
    version = client.app_version()
    if not re.fullmatch(r"v[0-9][0-9A-Za-z.+-]{0,39}", version):
        raise UnexpectedReply(_NO_VERSION_TEXT)
    return version


def _read_api_version(client: Client) -> ApiVersion:
    numbers = parse_version(client.read_web_api_version())
    if numbers is None:
        raise UnexpectedReply(_NO_VERSION_TEXT)
    return numbers
