"""Bad networks, bad credentials, killed processes: no wrong deletion, no double add, and the next run converges."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import TAGS_AT_ADD
from tests.conftest import MakeServer
from tests.support import proxy as faults
from tests.support.commands import StartedCommand
from tests.support.home import Home, make_entries, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Fault, Proxy
from tests.support.raw import RawClient
from tests.support.subjects import describe_subjects

HANG_BEFORE, HANG_AFTER = faults.hang_before(6), faults.hang_after(6)  # seconds
DONE: list[tuple[str, Fault]] = [  # the server does it
    ("cut", faults.cut_answer(0.5)),
    ("cut at once", faults.cut_answer(0.0)),
    ("hang after", HANG_AFTER),
    ("reset after", faults.reset_after),
]
NOT_DONE: list[tuple[str, Fault]] = [  # it never sees the request
    ("502", faults.answer_with_status(502, "<html>bad gateway</html>")),
    ("429", faults.answer_with_status(429, "slow down")),
    ("hang", HANG_BEFORE),
    ("reset before", faults.reset_before),
]
FAULTS = DONE + NOT_DONE
each_fault = pytest.mark.parametrize("fault", [pytest.param(fault, id=name) for name, fault in FAULTS])
# A version can only differ in what it does with a request, not in how an answer is lost: each fault on one version, and
# each version with a fault before the server and one after it.
each_fault_somewhere = pytest.mark.parametrize(
    ("fault", "version"),
    [
        pytest.param(fault, version, id=f"{name}-{version}")
        for (name, fault), version in zip(FAULTS, 2 * list(QBITTORRENT_PACKAGES), strict=True)
    ],
)


def _shorten_timeout_for(fault: Fault, home: Home) -> None:
    """Let a read time out after two seconds if the fault hangs; with other faults, a busy machine has more time."""
    if fault in (HANG_BEFORE, HANG_AFTER):
        home.file.write_text(home.file.read_text().replace("read: 20s", "read: 2s"))


@pytest.mark.builds("4.2.5", "5.3.0")  # no server answers
def test_a_server_that_is_down_affects_no_other_instance(
    home: Home, proxy: Proxy, truth: RawClient, make_server: MakeServer
) -> None:
    down = make_server()
    down.kill()
    home.add_instance(down.url, "admin", "x", name="down")
    home.write(make_entry(1, instance="box"), make_entry(2, instance="down"))
    done = home.run()
    assert done.exit_code == 1
    assert (done.instance("box")["status"], done.instance("down")["status"]) == ("ok", "unreachable")
    assert set(truth.list_torrents()) == {make_infohash(1)}
    assert str(down.port) in done.instance("down")["error"]

    down.start()
    text = home.file.read_text().replace('"down"', '"down"')
    home.file.write_text(text)
    home.environ["DOWN_PASSWORD"] = down.password
    assert home.run().exit_code == 0
    assert set(RawClient(down).list_torrents()) == {make_infohash(2)}


@pytest.mark.parametrize("number", ["1e308", "NaN", "Infinity"])
def test_a_senseless_number_affects_no_other_instance(
    number: str, home: Home, box: Proxy, make_server: MakeServer
) -> None:
    other = make_server()
    home.add_instance(other.url, other.username, other.password, name="other")
    home.write(make_entry(1, instance="box"))
    assert home.run().exit_code == 0

    def distort(handler: Any, body: bytes) -> None:
        code, headers, content = handler.ask_server(body)
        distorted = re.sub(rb'"progress":[^,]+', f'"progress":{number}'.encode(), content)
        assert distorted != content
        handler.send_answer(code, [(name, text) for name, text in headers if name != "Content-Length"], distorted)

    home.write(make_entry(2, instance="other"))
    box.clear()
    box.add_fault("torrents/info", distort, times=99)
    done = home.run()
    assert (done.exit_code, done.instance("box")["status"], done.instance("other")["status"]) == (1, "error", "ok")
    assert "torrents/info" in done.instance("box")["error"] and "progress" in done.instance("box")["error"]
    assert (box.mutations, set(RawClient(other).list_torrents())) == ([], {make_infohash(2)})


@pytest.mark.builds("4.2.5", "5.3.0")  # refused with 200, or with 401
def test_a_wrong_password_is_one_attempt(home: Home, proxy: Proxy, truth: RawClient, make_server: MakeServer) -> None:
    other = make_server()
    home.add_instance(other.url, other.username, other.password, name="other")
    home.write(make_entry(1, instance="box"), make_entry(2, instance="other"))
    done = home.run(environ={"BOX_PASSWORD": "not-the-one"})
    assert done.exit_code == 1
    assert proxy.count_requests("auth/login") == 1
    assert done.instance("box")["status"] == "auth_failed"
    assert done.instance("other")["status"] == "ok"
    assert set(RawClient(other).list_torrents()) == {make_infohash(2)}
    assert "not-the-one" not in done.out + done.err


@pytest.mark.builds("4.2.5", "5.3.0")  # refused with 200, or with 401
def test_a_banned_address_is_reported(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1))
    for number in range(5):
        home.run(environ={"BOX_PASSWORD": f"wrong {number}"})
    banned = home.run()
    assert (banned.exit_code, banned.instance()["status"]) == (1, "banned")
    assert truth.list_torrents() == {}


@each_fault_somewhere
def test_a_failed_read_is_never_an_empty_one(fault: Fault, home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(*make_entries(3))
    assert home.run().exit_code == 0
    home.write(make_entry(0), make_entry(1))
    _shorten_timeout_for(fault, home)
    proxy.add_fault("torrents/info", fault, times=1000)
    done = home.run()
    assert done.exit_code == 1
    assert done.instance()["status"] in ("unreachable", "error")
    assert done.instance()["actions"] == []
    assert len(truth.list_torrents()) == 3

    proxy.clear()
    assert home.run().summary == {"delete": 1, "unchanged": 2}


@each_fault_somewhere
def test_a_read_that_fails_once_is_read_again(fault: Fault, home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(*make_entries(2))
    _shorten_timeout_for(fault, home)
    proxy.add_fault("torrents/info", fault)
    proxy.add_fault("torrents/categories", fault)
    assert home.run().exit_code == 0
    assert len(truth.list_torrents()) == 2


MUTATIONS = [
    "torrents/add",
    "torrents/addTags",
    "torrents/setCategory",
    "torrents/rename",
    "torrents/delete",
    "torrents/createCategory",
]


# Each with two faults, for whether it may be sent again depends on whether it was done
@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [
        pytest.param(endpoint, fault, id=f"{endpoint}-{name}")
        for number, endpoint in enumerate(MUTATIONS)
        for name, fault in (DONE[number % 4], NOT_DONE[number % 4])
    ],
)
def test_a_mutation_whose_answer_is_lost(
    endpoint: str, fault: Fault, home: Home, any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    """On one version: the faults are the network's, not the server's."""
    proxy, truth = make_proxy(any_server), RawClient(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    truth.add_magnets([make_magnet(1), make_magnet(2)])
    truth.add_tags([2], "reconcile:home")
    home.write(make_entry(1, name="one", category="c", tags=["x"]), make_entry(3, category="c"))
    _shorten_timeout_for(fault, home)
    proxy.add_fault(endpoint, fault)
    done = home.run()
    assert done.exit_code == 0, done.out
    assert done.summary == {"add": 1, "adopt": 1, "delete": 1, "settings": 1}
    assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(3)}
    torrent = truth.read_torrent(1)
    assert (torrent["name"], torrent["category"], torrent["tags"]) == ("one", "c", {"reconcile:home", "x"})
    proxy.clear()
    assert home.run().summary == {"unchanged": 2}
    assert proxy.mutations == []


@each_fault_somewhere
def test_every_mutation_of_a_run_loses_its_answer_once(
    fault: Fault, home: Home, proxy: Proxy, truth: RawClient
) -> None:
    """On every version: they differ in their answers and in the effect of repeated requests."""
    truth.add_magnets([make_magnet(1), make_magnet(2)])
    truth.add_tags([2], "reconcile:home")
    home.write(
        make_entry(1, name="one", category="c", tags=["x"], paused=False), make_entry(3, category="c", tags=["y"])
    )
    _shorten_timeout_for(fault, home)
    for endpoint in (*MUTATIONS, "torrents/start", "torrents/resume"):
        proxy.add_fault(endpoint, fault)
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1, "adopt": 1, "delete": 1, "settings": 1}), done.out
    assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(3)}
    assert truth.read_torrent(1)["tags"] == {"reconcile:home", "x"}
    assert truth.read_torrent(3)["tags"] == {"reconcile:home", "y"}
    assert truth.list_stopped() == set()
    proxy.clear()
    assert home.run().summary == {"unchanged": 2}
    assert proxy.mutations == []


@each_fault
def test_a_server_that_is_lost_during_a_run(
    fault: Fault, home: Home, any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    proxy, truth = make_proxy(any_server), RawClient(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    truth.add_magnets([make_magnet(2)])
    truth.add_tags([2], "reconcile:home")
    home.write(make_entry(1), make_entry(3, tags=["x"]))
    _shorten_timeout_for(fault, home)
    proxy.add_fault("", fault, times=1000, after=6)
    done = home.run()
    assert done.exit_code == 1
    assert make_infohash(2) in truth.list_torrents(), "no deletion without a fresh read"
    assert not {"applied", "planned"}.intersection(a["outcome"] for a in done.instance()["actions"])
    proxy.clear()
    assert home.run().exit_code == 0
    assert set(truth.list_torrents()) == {make_infohash(1), make_infohash(3)}
    assert home.run().summary == {"unchanged": 2}


def _wait_for(condition: Callable[[], bool], process: StartedCommand) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert process.is_running, f"it ended before it could be interrupted\n{process.describe_state()}"
        assert time.monotonic() < end, describe_subjects(condition)
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("version", "calls"), [("4.2.5", 1), ("4.5.2", 1), ("5.1.0", 1), *(("5.3.0", n) for n in range(3))]
)
def test_killed_in_the_middle_of_many_adds(calls: int, home: Home, proxy: Proxy, truth: RawClient) -> None:
    """A thousand torrents go in one request, so what differs is how many of the two requests have left."""
    home.write(
        *make_entries(100, paused=True, tags=["a"]),
        *(make_entry(n, tags=["b"], category="c") for n in range(100, 200)),
    )

    def kill_process(handler: Any, body: bytes) -> None:
        process.send_signal(signal.SIGKILL)
        handler.ask_server(body)

    proxy.add_fault("torrents/add" if calls else "torrents/createCategory", kill_process, after=max(0, calls - 1))
    process = home.start()
    assert process.wait(60).exit_code == -signal.SIGKILL
    assert len(truth.list_torrents()) <= 200

    done = home.run()
    assert done.exit_code == 0, done.err
    rows = truth.list_torrents()
    assert set(rows) == {make_infohash(n) for n in range(200)}
    assert all("reconcile:home" in row["tags"] for row in rows.values())
    assert truth.list_stopped() == {make_infohash(n) for n in range(100)}
    assert home.run().summary == {"unchanged": 200}


@pytest.mark.builds("4.2.5", lacking=TAGS_AT_ADD)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_ends_between_an_add_and_its_tag_leaves_no_torrent_to_nobody(
    number: signal.Signals, home: Home, proxy: Proxy, truth: RawClient
) -> None:
    home.write(*make_entries(4, paused=True))

    def end_process(handler: Any, body: bytes) -> None:
        answer = handler.ask_server(body)
        process.send_signal(number)
        if number is signal.SIGKILL:
            truth.wait_until(lambda: not process.is_running)
        handler.send_answer(*answer)

    proxy.add_fault("torrents/add", end_process)
    truth.add_magnets([make_magnet(9)])
    process = home.start()
    assert process.wait(60).exit_code == (143 if number is signal.SIGTERM else -9)
    owned = {key for key, row in truth.list_torrents().items() if row["tags"] == "reconcile:home"}
    assert owned == ({make_infohash(n) for n in range(4)} if number is signal.SIGTERM else set())

    home.write(make_entry(0, paused=True), head="guard: {max_delete_percent: 100}\n")
    runs = [home.run(), home.run()]
    assert [run.exit_code for run in runs] == [0, 0], runs[-1].out
    assert set(truth.list_torrents()) == {make_infohash(0), make_infohash(9)}
    assert truth.read_torrent(9)["tags"] == set()
    assert home.run().summary == {"unchanged": 1}


@pytest.mark.builds("4.2.5", "5.3.0")
def test_the_server_is_killed_in_the_middle_of_many_adds(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    home.write(
        *make_entries(200, paused=True, tags=["a"]),
        *(make_entry(n, paused=True, tags=["b"]) for n in range(200, 400)),
    )

    def kill_server(handler: Any, body: bytes) -> None:
        killer = threading.Timer(0.02, server.kill)  # while it adds the torrents
        killer.start()
        with suppress(OSError, HTTPException):
            handler.ask_server(body)
        killer.join()
        handler.hang_up()

    proxy.add_fault("torrents/add", kill_server)
    done = home.run()
    assert done.exit_code == 1, done.err
    assert "Traceback" not in done.out + done.err

    server.start()
    assert home.run().exit_code == 0
    rows = RawClient(server).list_torrents()
    assert set(rows) == {make_infohash(n) for n in range(400)}
    assert home.run().summary == {"unchanged": 400}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_in_order(
    number: signal.Signals, code: int, home: Home, any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    proxy, truth = make_proxy(any_server), RawClient(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    home.write(*(make_entry(n, name=f"name {n}") for n in range(100)))

    def send_signal(handler: Any, body: bytes) -> None:
        process.send_signal(number)
        faults.forward_request(handler, body)

    proxy.add_fault("torrents/add", send_signal, after=20)
    process = home.start()
    done = process.wait(60)
    assert done.exit_code == code, done.err
    assert proxy.requests[-1].endpoint == "auth/logout"
    assert '"outcome": "dropped"' in done.out
    assert "Traceback" not in done.err
    assert 0 < len(truth.list_torrents()) < 100
    assert home.run().exit_code == 0


@pytest.mark.parametrize("signals", [1])
def test_a_signal_while_it_waits_for_a_server(
    signals: int, home: Home, any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    proxy = make_proxy(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    home.write(make_entry(1))
    proxy.add_fault("torrents/info", faults.answer_with_status(502), times=1000)
    process = home.start()
    _wait_for(lambda: proxy.count_requests("torrents/info") > 1, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60).exit_code == 143


# Runs the command on every case of a folder in one process, and notes which of them tries to connect.
_RUN_ALL = """
import json, os, socket
from reconciler.cli.main import run_command_line

