"""The throwaway servers that everything else stands on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from reconciler.demo.packages import ServerError
from reconciler.demo.servers import Server
from tests.support.magnets import infohash, magnet
from tests.support.raw import Raw


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_the_version_that_was_asked_for(server: Server, version: str) -> None:
    assert server.version == f"v{version}"
    assert Raw(server).post("app/version").text == f"v{version}"


def test_it_lets_nobody_in_with_a_wrong_password(server: Server) -> None:
    answer = requests.post(f"{server.url}/api/v2/auth/login", {"username": "admin", "password": "wrong"}, timeout=5)
    assert answer.status_code == 401 or answer.text == "Fails."


def test_its_torrents_outlive_a_restart(server: Server) -> None:
    Raw(server).add([magnet(1), magnet(2)])
    server.restart()
    again = Raw(server)
    again.eventually(lambda: set(again.torrents()) == {infohash(1), infohash(2)})


def test_nothing_is_left_behind() -> None:
    with Server("5.1.0") as server:
        pid, profile = server.pid, server.profile
        assert profile.exists()
    assert not _alive(pid)
    assert not profile.exists()


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = "from reconciler.demo.servers import Server; s = Server('5.1.0'); print(s.pid, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert _alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _alive(pid)


def test_a_taken_port_is_said(any_server: Server) -> None:
    with pytest.raises(ServerError, match=f"port {any_server.port}"):
        Server("5.1.0", port=any_server.port)
