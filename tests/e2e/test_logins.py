"""Wrong passwords and lost answers to logins: our address is never banned, and right credentials always get in."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeProxy
from tests.support import proxy as faults
from tests.support.home import Home, ReportedRun, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Fault, Proxy
from tests.support.raw import RawClient
from tests.support.watch_process import start_watch

WRONG = {"BOX_PASSWORD": "not-the-one"}


def _read_output(ran: ReportedRun) -> str:
    return ran.out + ran.err


@pytest.mark.builds("4.2.5", "5.3.0")  # refused with 200, or with 401
def test_a_wrong_password_is_sent_once_however_many_runs_there_are(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1, paused=True))
    for _ in range(6):  # the server bans an address after five
        refused = home.run(environ=WRONG)
        assert (refused.exit_code, refused.instance()["status"]) == (1, "auth_failed")
    for command in (["status"], ["--dry-run"], ["explain", make_infohash(1)], ["import"]):
        assert "refused on" in _read_output(home.run_arguments(*command, environ=WRONG))
    assert proxy.count_requests("auth/login") == 1
    assert proxy.read_count == 0

    asked = home.run("--retry-login", environ=WRONG)
    assert "temporary" in asked.instance()["error"], "the user is admin"
    assert home.run_arguments("doctor", environ=WRONG).exit_code == 1
    assert proxy.count_requests("auth/login") == 3
    assert home.run(environ=WRONG).exit_code == 1
    assert proxy.count_requests("auth/login") == 3
    assert home.run().exit_code == 0, "another password is sent at once"
    assert set(truth.list_torrents()) == {make_infohash(1)}


def test_a_password_that_was_corrected_on_the_server_is_sent_when_a_person_asks(
    home: Home, box: Proxy, any_server: QbittorrentServer
) -> None:
    box.known_login = None
    home.write(make_entry(1, paused=True))
    home.environ.update(WRONG)
    with start_watch(home) as watch:
        watch.wait_until(lambda: watch.has_logged("refuses the user name"))
        time.sleep(3)  # several intervals, in which it would log in again
        assert box.count_requests("auth/login") == 1
        RawClient(any_server).post("app/setPreferences", json='{"web_ui_password": "not-the-one"}')
        assert home.run().exit_code == 1
        assert box.count_requests("auth/login") == 1
        doctor = home.run_arguments("doctor")
        assert "admin is logged in" in doctor.out, doctor.out
        assert home.run().summary == {"add": 1}
        watch.stop()


@pytest.mark.parametrize("fault", [faults.replace_answer(502), faults.reset_after])
def test_a_wrong_password_whose_refusal_gets_lost_is_sent_four_times_at_most(
    fault: Fault, home: Home, any_server: QbittorrentServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    home.write(make_entry(1, paused=True))
    proxy.add_fault("auth/login", fault, times=99)
    for number in range(1, 7):
        assert home.run(environ=WRONG).exit_code == 1
        assert proxy.count_requests("auth/login") == min(number, 4), "once in a run"
    proxy.clear()
    assert home.run().exit_code == 0, "our address is not banned"


def test_right_credentials_get_in_as_soon_as_answers_arrive(home: Home, box: Proxy) -> None:
    home.write(make_entry(1, paused=True))
    box.add_fault("auth/login", faults.replace_answer(502), times=3)
    for _ in range(3):
        assert home.run().exit_code == 1
    assert home.run().exit_code == 0
    assert box.count_requests("auth/login") == 4


def test_a_watch_survives_a_403_right_after_its_login(home: Home, box: Proxy, any_server: QbittorrentServer) -> None:
    home.write(make_entry(1, paused=True))
    box.add_fault("app/version", faults.answer_with_status(403, "Forbidden", "text/plain"))
    with start_watch(home) as watch:
        watch.wait_until(lambda: bool(RawClient(any_server).list_torrents()))
        watch.stop()
    assert box.count_requests("auth/login") == 2


def test_runs_in_quick_succession_log_in_once(
    home: Home, box: Proxy, any_server: QbittorrentServer, state_dir: Path
) -> None:
    home.write(make_entry(1, paused=True))
    assert home.run().summary == {"add": 1}
    assert box.count_requests("auth/logout") == box.count_requests("auth/login") == 1

    second = home.run("--dry-run")
    third = home.run("--dry-run", "-vv")
    assert [ran.instance()["requests"] for ran in (second, third)] == [5, 4]
    assert (box.count_requests("auth/login"), box.count_requests("auth/logout")) == (2, 1)
    kept = (state_dir / "sessions.json").read_text()
    assert json.loads(kept)[0]["cookies"][0]["value"] not in _read_output(third)

    home.write(make_entry(1, paused=True), make_entry(2, paused=True))
    changed = home.run()
    assert (changed.summary, box.count_requests("auth/login")) == ({"add": 1, "unchanged": 1}, 2)
    assert box.count_requests("auth/logout") == 2, "the server may remember more of it than its login"
    assert set(RawClient(any_server).list_torrents()) == {make_infohash(1), make_infohash(2)}


def test_a_person_who_asks_for_a_login_gets_one(home: Home, box: Proxy) -> None:
    home.write(make_entry(1, paused=True))
    for _ in range(3):
        home.run("--dry-run")
    assert box.count_requests("auth/login") == 2
    home.run("--dry-run", "--retry-login")
    assert box.count_requests("auth/login") == 3