def refuse(self, address):
    connecting.add(case)
    raise ConnectionRefusedError

connecting, codes = set(), {}
socket.socket.connect = refuse
for case in sorted(os.listdir()):
    codes[case] = run_command_line(["-f", case])
print(json.dumps([codes, sorted(connecting)]))
"""

# what only a comparison of the entries with each other and with the rest shows
_FOUND_WHILE_READING = (
    *("defaults-unknown-instance", "duplicate-torrent-absent", "duplicate-torrent-alias", "duplicate-torrent-base32"),
    *("duplicate-torrent-by-default", "duplicate-torrent-hybrid", "duplicate-torrent", "option-conflicts-default"),
    *("option-conflicts", "torrent-absent", "torrent-content-group", "torrent-instance-undone", "torrent-instance"),
    "torrent-no-source",
)


def test_a_broken_file_contacts_nobody_unless_only_a_comparison_of_entries_shows_it(broken_files: Path) -> None:
    command = (sys.executable, "-c", _RUN_ALL)
    done = subprocess.run(command, cwd=broken_files, capture_output=True, text=True, timeout=100, check=True)
    codes, connecting = json.loads(done.stdout)
    assert len(codes) >= 40
    assert set(codes.values()) == {4}, {case: code for case, code in codes.items() if code != 4}
    assert connecting == sorted(f"{case}.yaml" for case in _FOUND_WHILE_READING)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("watch", [False, True])
def test_a_torrent_declared_twice_changes_nothing(
    watch: bool, home: Home, any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    proxy = make_proxy(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    home.write(make_entry(1), make_entry(1))
    done = home.run("--watch") if watch else home.run()
    assert done.exit_code == 4
    assert "already declared" in done.err and "1 problem; nothing was changed" in done.err
    endpoints = [request.endpoint for request in proxy.requests]
    allowed = ["auth/login", "app/version", "app/webapiVersion", "torrents/info"]
    assert endpoints in [[*allowed[:count], *logout] for count in range(5) for logout in ([], ["auth/logout"])]

    proxy.clear()
    proxy.add_fault("torrents/info", faults.hang_before(60))
    started_at = time.monotonic()
    assert home.run().exit_code == 4
    assert time.monotonic() - started_at < 30, "nobody waits for a list that is not needed"


def test_no_secret_is_ever_shown(home: Home, any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]) -> None:
    proxy = make_proxy(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    tracker = "http%3A%2F%2Ftracker.example%2Fpasskey-12345%2Fannounce"
    home.write(f"{{magnet: 'magnet:?xt=urn:btih:{make_infohash(1)}&dn=one&tr={tracker}'}}")
    shown = ""
    for output in ("text", "json", "markdown", "github"):
        for options in (["--dry-run", "-v"], ["-v"]):
            done = home.run("--output", output, *options)
            assert done.exit_code == 0, done.err
            shown += done.out + done.err
        proxy.add_fault("torrents/info", faults.answer_with_status(500, "boom"), times=10)
        done = home.run("--output", output, "-v")
        assert done.exit_code == 1, done.err
        shown += done.out + done.err
        proxy.clear()
    assert any_server.password not in shown
    assert "passkey-12345" not in shown


@pytest.mark.parametrize("fault", [HANG_AFTER, faults.cut_answer(0.0), faults.reset_after])
def test_a_login_whose_answer_is_lost_is_not_tried_again(
    fault: Fault, home: Home, any_server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    """It may have been refused unseen, and five refusals ban the address."""
    proxy = make_proxy(any_server)
    home.add_instance(proxy.url, any_server.username, "wrong")
    home.write(make_entry(1))
    _shorten_timeout_for(fault, home)
    proxy.add_fault("auth/login", fault, times=9)
    done = home.run()
    assert (done.exit_code, done.instance()["status"]) == (1, "unreachable")
    assert proxy.count_requests("auth/login") == 1


def test_instances_are_read_and_changed_side_by_side(
    home: Home, make_server: MakeServer, make_proxy: Callable[..., Proxy]
) -> None:
    """Each request waits until the other instance's is in flight too; one after the other would never end."""
    servers = [make_server(), make_server()]
    meeting = threading.Barrier(2, timeout=20)

    def meet(handler: Any, body: bytes) -> None:
        meeting.wait()
        faults.forward_request(handler, body)

    for name, server in zip(("one", "two"), servers, strict=True):
        proxy = make_proxy(server)
        home.add_instance(proxy.url, server.username, server.password, name=name)
        for endpoint in ("auth/login", "torrents/info", "torrents/add"):
            proxy.add_fault(endpoint, meet)
    home.write(make_entry(1, instance="one"), make_entry(1, instance="two"))
    assert home.run().summary == {"add": 2}
