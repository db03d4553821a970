"""The kill switch on real servers: the VPN fails while the Web API answers, and comes back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeProxy
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.vpn import Vpn
from tests.support.watch_process import WatchProcess, start_watch


@pytest.fixture
def vpn() -> Iterator[Vpn]:
    """A VPN that is up."""
    made = Vpn()
    yield made
    made.gone()


def _guard(server: QbittorrentServer, make_proxy: MakeProxy, home: Home, vpn: Vpn) -> Proxy:
    """The instance `box`, with the VPN as its probe."""
    proxy = make_proxy(server)
    more = f'health: [{{tcp: "127.0.0.1:{vpn.port}", timeout: 2s}}]\nwhen_unhealthy: pause'
    home.add_instance(proxy.url, server.username, server.password, more=more)
    return proxy


def ids(*numbers: int) -> set[str]:
    return set(map(make_infohash, numbers))


@pytest.mark.builds("4.2.5")
def test_owned_torrents_stop_within_an_interval_and_start_again(
    home: Home, server: QbittorrentServer, make_proxy: MakeProxy, vpn: Vpn
) -> None:
    """1 and 2 are ours and run, 3 is declared paused, 4 a person has stopped, 9 is another's and runs."""
    guarded = _guard(server, make_proxy, home, vpn)
    truth = RawClient(server)
    home.write(make_entry(1), make_entry(2, tags=["x"]), make_entry(3, paused=True), make_entry(4))
    with start_watch(home) as watch:
        watch.wait_until(lambda: set(truth.list_torrents()) == ids(1, 2, 3, 4))
        truth.stop_torrents(4)
        truth.add_magnets([make_magnet(9)])
        truth.add_tags([9], "reconcile:work")
        truth.start_torrents(9)
        watch.wait_until(lambda: truth.list_stopped() == truth.list_shown_stopped() == ids(3, 4))
        guarded.clear()
        vpn.down()
        watch.wait_until(lambda: truth.list_stopped() == ids(1, 2, 3, 4))
        watch.wait_until(lambda: watch.reports[-1]["instances"][0]["status"] == "unhealthy")
        first = next(report for report in watch.reports if report["instances"][0]["status"] == "unhealthy")
        instance = first["instances"][0]
        assert instance["health"]["state"] == "VPN_DOWN"
        assert [(a["name"], a["outcome"]) for a in instance["actions"][:2]] == [
            (truth.read_torrent(number)["name"], "applied") for number in (1, 2)
        ], "the run that detects it also stops them"
        calls = {call.endpoint.rpartition("/")[2] for call in guarded.mutations}
        assert calls - {"createTags", "deleteTags"} <= {"addTags", "stop", "pause"}, "beside leases"
        assert all("reconcile:held" in truth.read_torrent(number)["tags"] for number in (1, 2))
        _is_killed(watch)
    guarded.clear()
    with start_watch(home) as watch:
        watch.wait_until(lambda: bool(watch.reports))
        assert truth.list_stopped() == ids(1, 2, 3, 4)
        assert guarded.mutations == [], "another process finds nothing left to stop"
        vpn.up()
        watch.wait_until(lambda: truth.list_stopped() == ids(3, 4))
        watch.wait_until(lambda: "reconcile:held" not in str(truth.list_torrents()))
        watch.stop()
    assert truth.read_torrent(2)["tags"] == {"x", "reconcile:home"}
    assert truth.read_torrent(9)["tags"] == {"reconcile:work"}
    touched = str([call.body for call in guarded.mutations])
    assert make_infohash(9) not in touched
    assert home.run("--dry-run", "--detailed-exitcode").exit_code == 0


def _is_killed(watch: WatchProcess) -> None:
    watch.process.kill()


@pytest.mark.builds("4.5.2")
def test_a_vpn_that_flaps_is_followed_every_time(
    home: Home, server: QbittorrentServer, make_proxy: MakeProxy, vpn: Vpn
) -> None:
    """It never counts as a fight over a value."""
    _guard(server, make_proxy, home, vpn)
    truth = RawClient(server)
    home.write(make_entry(1))
    with start_watch(home) as watch:
        watch.wait_until(lambda: set(truth.list_torrents()) == ids(1))
        for _ in range(3):  # five changes of a field within an hour would be contested
            vpn.down()
            watch.wait_until(lambda: truth.list_stopped() == ids(1))
            vpn.up()
            watch.wait_until(lambda: not truth.list_stopped())
        watch.stop()
    assert not watch.has_logged("contested")


def test_the_kill_switch_waits_for_no_other_instance(
    home: Home, any_server: QbittorrentServer, make_proxy: MakeProxy, vpn: Vpn
) -> None:
    _guard(any_server, make_proxy, home, vpn)
    truth = RawClient(any_server)
    with hanging() as url:
        home.add_instance(url, "admin", "secret", name="slow")
        home.write(make_entry(1, instance="box"))
        assert home.run("--instance", "box").summary == {"add": 1}
        vpn.down()
        process = home.start()
        try:
            truth.wait_until(lambda: truth.list_stopped() == ids(1))
            assert process.is_running, "the run still waits for the other"
        finally:
            process.kill()


@contextmanager
def hanging() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_dry_run_shows_the_kill_switch_and_stops_nothing(
    home: Home, any_server: QbittorrentServer, make_proxy: MakeProxy, vpn: Vpn
) -> None:
    proxy = _guard(any_server, make_proxy, home, vpn)
    home.write(make_entry(1))
    assert home.run().exit_code == 0
    vpn.down()
    proxy.clear()
    ran = home.run("--dry-run")
    assert ran.exit_code == 1, "the instance is not fit to be worked on"
    assert ran.actions() == [f"update {RawClient(any_server).read_torrent(1)['name']} held,paused planned"]
    assert ran.instance()["status"] == "unhealthy"
    assert proxy.mutations == []


@pytest.mark.builds("5.3.0")
def test_status_explain_and_the_http_pages_show_the_kill_switch(
    home: Home, server: QbittorrentServer, make_proxy: MakeProxy, vpn: Vpn
) -> None:
    _guard(server, make_proxy, home, vpn)
    home.write(make_entry(1))
    assert home.run().exit_code == 0
    vpn.down()
    assert home.run().exit_code == 1
    status = home.run("status")
    assert status.exit_code == 1
    assert status.instance()["status"] == "unhealthy"
    explained = home.run("explain", make_infohash(1)).instance()
    assert explained["health"]["state"] == "VPN_DOWN"
    assert {"field": "held", "declared": None, "live": "running", "differs": False} in explained["fields"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with start_watch(home, "--listen", f"127.0.0.1:{port}") as watch:
        watch.wait_until(lambda: bool(watch.reports))
        metrics = urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        assert 'reconcile_instance_healthy{instance="box"} 0.0' in metrics
        assert 'reconcile_instance_up{instance="box"} 1.0' in metrics
        assert 'reconcile_instance_health{instance="box",reason="VPN_DOWN"} 1.0' in metrics
        page = urlopen(f"http://127.0.0.1:{port}/").read().decode()
        assert "VPN is down: tcp" in page
        assert "box: unhealthy" in page
        assert urlopen(f"http://127.0.0.1:{port}/healthz/ready").status == 200
        watch.stop()
