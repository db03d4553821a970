"""Every conformance test runs on the four real servers through a session, and on the four in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import QbittorrentServer
from reconciler.model.desired import Instance
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.qbittorrent import Session
from reconciler.testing import MemoryInstance
from tests.support.conformance_subject import ConformanceSubject
from tests.support.server_builds import find_build, list_given_builds


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each kind of instance, grouped by server."""
    if "subject" in metafunc.fixturenames:
        given = [build.name for build in list_given_builds()]
        versions = given or metafunc.config.getoption("--qbt") or list(QBITTORRENT_PACKAGES)
        subjects = [f"{kind} {version}" for version in versions for kind in ("memory", "real")]
        metafunc.parametrize("subject", subjects, indirect=True, scope="session")


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformanceSubject]:
    """One instance for the whole suite: each test uses its own torrents and categories."""
    kind, version = request.param.split()
    build = find_build(version)
    root = str(tmp_path_factory.mktemp(f"{kind}-{version}"))
    if kind == "memory":
        box = MemoryInstance(build.release, web_api=build.web_api, libtorrent=build.libtorrent)
        yield ConformanceSubject(box, build, root)
        return
    with QbittorrentServer(build.source) as server, Session(_instance(server)) as session:
        yield ConformanceSubject(session, build, root)


def _instance(server: QbittorrentServer) -> Instance:
    position = Position("desired.yaml", 1, 1)
    return Instance("box", position, server.url, server.username, Secret(server.password))
