"""Runs that meet on one real server: under two names, at the same time, and after a kill."""

from __future__ import annotations

import signal

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.lease import LeaseTags
from tests.conftest import MakeProxy
from tests.support.home import Home, make_entries, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Proxy, hang_before
from tests.support.raw import RawClient

COUNT = 40


def read_leases(truth: RawClient) -> LeaseTags:
    """The leases on a server."""
    return LeaseTags.parse(truth.post("torrents/tags").json())


@pytest.fixture
def direct(any_server: QbittorrentServer, box: Proxy) -> RawClient:
    """A direct client of the server behind `box`."""
    return RawClient(any_server)


def test_one_server_under_two_names_is_refused_before_anything_is_changed(
    home: Home, any_server: QbittorrentServer, box: Proxy, direct: RawClient
) -> None:
    home.add_instance(any_server.url, any_server.username, any_server.password, "published")
    home.write(make_entry(1, instance="box"), make_entry(2, instance="published"), head="delete_files: true")
    for _ in range(2):
        ran = home.run()
        assert ran.exit_code == 3, ran.err
        reasons = " ".join(ran.report["guard"]["reasons"])
        assert "box: it is the same server as published" in reasons
        assert "published: it is the same server as box" in reasons
    assert direct.list_torrents() == {}
    assert direct.post("torrents/tags").json() == []
    assert {request.endpoint for request in box.mutations} <= {"torrents/createTags", "torrents/deleteTags"}


def test_two_runs_at_once_end_in_the_declared_state(home: Home, box: Proxy, direct: RawClient) -> None:
    for on in (True, False):
        home.write(*make_entries(COUNT, paused=True, sequential=on, first_last_piece_first=on, tags=["a"]))
        box.clear()
        runs = [home.start(), home.start()]
        results = [process.wait() for process in runs]
        assert [result.exit_code for result in results] == [0, 0], results
        rows = direct.list_torrents().values()
        assert len(rows) == COUNT
        assert {(row["seq_dl"], row["f_l_piece_prio"]) for row in rows} == {(on, on)}
        assert read_leases(direct).holds == frozenset()
        assert box.count_requests("torrents/toggleSequentialDownload") <= 1, "the second run has nothing left to do"
    assert home.run("--dry-run", "--detailed-exitcode").exit_code == 0


def test_a_killed_run_leaves_its_hold_and_the_next_one_goes_on_at_once(
    home: Home, box: Proxy, direct: RawClient
) -> None:
    home.write(make_entry(1, paused=True))
    box.add_fault("torrents/add", hang_before(20))
    process = home.start()
    RawClient.wait_until(lambda: box.count_requests("torrents/add") > 0)
    process.kill()
    assert len(read_leases(direct).holds) == 1
    box.clear()
    ran = home.run()
    assert (ran.exit_code, "waiting" in ran.messages) == (0, False)
    assert set(direct.list_torrents()) == {make_infohash(1)}
    assert read_leases(direct).holds == frozenset()


def test_a_second_name_that_is_added_later_is_refused_in_a_dry_run(
    home: Home, any_server: QbittorrentServer, box: Proxy, direct: RawClient, make_proxy: MakeProxy
) -> None:
    home.write(make_entry(1))
    assert home.run().exit_code == 0
    assert [mark.instance for mark in read_leases(direct).marks] == ["box"]
    other = make_proxy(any_server)
    home.add_instance(other.url, any_server.username, any_server.password, "published")
    home.write(make_entry(1, instance="box"), make_entry(2, instance="published"))
    ran = home.run("--dry-run")
    assert ran.exit_code == 3
    assert "same server" in " ".join(ran.report["guard"]["reasons"])
    assert other.mutations == []


def test_a_run_that_is_stopped_gives_its_lease_back(home: Home, box: Proxy, direct: RawClient) -> None:
    home.write(*make_entries(3, paused=True))
    assert home.run().exit_code == 0
    home.write(*make_entries(3, paused=True, upload_limit="1 MiB/s"))
    box.add_fault("torrents/setUploadLimit", hang_before(2))
    process = home.start()
    RawClient.wait_until(lambda: box.count_requests("torrents/setUploadLimit") > 0)
    assert len(read_leases(direct).holds) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(60).exit_code == 143
    assert read_leases(direct).holds == frozenset()
