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

from reconciler.report.sanitize import clean, clipped
from reconciler.web.loop_view import State

PATH: Final = "/api/v1/status"
LIVE: Final = "/healthz/live"
TIMEOUT: Final = 10.0  # seconds
LARGEST: Final = 64 * 2**20  # bytes of an answer


class AskError(Exception):
    """There is no status to be had there; the message says why."""


class BadAddress(AskError):
    """That cannot be the address of a loop."""


class LastRun(BaseModel):
    """The last run, in short."""

    trigger: str
    began: datetime
    seconds: float
    exit_code: int
    sentence: str


class Waits(BaseModel):
    """An instance is left alone for a while."""

    failures: int
    reason: str
    until: datetime


class Guarded(BaseModel):
    """The guard's word."""

    refused: bool
    reasons: list[str]


class OneInstance(BaseModel):
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
    guard: Guarded
    waiting: Waits | None


class Wrong(BaseModel):
    """A problem of the desired state."""

    file: str
    line: int
    column: int
    message: str
    mend: str


class DesiredState(BaseModel):
    """Whether the files are valid."""

    valid: bool
    problems: list[Wrong]


class LoopStatus(BaseModel):
    """What `GET /api/v1/status` answers, as far as it is shown. Unknown keys are left alone."""

    format_version: int
    exit_code: int
    version: str
    state: State
    reasons: list[str]
    now: datetime
    runs: int
    interval: float
    last_success: datetime | None
    next: datetime | None
    last_run: LastRun | None
    desired_state: DesiredState
    instances: list[OneInstance]


def ask(url: str) -> tuple[LoopStatus, bytes]:
    """The status of the loop at `url`, and the answer as it came. Raises `AskError`."""
    where = address(url)
    status, reason, body = _get(where)
    if status != OK:
        raise AskError(f"{where} answered {status} {reason}: is that a running reconcile?")
    try:
        # halves of surrogate pairs, which pydantic takes for an error, may stand in a name
        whole = json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace")
        return LoopStatus.model_validate_json(whole), body
    except (ValidationError, ValueError, RecursionError):
        raise AskError(f"{where} is not the status of a reconcile that this version understands") from None


def ask_live(url: str) -> None:
    """Raises `AskError`, with the reason, unless the loop at `url` is alive. What it works on may be in any state."""
    where = address(url, LIVE)
    status, reason, body = _get(where)
    if status == SERVICE_UNAVAILABLE:
        raise AskError(f"{where} says: {clipped(clean(body.decode(errors='replace').strip()), 300)}")
    if status != OK:
        raise AskError(f"{where} answered {status} {reason}: is that a running reconcile?")


def address(url: str, path: str = PATH) -> str:
    """Where the status is, or another path, for the address of a loop. Raises `BadAddress`."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or " " in url:
        raise BadAddress("--url wants the address of a running reconcile, such as http://127.0.0.1:9470")
    if "@" in parts.netloc:
        raise BadAddress("--url: reading needs no credentials, so there must be none in the address")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(PATH)}{path}"


def _get(where: str) -> tuple[int, str, bytes]:
    """One request: past any proxy of the environment, which knows nothing of our loopback, and to nowhere else."""
    opener = OpenerDirector()
    for handler in (HTTPHandler, HTTPSHandler):
        opener.add_handler(handler())
    try:
        with opener.open(Request(where, headers={"Accept": "application/json"}), timeout=TIMEOUT) as answer:
            body: bytes = answer.read(LARGEST + 1)
            cut = bool(getattr(answer, "length", 0)) and len(body) <= LARGEST
            status, reason = int(answer.status), clean(str(answer.reason))
    except URLError as error:
        raise AskError(f"no answer from {where}: {_why(error.reason)}. Does it run with --listen?") from None
    except (OSError, http.client.HTTPException) as error:
        raise AskError(f"no whole answer from {where}: {_why(error)}") from None
    if cut:
        raise AskError(f"no whole answer from {where}: it was cut short")
    if len(body) > LARGEST:
        raise AskError(f"{where} answers with more than a status")
    return status, reason, body


def _why(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"nothing came for {TIMEOUT:.0f} s"
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
