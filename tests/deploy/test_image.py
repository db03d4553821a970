"""The image: its own steps, run as an engine would run them, and then the container beside a real qBittorrent."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
import requests

from reconciler.demo.servers import QbittorrentServer
from tests.conftest import MakeProxy
from tests.support import tools
from tests.support.image import REPOSITORY, Container, Image
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient

ENTRYPOINT, CMD, HEALTHCHECK = "ENTRYPOINT", "CMD", "HEALTHCHECK"
Volumes = dict[str, tuple[Path, str]]


@pytest.fixture
def proxy(any_server: QbittorrentServer, make_proxy: MakeProxy) -> Proxy:
    """The instance `box`, as the network sees it."""
    return make_proxy(any_server)


@pytest.fixture
def volumes(tmp_path: Path, any_server: QbittorrentServer, proxy: Proxy) -> Volumes:
    """The folders that a user mounts: a desired state, a secret, and one for the journal."""
    for name in ("config", "secrets", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "secrets" / "box").write_text(any_server.password + "\n")
    (tmp_path / "config" / "desired.yaml").write_text(
        f"version: 1\npolicy: sync\ninstances:\n  box:\n    url: {proxy.url}\n    username: {any_server.username}\n"
        "    password: {file: /run/secrets/box}\n"
        f"torrents:\n  - magnet: {make_magnet(1)}\n"
    )
    return {
        "/config": (tmp_path / "config", "ro"),
        "/run/secrets": (tmp_path / "secrets", "ro"),
        "/state": (tmp_path / "state", "rw"),
    }


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Return the size and modification time of every file of a tree."""
    listed = {}
    for folder, _, names in os.walk(root):
        for name in names:
            status = Path(folder, name).lstat()
            listed[os.path.join(folder, name)] = (status.st_size, status.st_mtime_ns)  # noqa: PTH118 - quick
    return listed


def on_port(image: Image, port: int) -> tuple[list[str], dict[str, str]]:
    """Return the HEALTHCHECK and the environment with a free port instead of the port of the image."""
    usual = image.environ["RECONCILE_LISTEN"]
    words = image.stage.commands[HEALTHCHECK]
    assert f"http://{usual}" in words, "the check asks where the image listens"
    moved = usual.replace("9470", str(port))
    return [word.replace(usual, moved) for word in words], {"RECONCILE_LISTEN": moved}


def live(image: Image, words: list[str]) -> int:
    """Return the output of the health check."""
    return subprocess.run(image.build_command(words), capture_output=True, timeout=30, check=False).returncode


def test_the_image_watches_as_nobody_on_a_read_only_root_and_stops_in_time(
    image: Image, any_server: QbittorrentServer, proxy: Proxy, volumes: Volumes, reserved_port: int
) -> None:
    check, environ = on_port(image, reserved_port)
    assert live(image, check) == 1, "nothing runs yet"
    truth, before = RawClient(any_server), listing(image.root)
    words = image.stage.commands[ENTRYPOINT] + image.stage.commands[CMD]
    with image.run_container(words, environ=environ, volumes=volumes) as container:
        RawClient.wait_until(lambda: set(truth.list_torrents()) == {make_infohash(1)} or ended(container), timeout=40)
        RawClient.wait_until(lambda: live(image, check) == 0 or ended(container))
        page = requests.get(f"http://127.0.0.1:{reserved_port}/", timeout=10)
        assert page.ok and "box" in page.text, "the wheel has the templates too"
        assert container.read_status("NSpid").split()[-1] == "1", "it is PID 1"
        assert container.read_status("CapEff") == "0" * 16 and container.read_status("NoNewPrivs") == "1"
        assert Path(f"/proc/{container.pid}/uid_map").read_text().split()[0] == "10001"

        truth.post("torrents/delete", hashes=make_infohash(1), deleteFiles="false")
        os.kill(container.pid, signal.SIGHUP)
        RawClient.wait_until(lambda: set(truth.list_torrents()) == {make_infohash(1)} or ended(container), timeout=30)

        began = time.monotonic()
        os.kill(container.pid, signal.SIGTERM)
        _, said = container.process.communicate(timeout=20)
        assert time.monotonic() - began < 5
    assert container.process.returncode == 0, said
    assert proxy.count_requests("auth/login") == proxy.count_requests("auth/logout") >= 1
    assert listing(image.root) == before, "nothing was written beside the volumes"


