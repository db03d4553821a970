"""The proxy before a server of a chaos run: it records what came of each request, and applies the faults."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from urllib.parse import parse_qs, unquote_to_bytes

from tests.support.chaos.faults import FaultScript
from tests.support.proxy import READ_ENDPOINTS, Fault, Proxy, forward_request

_HASHES = re.compile(rb"[0-9a-f]{40}", re.IGNORECASE)


@dataclass
class ChaosRequest:
    """One request: the run that it is of, its fault, and whether it is a login with a wrong password.

    `is_answered`: the server answered it, even if that answer was lost. A server that is killed before it answers
    forgets a refused login.
    """

    run: str
    endpoint: str
    body: bytes
    fault: str | None = None
    is_refused_login: bool = False
    is_answered: bool = False

    @property
    def is_mutation(self) -> bool:
        """True if it changes something."""
        return not READ_ENDPOINTS.fullmatch(self.endpoint)

    @property
    def hashes(self) -> set[str]:
        """Every infohash in its body."""
        return {found.decode().lower() for found in _HASHES.findall(unquote_to_bytes(self.body))}

    def __str__(self) -> str:
        body = "…" if self.endpoint == "auth/login" else repr(self.body[:200])
        return f"{self.run} {self.endpoint} {body} fault={self.fault} answered={self.is_answered}"


@dataclass
class ChaosProxy(Proxy):
    """`script` chooses the faults; `on_request` is called with the number of each request of a run before it is sent.

    If `on_request` returns True, the request ends there. A login with the `password` of that moment is passed on from
    the `trusted_client`, if the server has one: the check of a hash takes the server a tenth of a second.
    """

    password: Callable[[], str] = lambda: ""
    trusted_client: str | None = None
    script: FaultScript | None = None
    on_request: Callable[[int], bool] = lambda _number: False
    run: str = ""
    log: list[ChaosRequest] = field(default_factory=list)
    count: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)
    late: list[threading.Event] = field(default_factory=list)

    def __enter__(self) -> Self:
        super().__enter__()
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a reset connection is no news here
        return self

    def choose_source(self, endpoint: str, body: bytes) -> tuple[str, int] | None:
        """Return the address to pass a request on from; None: any."""
        is_right = endpoint == "auth/login" and _read_password(body) == self.password()
        return (self.trusted_client, 0) if is_right and self.trusted_client else None

    def next_fault(self, endpoint: str) -> Fault:
        """Return the way to treat the next request."""

        def treat_request(handler: Any, body: bytes) -> None:
            record = ChaosRequest(self.run, endpoint, body)
            record.is_refused_login = endpoint == "auth/login" and _read_password(body) != self.password()
            with self.guard:
                self.log.append(record)
                self.count += 1
                number = self.count
            chosen = self.script.choose(endpoint) if self.script else None
            record.fault = chosen[0] if chosen else None
            handler.ask_server = partial(_ask_and_note, handler, record)
            done = threading.Event()
            with self.guard:
                self.late.append(done)
            try:
                if self.on_request(number):
                    handler.hang_up(reset=True)
                    return
                (chosen[1] if chosen else forward_request)(handler, body)
            except http.client.HTTPException:  # the server was killed in the middle of its answer
                handler.close_connection = True
            finally:
                done.set()

        return treat_request

    def start_run(self, name: str, script: FaultScript | None) -> None:
        """Begin a run."""
        self.wait_for_late_requests()
        self.run, self.script, self.count = name, script, 0

    def wait_for_late_requests(self) -> None:
        """Wait until every request has reached the server or is lost."""
        with self.guard:
            late, self.late = self.late, []
        for done in late:
            done.wait(10)


def _ask_and_note(handler: Any, record: ChaosRequest, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Pass the request on, and note that the server has answered it."""
    answer: tuple[int, list[tuple[str, str]], bytes] = type(handler).ask_server(handler, body)
    record.is_answered = True
    return answer


def _read_password(body: bytes) -> str:
    return parse_qs(body.decode(), keep_blank_values=True).get("password", [""])[0]
