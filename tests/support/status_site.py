"""A status board under a simulated clock, served on a free port of loopback."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.position import Problem
from reconciler.model.run import Run
from reconciler.model.secret import Secret
from reconciler.web import StatusBoard, WebServer
from tests.support.example_runs import make_position

TOKEN: Final = Secret("a-token-of-a-good-length")
INTERVAL: Final = 60.0
NOON: Final = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class HttpAnswer:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class StatusSite:
    """A running server, its board, and the number of requested runs."""

    def __init__(self, board: StatusBoard, server: WebServer, asked: list[None]) -> None:
        self.board, self.server, self.run_requests = board, server, asked

    def request(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> HttpAnswer:
        """One request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=5)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return HttpAnswer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


MakeStatusSite = Callable[..., StatusSite]


def make_finished_run(
    run: Run,
    trigger: str = "interval",
    *,
    began: datetime = NOON,
    seconds: float = 0.4,
    problems: tuple[Problem, ...] = (),
    waiting: dict[str, Backoff] | None = None,
) -> FinishedRun:
    """A run that has ended."""
    return FinishedRun(run, trigger, began, seconds, problems, waiting)


BACKOFF = Backoff(3, "attic: no connection to http://attic:8080: connection refused", NOON + timedelta(seconds=90))
PROBLEM = Problem(make_position(12), "E030", 'unknown key "pausd"', 'Did you mean "paused"?')