def has_loaded_parser(container: Container) -> bool:
    """Return True if the process has loaded the parser of YAML, so that it has begun to read the desired state."""
    return "_ruamel_yaml" in Path(f"/proc/{container.pid}/maps").read_text()


def ended(container: Container) -> bool:
    """Fail with the output of the process if it has ended."""
    if container.process.poll() is not None:
        raise AssertionError("it ended: " + "".join(container.process.communicate()))
    return False


def test_one_run_in_a_container(image: Image, any_server: QbittorrentServer, volumes: Volumes) -> None:
    """Arguments after the name of the image replace --watch; the environment for a watch does not get in the way."""
    entry = image.stage.commands[ENTRYPOINT]
    assert "1 to add" in tools.run_tool(image.build_command([*entry, "--dry-run"], volumes=volumes))
    assert RawClient(any_server).list_torrents() == {}
    assert "valid: 1 torrent on 1 instance" in tools.run_tool(
        image.build_command([*entry, "validate"], volumes=volumes)
    )
    whoever = image.build_command([*entry, "validate"], volumes=volumes, user="4242:4242")
    assert "valid" in tools.run_tool(whoever), "any user will do"


def test_pid_1_can_be_stopped_before_its_run_has_begun(image: Image, tmp_path: Path) -> None:
    torrents = "".join(f"  - infohash: {number:040x}\n" for number in range(100_000))  # reading it takes seconds
    (tmp_path / "desired.yaml").write_text(f"version: 1\npolicy: upsert\ntorrents:\n{torrents}")
    words = [*image.stage.commands[ENTRYPOINT], "validate"]
    with image.run_container(words, volumes={"/config": (tmp_path, "ro")}) as container:
        RawClient.wait_until(lambda: has_loaded_parser(container) or ended(container))
        os.kill(container.pid, signal.SIGTERM)
        container.process.communicate(timeout=20)
    assert container.process.returncode == 128 + signal.SIGTERM


def test_only_the_state_and_tmp_can_be_written(image: Image, volumes: Volumes) -> None:
    places = "/ /opt /opt/reconcile /opt/reconcile/bin /config /run/secrets /usr /etc /state /tmp"
    script = f"for place in {places}; do touch $place/x 2>/dev/null && echo $place; done; id -u; id -g"
    assert tools.run_tool(image.build_command(["sh", "-c", script], volumes=volumes)).split() == [
        "/state",
        "/tmp",
        "10001",
        "10001",
    ]


def test_the_image_contains_only_what_it_needs(image: Image) -> None:
    assert image.stage.base.startswith("python:") and image.stage.base.endswith("-slim-bookworm")
    assert stat.S_IMODE((image.root / "state").stat().st_mode) == 0o1777, "whoever it runs as can write its journal"
    hidden = [path for path in (image.root / "opt").rglob("*") if not path.is_symlink() and not path.stat().st_mode & 4]
    assert hidden == [], "every user can read it"
    script = "import apprise, importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    installed = set(
        tools.run_tool(image.build_command(["/opt/reconcile/bin/python", "-W", "ignore", "-c", script])).split()
    )
    pinned = {re.sub(r"[-_.]+", "-", line).lower() for line in (REPOSITORY / "constraints.txt").read_text().split()}
    ours = {package for package in installed if package.startswith("qbt-reconciler")}
    assert len(ours) == 1 and len(installed) > 20
    assert {package for package in installed - ours if re.sub(r"[-_.]+", "-", package).lower() not in pinned} == set()
    assert "pip" not in {package.split("==")[0] for package in installed}
