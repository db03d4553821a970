"""Servers that ask a client on this machine for a password only in the tests that are about it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeServer
from tests.support.server_builds import Build

# To check a password takes a server a tenth of a second.
_ABOUT_LOGINS: Final = frozenset(
    f"{__package__}.test_{name}"
    for name in (
        "connection",
        "errors",
        "host",
        "incremental_session_failures",
        "kept_sessions",
        "limited_adapter",
        "logins",
        "secrets",
        "session",
        "tls",
    )
)


def _build_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    is_open = request.module.__name__ not in _ABOUT_LOGINS
    return {"preferences": {r"WebUI\LocalHostAuth": "false"}} if is_open else {}


@pytest.fixture
def server(request: pytest.FixtureRequest, build: Build, make_server: MakeServer) -> QbittorrentServer:
    """A fresh server, once for each version."""
    return make_server(build.name, **_build_options(request))


@pytest.fixture
def any_server(request: pytest.FixtureRequest, make_server: MakeServer) -> QbittorrentServer:
    """A fresh server, for tests to which the version does not matter."""
    return make_server(**_build_options(request))
