"""The client of a running loop, for `reconcile status --url`."""

from __future__ import annotations

import http.client
import json
from datetime import datetime
from http.client import OK, SERVICE_UNAVAILABLE, UNAUTHORIZED
from typing import Final, TypeVar
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import OpenerDirector, Request

from pydantic import BaseModel

from reconciler.model.secret import Secret
from reconciler.reply_limits import LimitedHttpHandler, LimitedHttpsHandler, ReplyLimits, limit_replies
from reconciler.report.sanitize import sanitize_text, truncate_text
from reconciler.waits import track_wait
from reconciler.web.loop_view import LoopState
from reconciler.web.reported_findings import RunReport

STATUS_PATH: Final = "/api/v1/status"
PLAN_PATH: Final = "/api/v1/plan"
LIVENESS_PATH: Final = "/healthz/live"
REQUEST_TIMEOUT: Final = 10.0  # seconds
MAX_RESPONSE_BYTES: Final = 64 * 2**20  # bytes


Document = TypeVar("Document", bound=BaseModel)


class StatusRequestError(Exception):
    """The status could not be read; the message says why."""


class InvalidLoopUrl(StatusRequestError):
    """The URL cannot be the address of a loop."""


class LastRunPayload(BaseModel):
    """The last run."""

    trigger: str
    began: datetime
    seconds: float
    exit_code: int
    sentence: str


class BackoffPayload(BaseModel):
    """The back-off of an instance."""

    failures: int
    reason: str
    until: datetime


class GuardPayload(BaseModel):
    """The verdict of the guard."""

    refused: bool
    reasons: list[str]


class InstancePayload(BaseModel):
    """One instance as the loop sees it. `label` and `tone` are missing from a loop before there were any."""

    name: str
    label: str = ""
    tone: str = ""
    since: datetime | None = None
    last_read: datetime | None = None
    url: str | None
    status: str | None
    up: bool
    error: str | None
    version: str | None
    owned: int | None
    foreign: int | None
    drift: int | None
    guard: GuardPayload
    suspended_until: datetime | None = None
    waiting: BackoffPayload | None


class ProblemPayload(BaseModel):
    """A problem of the desired state."""

    file: str
    line: int
    column: int
    code: str = ""  # of a loop before there were codes
    message: str
    hint: str


class DesiredStatePayload(BaseModel):
    """The validity of the files."""

    valid: bool
    problems: list[ProblemPayload]


class VerdictPayload(BaseModel):
    """The state of the loop in a few words."""

    headline: str
    tone: str


class LoopStatus(BaseModel):
    """The keys of `GET /api/v1/status` that are shown. Others are ignored."""

    format_version: int
    exit_code: int
    version: str
    loop_id: str = ""  # of a loop before there were ids
    shard: str | None = None
    state: LoopState
    verdict: VerdictPayload | None = None
    reasons: list[str]
    now: datetime
    runs: int
    interval: float
    last_success: datetime | None
    next: datetime | None
    last_run: LastRunPayload | None
    desired_state: DesiredStatePayload
    instances: list[InstancePayload]


def fetch_loop_status(url: str, token: Secret | None = None) -> tuple[LoopStatus, bytes]:
    """Return the status of the loop at `url`, parsed and as received. Raises `StatusRequestError`."""
    return _fetch_document(build_endpoint_url(url), token, LoopStatus)


def fetch_last_report(url: str, token: Secret | None = None) -> RunReport:
    """Return the JSON report of the last run of the loop at `url`. Raises `StatusRequestError`."""
    return _fetch_document(build_endpoint_url(url, PLAN_PATH), token, RunReport)[0]


def _fetch_document(endpoint: str, token: Secret | None, model: type[Document]) -> tuple[Document, bytes]:
    status, reason, body = _get_response(endpoint, token)
    if status == UNAUTHORIZED:
        needed = "it does not accept this token" if token else "it needs a token (--token-file)"
        raise StatusRequestError(f"{endpoint} answered {status} {reason}: {needed}")
    if status != OK:
        raise StatusRequestError(f"{endpoint} answered {status} {reason}: is that a running reconcile?")
    try:
        return parse_document(body, model), body
    except (ValueError, RecursionError):
        raise StatusRequestError(f"{endpoint} is not an answer that this version of reconcile understands") from None


def parse_document(body: bytes, model: type[Document]) -> Document:
    """Parse a JSON document of ours. Raises `ValueError`, and `RecursionError`."""
    # a name may contain half a surrogate pair, which pydantic rejects
    return model.model_validate_json(json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace"))


def check_liveness(url: str) -> None:
    """Raise `StatusRequestError` with the reason unless the loop at `url` is alive. Its instances may be down."""
    endpoint = build_endpoint_url(url, LIVENESS_PATH)
    status, reason, body = _get_response(endpoint)
    if status == SERVICE_UNAVAILABLE:
        raise StatusRequestError(
            f"{endpoint} reports: {truncate_text(sanitize_text(body.decode(errors='replace').strip()), 300)}"
        )
    if status != OK:
        raise StatusRequestError(f"{endpoint} answered {status} {reason}: is that a running reconcile?")


def build_endpoint_url(url: str, path: str = STATUS_PATH, option: str = "--url") -> str:
    """Return the URL of an endpoint, by default of the status. Raises `InvalidLoopUrl`, which names the option."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidLoopUrl(f"{option} needs the address of a running reconcile, such as http://127.0.0.1:9470")
    if "@" in parts.netloc:
        raise InvalidLoopUrl(f"{option}: the URL must not contain credentials")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(STATUS_PATH)}{path}"


def _get_response(url: str, token: Secret | None = None) -> tuple[int, str, bytes]:
    """Send one request, without redirects and without the proxy of the environment, which cannot reach our loopback."""
    opener = OpenerDirector()
    for handler in (LimitedHttpHandler(), LimitedHttpsHandler()):
        opener.add_handler(handler)
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token.reveal()}"} if token else {})
    limits = ReplyLimits(REQUEST_TIMEOUT, REQUEST_TIMEOUT)
    try:
        with (
            track_wait("reading", url),
            limit_replies(limits),
            opener.open(Request(url, headers=headers), timeout=REQUEST_TIMEOUT) as response,
        ):
            body: bytes = response.read(MAX_RESPONSE_BYTES + 1)
            is_truncated = bool(getattr(response, "length", 0)) and len(body) <= MAX_RESPONSE_BYTES
            status, reason = int(response.status), sanitize_text(str(response.reason))
    except URLError as error:
        raise StatusRequestError(
            f"no answer from {url}: {_error_reason(error.reason)}. Does it run with --listen?"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise StatusRequestError(f"no complete answer from {url}: {_error_reason(error)}") from None
    if is_truncated:
        raise StatusRequestError(f"no complete answer from {url}: it was truncated")
    if len(body) > MAX_RESPONSE_BYTES:
        raise StatusRequestError(f"the answer from {url} is too long for a status")
    return status, reason, body


def _error_reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"no data for {REQUEST_TIMEOUT:.0f} s"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
