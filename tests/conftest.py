"""Fixtures with real parts. A server that cannot be had fails the test that wants it; nothing is skipped."""

from __future__ import annotations

import gc
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from hypothesis import settings

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import QbittorrentServer, ServerSettings
from tests.support.proxy import KnownLogin, Proxy
from tests.support.raw import RawClient

pytest_plugins = ["tests.support.flaky"]

# Without deadline: how long an example takes depends on the load. `check` uses the same examples each time, `search`
# ten times as many new ones.
settings.register_profile("check", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("check")

# The hash of a password takes a tenth of a second to make, and as much to check. So all servers have the same one, and
# `RawClient` comes from an address that needs none, as does a login with the right password through a `Proxy`
_CHEAP: Final = {"password": secrets.token_urlsafe(12), "trusted_client": "127.0.0.2"}

_TESTS: Final = Path(__file__).parent

MakeServer = Callable[..., QbittorrentServer]
MakeProxy = Callable[..., Proxy]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--qbt 5.3.0` limits the tests to versions, for quick work at a desk."""
    parser.addoption("--qbt", action="append", choices=list(QBITTORRENT_PACKAGES), help="only this qBittorrent version")


def pytest_configure() -> None:
    """Collect no garbage while the tests are collected, which makes a million objects that stay."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from now on, but without the tests themselves."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the folders with the longest tests first: the workers then end at the same time."""
    long_first = ("e2e", "promises", "deploy", "qbittorrent")
    folders = {name: rank for rank, name in enumerate(long_first)}
    items.sort(key=lambda item: folders.get(item.path.relative_to(_TESTS).parts[0], len(folders)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a `version` (or a `server`) runs on all four, unless it names some itself."""
    named = any("version" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "version" in metafunc.fixturenames and not named:
        metafunc.parametrize("version", metafunc.config.getoption("--qbt") or list(QBITTORRENT_PACKAGES))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the terminal, the locale, the CI system or the settings of whoever runs it."""
    foreign = re.compile(
        "(RECONCILE|GITHUB|LC|CLICOLOR|TTY|TYPER)_.*|CI|CLICOLOR|COLORTERM|COLUMNS|FORCE_COLOR|LANG|LANGUAGE|LINES"
        "|NO_COLOR|PYTHONIOENCODING|PYTHONUTF8|PY_COLORS|TERM"
    )
    for name in filter(foreign.fullmatch, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal folder of this test and of every command that it runs: never in the user's home."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))
    return tmp_path / ".state" / "reconcile"


@pytest.fixture(autouse=True)
def _reset_structlog() -> Iterator[None]:
    """A command that runs within this process binds the log to a stream that ends with its test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    """Starts servers of any version; all are gone at the end of the test."""
    with ExitStack() as stack:

        def start_server(version: str | None = "5.1.0", **options: Any) -> QbittorrentServer:
            server = stack.enter_context(QbittorrentServer(version, ServerSettings(**_CHEAP | options)))
            stack.callback(server.kill)  # 4.2 would take half a second for an orderly end
            return server

        yield start_server


@pytest.fixture
def server(version: str, make_server: MakeServer) -> QbittorrentServer:
    """A fresh server, once for each version."""
    return make_server(version)


@pytest.fixture
def any_server(make_server: MakeServer) -> QbittorrentServer:
    """A fresh server, for tests to which the version does not matter."""
    return make_server()


@pytest.fixture
def make_proxy() -> Iterator[MakeProxy]:
    """Recording proxies before servers; all are closed at the end of the test.

    Where the password of the server changes, `known_login=None` lets the server check every login.
    """
    with ExitStack() as stack:

        def start_proxy(server: QbittorrentServer, **options: Any) -> Proxy:
            trusted = server.trusted_client
            login = KnownLogin(server.username, server.password, trusted) if trusted else None
            return stack.enter_context(Proxy(server.port, **{"known_login": login} | options))

        yield start_proxy


@pytest.fixture
def raw() -> Callable[[QbittorrentServer], RawClient]:
    """A bare admin client on a server."""
    return RawClient


@pytest.fixture
def broken_files() -> Path:
    """The corpus of broken desired states."""
    return _TESTS / "desired" / "broken"
