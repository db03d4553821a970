"""Fixtures with real parts. A server that cannot be had fails the test that wants it; nothing is skipped."""

from __future__ import annotations

import gc
import itertools
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import DEFAULT_VERSION, QbittorrentServer, ReservedPort, ServerSettings
from tests.support import server_builds
from tests.support.proxy import KnownLogin, Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import Build, BuildError

pytest_plugins = ["tests.support.short_reports", "tests.support.flaky", "tests.support.cpu_seconds"]

# Without deadline: how long an example takes depends on the load. `check` uses the same examples each time, `search`
# fifteen times as many new ones.
settings.register_profile("check", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1500)
settings.load_profile("check")

# The hash of a password takes a tenth of a second to make, and as much to check. So all servers have the same one, and
# `RawClient` comes from an address that needs none, as does a login with the right password through a `Proxy`
_CHEAP: Final = {"password": secrets.token_urlsafe(12), "trusted_client": "127.0.0.2"}

_TESTS: Final = Path(__file__).parent
_FOREIGN_VARIABLES: Final = re.compile(
    "(RECONCILE|GITHUB|LC|CLICOLOR|TTY|TYPER)_.*|CI|CLICOLOR|COLORTERM|COLUMNS|FORCE_COLOR|LANG|LANGUAGE|LINES"
    "|NO_COLOR|PYTHONIOENCODING|PYTHONUTF8|PY_COLORS|TERM"
)
_NUMBERS: Final = itertools.count()  # of the tests of this process

_BUILDS_HELP: Final = (
    "(*names, having=None, lacking=None): run the test on these versions from Debian's packages; on a build of "
    "--qbt-binary if it has, or lacks, a capability of reconciler.model.versions"
)

