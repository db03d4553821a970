"""The throwaway servers that all other tests need."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop

import pytest
import requests

from reconciler.demo import packages, servers
from reconciler.demo.packages import ServerSetupError
from reconciler.demo.servers import QbittorrentServer, ReservedPort, ServerSettings, find_binary, is_port_free
from reconciler.model.versions import API_KEYS
from tests.conftest import MakeServer
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.server_builds import Build


@pytest.fixture
def nothing_found_yet() -> Iterator[None]:
    """An empty cache of programs, before and after the test."""
    find_binary.cache_clear()
    yield
    find_binary.cache_clear()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _sockets(server: QbittorrentServer) -> set[tuple[str, int]]:
    """Return the local address and port of every TCP and UDP socket of the server."""
    proc = Path(f"/proc/{server.pid}")
    own_sockets = {str(path.readlink()) for path in (proc / "fd").iterdir() if path.is_symlink()}
    addresses = set()
    for name, family in (("tcp", AF_INET), ("udp", AF_INET), ("tcp6", AF_INET6), ("udp6", AF_INET6)):
        for line in (proc / "net" / name).read_text().splitlines()[1:]:
            columns = line.split()
            address, port = columns[1].split(":")
            if f"socket:[{columns[9]}]" in own_sockets:
                words = [bytes.fromhex(address[index : index + 8])[::-1] for index in range(0, len(address), 8)]
                addresses.add((inet_ntop(family, b"".join(words)), int(port, 16)))
    return addresses


def test_the_server_has_the_requested_version(server: QbittorrentServer, build: Build) -> None:
    """The archive may have a later version than the key, within the same major version."""
    assert server.version.startswith(f"v{build.release.partition('.')[0]}.")
    assert RawClient(server).post("app/version").text == server.version


def test_a_wrong_password_is_rejected(server: QbittorrentServer) -> None:
    answer = requests.post(f"{server.url}/api/v2/auth/login", {"username": "admin", "password": "wrong"}, timeout=5)
    assert answer.status_code == 401 or answer.text == "Fails."


@pytest.mark.parametrize("password", ["a&b+c%d=é", ' "quoted"; \\x41,', "\U0001f511 key"])
def test_any_credentials_can_be_configured(password: str, version: str, make_server: MakeServer) -> None:
    """Its file is in a format with escapes, and its login is a form."""
    server = make_server(version, username=password, password=password)
    form = {"username": server.username, "password": server.password}
    answer = requests.post(f"{server.url}/api/v2/auth/login", form, timeout=5)
    assert answer.status_code == 204 or answer.text == "Ok."


@pytest.mark.builds("5.3.0", having=API_KEYS)
def test_the_api_key_can_be_configured(make_server: MakeServer, version: str) -> None:
    key = "qbt_0123456789abcdefghijABCDEFGH"
    url = f"{make_server(version, api_key=key).url}/api/v2/app/version"
    assert requests.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=5).ok
    assert requests.get(url, headers={"Authorization": f"Bearer {key[::-1]}"}, timeout=5).status_code == 403


def test_the_server_uses_only_loopback_and_no_peer_discovery(server: QbittorrentServer) -> None:
    preferences = RawClient(server).post("app/preferences").json()
    off = ("dht", "pex", "lsd", "upnp", "web_ui_upnp", "resolve_peer_countries", "rss_processing_enabled")
    assert {name: preferences[name] for name in off} == dict.fromkeys(off, False)
    assert preferences["save_path"].rstrip("/") == str(server.downloads)
    assert preferences["listen_port"] == server.listen_port
    ports = {server.port, server.listen_port}
    RawClient.wait_until(lambda: ports <= {port for _, port in _sockets(server)})  # the Web UI may be there first
    assert {address for address, _ in _sockets(server)} <= {"127.0.0.1", "::1"}


def test_another_loopback_address(make_server: MakeServer) -> None:
    server = make_server(host="127.0.0.2")
    assert server.url == f"http://127.0.0.2:{server.port}"
    assert RawClient(server).list_torrents() == {}


def test_torrents_survive_a_restart(server: QbittorrentServer) -> None:
    before = RawClient(server)
    before.add_magnets([make_magnet(1), make_magnet(2)])
    before.wait_until(
        lambda: len(before.list_torrents()) == 2
    )  # 5.3 answers first, and forgets what it has not added yet
    url, pid = server.url, server.pid
    server.restart()
    assert (server.url, server.pid == pid) == (url, False)
    again = RawClient(server)
    again.wait_until(lambda: set(again.list_torrents()) == {make_infohash(1), make_infohash(2)})


def test_stop_leaves_nothing_behind() -> None:
    with QbittorrentServer("5.1.0") as server:
        pid, profile = server.pid, server.profile
        assert profile.exists()
    assert not _alive(pid)
    assert not profile.exists()


def test_an_interrupted_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    """The second signal comes while the server stops, which takes 4.2.5 0.4 s."""
    code = (
        "from reconciler.demo.servers import QbittorrentServer\n"
        "with QbittorrentServer('4.2.5') as s: print(s.pid, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    for _ in range(2):
        parent.send_signal(signal.SIGINT)
        time.sleep(0.1)
    parent.communicate(timeout=20)
    assert not _alive(pid)
    assert list(tmp_path.iterdir()) == []


def test_a_profile_is_kept_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with QbittorrentServer("5.1.0", ServerSettings(keep_profile=True)) as server:
        pid = server.pid
    assert not _alive(pid)
    assert (server.profile / "qBittorrent/config/qBittorrent.conf").exists()


def test_the_memory_of_the_server_can_be_read(any_server: QbittorrentServer) -> None:
    assert 10 << 20 < any_server.read_rss_bytes() < 1 << 30


def test_start_after_a_crash(any_server: QbittorrentServer) -> None:
    pid = any_server.pid
    any_server.kill()
    assert not _alive(pid)
    any_server.start()
    assert RawClient(any_server).list_torrents() == {}


def test_the_server_ends_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "from reconciler.demo.servers import QbittorrentServer; s = QbittorrentServer('5.1.0'); "
        "print(s.pid, flush=True); input()"
    )
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


def test_a_taken_port_is_reported(any_server: QbittorrentServer) -> None:
    with pytest.raises(ServerSetupError, match=rf"port {any_server.port}\. The port is taken"):
        QbittorrentServer("5.1.0", ServerSettings(port=any_server.port))


def test_no_password_is_sent_to_another_server() -> None:
    """A demo on fixed ports must not send its password to the qBittorrent that somebody has there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        with pytest.raises(ServerSetupError, match="is taken"):
            QbittorrentServer("5.1.0", ServerSettings(port=other.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_port_taken_by_another_process_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = ReservedPort("127.0.0.1")
        taken.number = other.getsockname()[1]
        ports = iter([taken, ReservedPort("127.0.0.1")])
        monkeypatch.setattr(servers, "ReservedPort", lambda host: next(ports))
        with QbittorrentServer("5.1.0") as server:
            assert server.port != other.getsockname()[1]
            assert RawClient(server).list_torrents() == {}


def test_a_reserved_port_is_not_chosen_for_others() -> None:
    held = ReservedPort("127.0.0.1")
    asking = socket.socket()
    with asking, pytest.raises(OSError, match="in use"):
        asking.bind(("127.0.0.1", held.number))
    with socket.create_server(("127.0.0.1", held.number)):
        assert not is_port_free("127.0.0.1", held.number)
    held.release()


@pytest.mark.usefixtures("nothing_found_yet")
def test_the_program_on_path_is_preferred_and_reported_if_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qbittorrent-nox").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "qbittorrent-nox").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_binary(None).command == (str(tmp_path / "qbittorrent-nox"),)
    with pytest.raises(ServerSetupError, match="does not start"):
        QbittorrentServer(None)


@pytest.mark.usefixtures("nothing_found_yet")
def test_debian_package_is_used_without_a_program_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary(None) == find_binary("5.1.0")


@pytest.mark.usefixtures("nothing_found_yet")
def test_an_incomplete_unpacked_version_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (packages.get_cache_dir() / "4.5.2").mkdir(parents=True)
    with pytest.raises(ServerSetupError, match="Delete that folder"):
        find_binary("4.5.2")
