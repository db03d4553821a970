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

from reconciler.demo import packages
from reconciler.demo.packages import ServerError, mirrors
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


ONE_LINE = """
# a comment
deb [signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb https://vendor.example/debian-like stable main
"""
DEB822 = """
Types: deb
URIs: http://mirror.example/debian/ http://second.example/debian
Suites: bookworm
Components: main
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ONE_LINE, ["http://mirror.example/debian"]),
        (DEB822, ["http://mirror.example/debian", "http://second.example/debian"]),
        ("", []),
    ],
)
def test_the_mirror_is_read_from_the_apt_sources(text: str, found: list[str]) -> None:
    assert mirrors([text]) == found


def test_no_mirror_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(packages, "SOURCES", tmp_path)
    with pytest.raises(ServerError, match="no Debian mirror"):
        packages.root_of("5.1.0")


def test_a_mirror_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "sources.list").write_text("deb http://127.0.0.1:9/debian trixie main\n")
    monkeypatch.setattr(packages, "SOURCES", tmp_path)
    with pytest.raises(ServerError, match=r"could not be fetched: apt-get said:\n(.|\n)*127\.0\.0\.1"):
        packages.root_of("5.1.0")
    assert not (packages.cache() / "5.1.0").exists()


def test_an_unknown_version_is_said() -> None:
    with pytest.raises(ServerError, match=r"no recipe for qBittorrent 9\.9"):
        packages.root_of("9.9")
