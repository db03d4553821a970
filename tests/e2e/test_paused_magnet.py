"""A magnet link that is declared paused: whether it gets its metadata first, and what comes of it then."""

from __future__ import annotations

import pytest

from reconciler.demo.servers import Server
from tests.conftest import MakeServer
from tests.e2e.home import Home
from tests.support.proxy import Proxy
from tests.support.raw import Raw
from tests.support.seeding import link, meet, seeded

STOPPED = ("pausedDL", "stoppedDL")
FILES = "files: [{match: '*', priority: high}]"


@pytest.fixture
def seeder(make_server: MakeServer) -> Server:
    """A server that has what others want."""
    return make_server("5.1.0")


def test_one_whose_files_are_declared_gets_its_metadata_and_no_data(
    home: Home, proxy: Proxy, truth: Raw, server: Server, seeder: Server, version: str
) -> None:
    hashes = seeded(seeder, 1, "v1")
    key = str(hashes.v1)
    home.write(f"{{magnet: '{link(hashes)}', paused: true, {FILES}}}")
    assert home.run().summary == {"add": 1}
    waits = home.run()
    assert (waits.code, waits.summary) == (0, {"deferred": 1})
    if version == "4.2.5":
        assert truth.torrents()[key]["state"] in STOPPED
        assert "which does not come while it is stopped" in waits.instance()["actions"][0]["reason"]
        return
    assert truth.torrents()[key]["state"] not in STOPPED
    reasons = {action["reason"] for action in waits.instance()["actions"]}
    assert "its metadata is awaited; it is stopped once that is there" in reasons

    meet(server, key, seeder)
    truth.eventually(lambda: truth.torrents()[key]["state"] in STOPPED)
    assert truth.torrents()[key]["progress"] == 0
    done = home.run()
    assert (done.code, done.summary) == (0, {"update": 1})
    assert [change["field"] for change in done.instance()["actions"][0]["changes"]] == ["files"]
    proxy.clear()
    assert home.run().summary == {"unchanged": 1}
    assert proxy.mutations == []


def test_one_that_needs_no_metadata_is_stopped_from_the_beginning(home: Home, proxy: Proxy, truth: Raw) -> None:
    home.write("{magnet: 'magnet:?xt=urn:btih:%s&dn=a', paused: true, name: b}" % ("1" * 40))
    assert home.run().summary == {"add": 1}
    assert truth.torrents()["1" * 40]["state"] in STOPPED
    assert home.run().summary == {"unchanged": 1}


def test_the_stop_condition_alone_is_enough(make_server: MakeServer, home: Home, seeder: Server) -> None:
    server = make_server("5.3.0")
    home.instance(server.url, server.username, server.password)
    hashes, truth = seeded(seeder, 1, "hybrid"), Raw(server)
    home.write(f"{{magnet: '{link(hashes)}', paused: true, stop_condition: metadata-received}}")
    assert home.run().summary == {"add": 1}
    meet(server, str(hashes.v1), seeder)
    truth.eventually(lambda: truth.torrents()[hashes.ids[0]]["state"] in STOPPED)
    assert home.run().summary == {"unchanged": 1}