MakeServer = Callable[..., QbittorrentServer]
MakeProxy = Callable[..., Proxy]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--qbt 5.3.0`, for quick work at a desk, and `--qbt-binary PATH`, for any other build."""
    parser.addoption("--qbt", action="append", choices=list(QBITTORRENT_PACKAGES), help="only this qBittorrent version")
    parser.addoption(
        "--qbt-binary",
        action="append",
        metavar="PATH",
        help="run the tests on servers, and only these, on this qbittorrent-nox instead of Debian's; repeatable",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the builds. Collect no garbage while the tests are collected, which makes a million objects that stay."""
    config.addinivalue_line("markers", f"builds{_BUILDS_HELP}")
    workerinput = getattr(config, "workerinput", None)
    try:
        if workerinput is not None:  # the process that started this worker has asked them
            server_builds.give_builds(Build(*values) for values in workerinput["builds"])
        else:
            server_builds.give_builds(map(server_builds.identify_build, config.getoption("--qbt-binary") or ()))
    except BuildError as error:
        raise pytest.UsageError(f"--qbt-binary: {error}") from None
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"  # as the command does: to look for some reads every package's metadata
    gc.disable()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker the builds."""
    node.workerinput["builds"] = [astuple(build) for build in server_builds.list_given_builds()]


def pytest_report_header() -> list[str]:
    """Say what the tests run on."""
    return [
        f"qBittorrent {build.release}, Web API {build.web_api}, libtorrent {build.libtorrent}: {build.program}"
        for build in server_builds.list_given_builds()
    ]


def pytest_collection_finish() -> None:
    """Make this process one for tests: none depends on the terminal, the locale, the CI system or anybody's settings.

    Collect garbage from now on, but without the tests themselves.
    """
    for name in filter(_FOREIGN_VARIABLES.fullmatch, list(os.environ)):
        del os.environ[name]
    os.environ |= {"TERM": "xterm", "LC_ALL": "C.UTF-8"}
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """A command that runs within this process binds the log to a stream that ends with its test.

    A fixture would do the same, and take a tenth of a millisecond of each of thousands of tests.
    """
    try:
        yield
    finally:
        if structlog := sys.modules.get("structlog"):
            structlog.reset_defaults()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests without a server if a build is given, and start the folders with the longest tests first.

    Workers get long and short tests mixed.
    """
    if server_builds.list_given_builds():
        config.hook.pytest_deselected(items=[item for item in items if not _is_on_server(item)])
        items[:] = filter(_is_on_server, items)
    long_first = ("e2e", "promises", "deploy", "qbittorrent")
    folders = {name: rank for rank, name in enumerate(long_first)}
    items.sort(key=lambda item: folders.get(_find_folder(item.path), len(folders)))
    if hasattr(config, "workerinput"):
        items[:] = _mix_items(items)


@cache
def _find_folder(path: Path) -> str:
    return path.relative_to(_TESTS).parts[0]


def _mix_items(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the items, with the long ones spread among the others, and none of them in the last fifth.

    A long test waits for servers half of its time, in which the others use the processors, and could be the last that
    runs. The first item is one for which an image is built, because all others with that image wait for it.
    """
    long_items = [item for item in items if _find_folder(item.path) in ("e2e", "deploy")]
    others = [item for item in items if _find_folder(item.path) not in ("e2e", "deploy")]
    turns = {
        item: index / len(kind) * share
        for kind, share in ((long_items, 0.8), (others, 1.0))
        for index, item in enumerate(kind)
    }
    image_items = [item for item in items if "image" in getattr(item, "fixturenames", ())]
    turns |= dict.fromkeys(image_items[:1], -1.0)
    return sorted(items, key=turns.__getitem__)


def _is_on_server(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and not {"any_build", "subject"}.isdisjoint(item.fixturenames)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that asks for a `version` (or a `server`) on all four, or on those of its mark `builds`.

    With `--qbt-binary`, every test on servers runs on each of those builds that fits its mark.
    """
    markers = list(metafunc.definition.iter_markers("builds"))
    given = server_builds.list_given_builds()
    if given and "any_build" in metafunc.fixturenames:
        parameters = [pytest.param(build, id=build.name, marks=_list_skips(build, markers)) for build in given]
        metafunc.parametrize("any_build", parameters, indirect=True)
    named = any("version" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if not given and "version" in metafunc.fixturenames and not named:
        names = [name for marker in markers for name in marker.args]
        names = names or metafunc.config.getoption("--qbt") or list(QBITTORRENT_PACKAGES)
        metafunc.parametrize("version", names)


def _list_skips(build: Build, markers: Iterable[pytest.Mark]) -> list[pytest.MarkDecorator]:
    """Return marks that skip a test of a behaviour that the build does not have, or of the one before it."""
    having = [capability for marker in markers if (capability := marker.kwargs.get("having"))]
    lacking = [capability for marker in markers if (capability := marker.kwargs.get("lacking"))]
    reasons = [f"{build.name} does not have: {item.label}" for item in having if not build.has(item)]
    reasons += [f"{build.name} has: {item.label}" for item in lacking if build.has(item)]
    return [pytest.mark.skip(reason=reason) for reason in reasons]


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal folder of this test and of every command that it runs: never in the user's home.

    It is made by what writes to it: to make and remove a folder for each of the many tests that need none takes longer
    than most of them.
    """
    home = tmp_path_factory.getbasetemp() / f".state-{next(_NUMBERS)}"
    os.environ["XDG_STATE_HOME"] = str(home)  # until the next test
    return home / "reconcile"


@pytest.fixture
def any_build(request: pytest.FixtureRequest) -> Build:
    """The build for servers whose version does not matter: that of `--qbt-binary`, or one from Debian."""
    build: Build = getattr(request, "param", server_builds.DEBIAN_BUILDS[DEFAULT_VERSION])
    return build


@pytest.fixture
def version(any_build: Build) -> str:
    """The name of the build that the test is for."""
    return any_build.name


@pytest.fixture
def build(version: str, any_build: Build) -> Build:
    """The build that the test is for, which knows what it can do. One that is given replaces a version."""
    return any_build if server_builds.list_given_builds() else server_builds.find_build(version)


@pytest.fixture
def make_server(any_build: Build) -> Iterator[MakeServer]:
    """Starts servers of any version, or of one that is named; all are gone at the end of the test."""
    with ExitStack() as stack:

        def start_server(version: str | None = None, **options: Any) -> QbittorrentServer:
            source = server_builds.find_build(version or any_build.name).source
            server = stack.enter_context(QbittorrentServer(source, ServerSettings(**_CHEAP | options)))
            stack.callback(server.kill)  # 4.2 would take half a second for an orderly end
            return server

        yield start_server


@pytest.fixture
def server(build: Build, make_server: MakeServer) -> QbittorrentServer:
    """A fresh server, once for each version."""
    return make_server(build.name)


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
def reserved_port() -> Iterator[int]:
    """A port of loopback that no other process gets before a program of the test listens on it."""
    port = ReservedPort("127.0.0.1")
    yield port.number
    port.release()


@pytest.fixture
def raw() -> Callable[[QbittorrentServer], RawClient]:
    """A bare admin client on a server."""
    return RawClient


@pytest.fixture
def broken_files() -> Path:
    """The corpus of broken desired states."""
    return _TESTS / "desired" / "broken"
