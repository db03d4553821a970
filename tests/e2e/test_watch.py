"""A watch on real servers: it follows the files, corrects drift, outlasts every failure, and stops in order."""

from __future__ import annotations

import json
import signal
import time
from functools import partial

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeProxy, MakeServer
from tests.support import proxy as faults
from tests.support.home import Home, make_entries, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.watch_process import start_watch


def numbered(*numbers: int) -> set[str]:
    """The ids of made-up torrents."""
    return set(map(make_infohash, numbers))


def test_a_watch_follows_the_file_corrects_drift_and_stops_in_order(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1, tags=["x"]))
    with start_watch(home) as watch:
        watch.wait_until(lambda: set(truth.list_torrents()) == numbered(1))
        home.write(make_entry(1, tags=["x"]), make_entry(2))
        watch.wait_until(lambda: set(truth.list_torrents()) == numbered(1, 2))
        truth.remove_tags([1], "x")
        watch.wait_until(lambda: "x" in truth.read_torrent(1)["tags"])
        home.write(make_entry(2))
        watch.wait_until(lambda: set(truth.list_torrents()) == numbered(2))
        watch.wait_until(lambda: len(watch.reports) >= 4)
        assert watch.stop() < 20
    assert watch.process.exit_code == 0
    assert proxy.count_requests("auth/login") == proxy.count_requests("auth/logout")
    sums = [{key: n for key, n in report["summary"].items() if n} for report in watch.reports]
    assert sums == [
        {"add": 1},
        {"add": 1, "unchanged": 1},
        {"update": 1, "unchanged": 1},
        {"delete": 1, "unchanged": 1},
    ]
    assert [line["event"].split(",")[0] for line in watch.log if "trigger" in line] == [
        "watching: 1 added",
        "1 added",
        "0 added",
        "0 added",
    ]


def test_a_converged_watch_only_reads_and_stays_logged_in(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(*make_entries(3, tags=["x"], category="c"))
    assert home.run().exit_code == 0
    proxy.clear()
    with start_watch(home) as watch:
        watch.wait_until(lambda: proxy.read_count >= 8, within=40)
        assert watch.stop(signal.SIGINT) < 20
    assert watch.process.exit_code == 0
    assert proxy.mutations == []
    assert proxy.count_requests("auth/login") == proxy.count_requests("auth/logout") == 1
    assert watch.reports == [], "nothing to say on standard output"
    assert [line["event"] for line in watch.log if line["level"] == "info"] == ["watching: nothing to do, 3 unchanged"]


def test_a_watch_in_dry_run_changes_nothing_and_reports_a_plan_once(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1))
    with start_watch(home, "--dry-run") as watch:
        watch.wait_until(lambda: proxy.read_count >= 4)
        assert len(watch.reports) == 1
        home.write(make_entry(1), make_entry(2))
        watch.wait_until(lambda: len(watch.reports) == 2)
        watch.stop()
    assert proxy.mutations == []
    assert [report["summary"]["add"] for report in watch.reports] == [1, 2]


def test_a_watch_outlasts_a_server_that_restarts_or_is_down(
    home: Home, any_server: QbittorrentServer, box: Proxy
) -> None:
    home.write(make_entry(1))
    with start_watch(home) as watch:
        watch.wait_until(lambda: len(watch.reports) == 1)
        any_server.restart()
        RawClient(any_server).post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        watch.wait_until(lambda: set(RawClient(any_server).list_torrents()) == numbered(1), within=40)

        any_server.kill()
        watch.wait_until(
            lambda: any(watch.has_logged(f'"failures": {count}') for count in (2, 3, 4))
        )  # two may be told as one
        home.write(make_entry(1), make_entry(2))
        time.sleep(1.5)
        any_server.start()
        watch.wait_until(lambda: watch.has_logged("is back"), within=60)
        watch.wait_until(lambda: set(RawClient(any_server).list_torrents()) == numbered(1, 2), within=40)
        assert watch.stop() < 20
    assert watch.process.exit_code == 0


def set_password(server: QbittorrentServer, password: str) -> None:
    """A person changes the password; a restart ends the sessions that knew the old one."""
    RawClient(server).post("app/setPreferences", json=json.dumps({"web_ui_password": password}))
    server.password = password
    server.restart()


