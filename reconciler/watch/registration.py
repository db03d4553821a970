"""The registration with a program that keeps a list of its downloaders, such as the core of rust-bangumi.

A registration lives in the memory of the other side, so it is looked at again and again, and repeated where it is gone.
It is not repeated without need: each one makes the other side send its failed downloads again.

See docs/decisions/0150-a-registration-is-looked-at-and-repeated-only-where-it-is-gone.md.
"""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final

import structlog

from reconciler import __version__
from reconciler.model.desired import DesiredState
from reconciler.model.gateway import Registration
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import redact_api_url
from reconciler.reply_limits import LimitedHttpHandler, LimitedHttpsHandler, ReplyLimits, limit_replies

LOOK_INTERVAL: Final = 30.0  # seconds between two looks at the list
FIRST_DELAY: Final = 2.0  # seconds to the second attempt, doubled after each
MAX_DELAY: Final = 60.0
REQUEST_TIMEOUT: Final = 10.0  # seconds for a whole reply
MAX_REPLY_BYTES: Final = 4 << 20
REGISTER_PATH: Final = "/services/register"
LIST_PATH: Final = "/services"
DOWNLOAD_PATH: Final = "/downloads"


class NoReply(Exception):
    """The other side cannot be reached, or did not answer in time; the message says why."""


@dataclass(frozen=True, slots=True)
class ServiceReply:
    """The status and the body of a reply."""

    status: int
    body: bytes = b""


SendRequest = Callable[[str, bytes | None], ServiceReply]
"""Sends a GET, or a POST with a body, to a URL. Raises `NoReply`."""


def render_registration(registration: Registration) -> bytes:
    """Render what the other side is told: that we are a downloader, and where we listen."""
    return json.dumps(
        {
            "service_type": "downloader",
            "service_name": registration.name,
            "host": registration.host,
            "port": registration.port,
            "capabilities": {
                "download_endpoint": DOWNLOAD_PATH,
                "supported_download_types": ["magnet", "torrent"],
            },
        }
    ).encode()


def is_listed(registration: Registration, body: bytes) -> bool | None:
    """True if the reply of the list names us, False if it does not; None if it is no such list."""
    try:
        services = json.loads(body)["services"]
        keys = [(entry["service_name"], entry["host"], entry["port"]) for entry in services]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (registration.name, registration.host, registration.port) in keys


class Registrar:
    """Keeps one registration alive. Not thread-safe: `step` is called again and again by one thread."""

    def __init__(self, get_registration: Callable[[], Registration | None], send: SendRequest) -> None:
        self._get_registration, self._send = get_registration, send
        self._registration: Registration | None = None
        self._is_registered = False
        self._failures = 0
        self._log = structlog.get_logger()

    def step(self) -> float:
        """Register, or look whether the registration is still there. Return the seconds to the next step."""
        registration = self._get_registration()
        if registration != self._registration:
            self._registration, self._is_registered, self._failures = registration, False, 0
        if registration is None:
            return LOOK_INTERVAL
        url = registration.url.rstrip("/")
        try:
            if self._is_registered and not self._has_lost(registration, url):
                return LOOK_INTERVAL
            return self._register(registration, url)
        except NoReply as error:
            self._is_registered = False  # it may have been restarted before it answers again
            return self._note_failure(registration, str(error))

    def _has_lost(self, registration: Registration, url: str) -> bool:
        reply = self._send(url + LIST_PATH, None)
        return reply.status == http.client.OK and is_listed(registration, reply.body) is False

    def _register(self, registration: Registration, url: str) -> float:
        reply = self._send(url + REGISTER_PATH, render_registration(registration))
        if not 200 <= reply.status < 300:
            redirect = ", a redirect, which is not followed" if 300 <= reply.status < 400 else ""
            return self._note_failure(registration, f"it answered {reply.status}{redirect}")
        self._is_registered, self._failures = True, 0
        self._log.info("registered as a downloader", at=redact_api_url(registration.url), name=registration.name)
        return LOOK_INTERVAL

    def _note_failure(self, registration: Registration, reason: str) -> float:
        """Log the first failure of a row, and return the delay."""
        if not self._failures:
            self._log.warning(
                "not registered as a downloader; it is tried again", at=redact_api_url(registration.url), reason=reason
            )
        self._failures += 1
        return float(min(FIRST_DELAY * 2 ** min(self._failures - 1, 10), MAX_DELAY))


class RegistrationThread(threading.Thread):
    """Registers with the program that the desired state in force names, until `stop` is set."""

    def __init__(
        self, get_desired: Callable[[], DesiredState], stop: threading.Event, send: SendRequest | None = None
    ) -> None:
        super().__init__(name="registration", daemon=True)
        self._stop_event = stop
        self._registrar = Registrar(lambda: find_registration(get_desired()), send or send_request)

    def run(self) -> None:
        """Register and look, until `stop` is set."""
        while not self._stop_event.wait(self._registrar.step()):
            pass


def find_registration(desired: DesiredState) -> Registration | None:
    """Return the registration that a desired state declares."""
    return desired.gateway.services.registration if desired.gateway else None


def send_request(url: str, body: bytes | None) -> ServiceReply:
    """Send a GET, or a POST with a body, without redirects and without a proxy. Raises `NoReply`."""
    opener = urllib.request.OpenerDirector()  # with no handler of redirects or of proxies
    for handler in (LimitedHttpHandler(), LimitedHttpsHandler()):
        opener.add_handler(handler)
    headers = {"Content-Type": "application/json", "User-Agent": f"reconcile/{__version__}"}
    try:
        with (
            limit_replies(ReplyLimits.within(REQUEST_TIMEOUT)),
            opener.open(urllib.request.Request(url, body, headers), timeout=REQUEST_TIMEOUT) as response,
        ):
            return ServiceReply(int(response.status), response.read(MAX_REPLY_BYTES))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoReply(f"no answer: {_describe_error(error)}") from None


def _describe_error(error: Any) -> str:
    cause = getattr(error, "reason", error)
    return (
        "no whole reply in time"
        if isinstance(cause, TimeoutError)
        else getattr(cause, "strerror", None) or type(cause).__name__
    )
