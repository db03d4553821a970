"""A board under a clock of ours, and the real server on a free port of loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from reconciler.web import StatusBoard, WebContext, WebServer, serve
from reconciler.web.auth import TokenReader
from tests.support.fake_time import FakeTime
from tests.support.status_site import INTERVAL, NOON, TOKEN, MakeStatusSite, StatusSite


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def time() -> FakeTime:
    """Noon of a day, until a test lets time pass."""
    return FakeTime(start=NOON)


@pytest.fixture
def board(time: FakeTime) -> StatusBoard:
    """An empty board."""
    return StatusBoard(INTERVAL, clock=time.clock)


@pytest.fixture
def make_site(board: StatusBoard) -> Iterator[MakeStatusSite]:
    """Serves the board; all servers are gone at the end."""
    servers: list[WebServer] = []

    def make(token: TokenReader | None = lambda: TOKEN, listen: str = "127.0.0.1:0") -> StatusSite:
        asked: list[None] = []
        servers.append(serve(WebContext(board, request_reload=lambda: asked.append(None), token_reader=token), listen))
        return StatusSite(board, servers[-1], asked)

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def site(make_site: MakeStatusSite) -> StatusSite:
    """The board, served."""
    return make_site()
