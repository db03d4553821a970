"""Asking a running loop how it is."""

from __future__ import annotations

import http.client
import json
from datetime import datetime
from http.client import OK, SERVICE_UNAVAILABLE
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, Request

from pydantic import BaseModel, ValidationError

from reconciler.report.sanitize import sanitize_text, truncate_text
from reconciler.web.loop_view import LoopState

STATUS_PATH: Final = "/api/v1/status"
LIVENESS_PATH: Final = "/healthz/live"
REQUEST_TIMEOUT: Final = 10.0  # seconds
MAX_RESPONSE_BYTES: Final = 64 * 2**20  # bytes of an answer


class StatusRequestError(Exception):
    """There is no status to be had there; the message says why."""


class InvalidLoopUrl(StatusRequestError):
    """That cannot be the address of a loop."""


class LastRunPayload(BaseModel):
    """The last run, in short."""

    trigger: str
    began: datetime
    seconds: float
    exit_code: int
    sentence: str


class BackoffPayload(BaseModel):
    """An instance is left alone for a while."""

    failures: int
    reason: str
    until: datetime


class GuardPayload(BaseModel):
    """The guard's word."""

    refused: bool
    reasons: list[str]


class InstancePayload(BaseModel):
    """One instance as the loop sees it."""

    name: str
    url: str | None
    status: str | None
    up: bool
    error: str | None
    version: str | None
    owned: int | None
    foreign: int | None
    drift: int | None
    guard: GuardPayload
    waiting: BackoffPayload | None


class ProblemPayload(BaseModel):
    """A problem of the desired state."""

    file: str
    line: int
    column: int
    message: str
    hint: str


class DesiredStatePayload(BaseModel):
    """Whether the files are valid."""

    valid: bool
    problems: list[ProblemPayload]


class LoopStatus(BaseModel):
    """What `GET /api/v1/status` answers, as far as it is shown. Unknown keys are left alone."""

    format_version: int
    exit_code: int
    version: str
    state: LoopState
    reasons: list[str]
    now: datetime
    runs: int
    interval: float
    last_success: datetime | None
    next: datetime | None
    last_run: LastRunPayload | None
    desired_state: DesiredStatePayload
    instances: list[InstancePayload]


def fetch_loop_status(url: str) -> tuple[LoopStatus, bytes]:
    """The status of the loop at `url`, and the answer as it came. Raises `StatusRequestError`."""
    where = build_endpoint_url(url)
    status, reason, body = _get_response(where)
    if status != OK:
        raise StatusRequestError(f"{where} answered {status} {reason}: is that a running reconcile?")
    try:
        # halves of surrogate pairs, which pydantic takes for an error, may stand in a name
        whole = json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace")
        return LoopStatus.model_validate_json(whole), body
    except (ValidationError, ValueError, RecursionError):
        raise StatusRequestError(f"{where} is not the status of a reconcile that this version understands") from None


def check_liveness(url: str) -> None:
    """Raises `StatusRequestError`, with the reason, unless the loop at `url` is alive. What it works on may be in any state."""
    where = build_endpoint_url(url, LIVENESS_PATH)
    status, reason, body = _get_response(where)
    if status == SERVICE_UNAVAILABLE:
        raise StatusRequestError(
            f"{where} says: {truncate_text(sanitize_text(body.decode(errors='replace').strip()), 300)}"
        )
    if status != OK:
        raise StatusRequestError(f"{where} answered {status} {reason}: is that a running reconcile?")


def build_endpoint_url(url: str, path: str = STATUS_PATH) -> str:
    """Where the status is, or another path, for the address of a loop. Raises `InvalidLoopUrl`."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidLoopUrl("--url wants the address of a running reconcile, such as http://127.0.0.1:9470")
    if "@" in parts.netloc:
        raise InvalidLoopUrl("--url: reading needs no credentials, so there must be none in the address")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(STATUS_PATH)}{path}"


def _get_response(url: str) -> tuple[int, str, bytes]:
    """One request: past any proxy of the environment, which knows nothing of our loopback, and to nowhere else."""
    opener = OpenerDirector()
    for handler in (HTTPHandler, HTTPSHandler):
        opener.add_handler(handler())
    try:
        with opener.open(Request(url, headers={"Accept": "application/json"}), timeout=REQUEST_TIMEOUT) as answer:
            body: bytes = answer.read(MAX_RESPONSE_BYTES + 1)
            cut = bool(getattr(answer, "length", 0)) and len(body) <= MAX_RESPONSE_BYTES
            status, reason = int(answer.status), sanitize_text(str(answer.reason))
    except URLError as error:
        raise StatusRequestError(
            f"no answer from {url}: {_error_reason(error.reason)}. Does it run with --listen?"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise StatusRequestError(f"no whole answer from {url}: {_error_reason(error)}") from None
    if cut:
        raise StatusRequestError(f"no whole answer from {url}: it was cut short")
    if len(body) > MAX_RESPONSE_BYTES:
        raise StatusRequestError(f"{url} answers with more than a status")
    return status, reason, body


def _error_reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {REQUEST_TIMEOUT:.0f} s"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