def test_a_password_that_changes_is_tried_once_until_it_is_corrected(
    home: Home, any_server: QbittorrentServer, box: Proxy
) -> None:
    box.known_login = None
    first, second = any_server.password, "another-password"
    secret = home.folder / "secret"
    secret.write_text(first)
    home.write(make_entry(1))
    text = home.file.read_text().replace("{env: BOX_PASSWORD}", "{file: secret}")
    home.file.write_text(text)
    with start_watch(home) as watch:
        watch.wait_until(lambda: len(watch.reports) == 1)
        for password, torrent in ((second, 2), (first, 3)):
            box.clear()
            is_refused = partial(watch.has_logged, "refuses the user name or password", since=len(watch.err))
            set_password(any_server, password)
            watch.wait_until(is_refused)
            time.sleep(3)
            assert box.count_requests("auth/login") <= 2, "one refusal, and the attempt that may fall into the restart"
            home.file.write_text(text + f"  - {make_entry(torrent)}\n")
            time.sleep(3)
            assert box.count_requests("auth/login") <= 2, "another change is no reason to try"
            assert not watch.has_logged(first) and not watch.has_logged(second)
            secret.write_text(password + "\n")
            watch.wait_until(lambda torrent=torrent: make_infohash(torrent) in RawClient(any_server).list_torrents())  # type: ignore[misc]
        assert watch.stop() < 20


def test_a_broken_file_keeps_the_last_good_state_in_force(
    home: Home, any_server: QbittorrentServer, box: Proxy
) -> None:
    home.write(make_entry(1), make_entry(2))
    truth = RawClient(any_server)
    with start_watch(home) as watch:
        watch.wait_until(lambda: len(watch.reports) == 1)
        good = home.file.read_text()
        home.file.write_text(good[: len(good) - 40] + "\n  bogus: [")
        watch.wait_until(lambda: watch.has_logged("the last good one stays in force"))
        truth.post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        watch.wait_until(lambda: set(truth.list_torrents()) == numbered(1, 2))
        home.file.write_text(good + f"  - {make_entry(3)}\n")
        watch.wait_until(lambda: set(truth.list_torrents()) == numbered(1, 2, 3))
        watch.stop()
    assert watch.process.exit_code == 0


def test_a_start_on_a_broken_file_or_without_a_secret_is_4(
    home: Home, any_server: QbittorrentServer, box: Proxy
) -> None:
    home.write(make_entry(1))
    home.environ.clear()
    missing = home.run("--watch")
    assert missing.exit_code == 4 and "BOX_PASSWORD" in missing.err
    home.file.write_text("version: 1\nbogus: 2\n")
    assert home.run("--watch").exit_code == 4
    assert box.requests == []


def test_sighup_makes_a_run_at_once(home: Home, any_server: QbittorrentServer, box: Proxy) -> None:
    home.write(make_entry(1))
    truth = RawClient(any_server)
    with start_watch(home, interval="10m") as watch:
        watch.wait_until(lambda: len(watch.reports) == 1)
        truth.post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        watch.process.send_signal(signal.SIGHUP)
        watch.wait_until(lambda: len(watch.reports) == 2)
        watch.stop()
    assert [line["trigger"] for line in watch.log if "trigger" in line] == ["start", "signal"]


def test_a_watch_stops_in_time_despite_a_hanging_request(
    home: Home, any_server: QbittorrentServer, box: Proxy, make_server: MakeServer, make_proxy: MakeProxy
) -> None:
    other = make_server()
    second = make_proxy(other)
    home.add_instance(second.url, other.username, other.password, name="other")
    home.write(make_entry(1, instance="box"), make_entry(1, instance="other"))
    with start_watch(home) as watch:
        watch.wait_until(lambda: len(watch.reports) == 1)
        second.add_fault("sync/maindata", faults.hang_before(30), times=1000)
        hanging = second.read_count
        watch.wait_until(lambda: second.read_count > hanging)
        assert watch.stop() < 20
    assert watch.process.exit_code == 0
    assert box.count_requests("auth/logout") == box.count_requests("auth/login"), (
        "the others are logged out all the same"
    )


def test_a_failing_instance_does_not_delay_another(
    home: Home, any_server: QbittorrentServer, box: Proxy, make_server: MakeServer
) -> None:
    down = make_server()
    down.kill()
    home.add_instance(down.url, "admin", "x", name="down")
    home.write(make_entry(1, instance="box"), make_entry(1, instance="down"))
    with start_watch(home) as watch:
        watch.wait_until(lambda: set(RawClient(any_server).list_torrents()) == numbered(1))
        watch.wait_until(lambda: any(watch.has_logged(f'"failures": {count}') for count in range(3, 9)))
        RawClient(any_server).post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        watch.wait_until(lambda: set(RawClient(any_server).list_torrents()) == numbered(1))
        watch.stop()
    assert box.count_requests("auth/login") == box.count_requests("auth/logout")
