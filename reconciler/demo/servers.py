"""One throwaway qBittorrent: a private profile, a free loopback port, up in half a second, and gone without a trace."""

from __future__ import annotations

import ctypes
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from reconciler.demo import packages
from reconciler.demo.configuration import ServerConfiguration
from reconciler.demo.packages import ServerSetupError


class ReservedPort:
    """A free port that nobody else is given while we hold it, though the server that it is for may listen on it.

    Between a look for a free port and the start of its server, another process may find the same one: then two
    servers wait for one port, and whoever knocks meets the wrong one. A socket that is bound and does not listen keeps
    a port from everybody's "any free port"; a server that names it and reuses addresses, as qBittorrent does, gets it.
    """

    def __init__(self, host: str) -> None:
        self._socket = socket.socket()
        self._socket.bind((host, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not before: it would share one itself
        self.number = int(self._socket.getsockname()[1])

    def release(self) -> None:
        """Others may have it."""
        self._socket.close()


def find_free_port(host: str) -> int:
    """A port that is free now."""
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def is_port_free(host: str, port: int) -> bool:
    """Does nobody listen there?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended take no port
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


DEFAULT_VERSION = "5.1.0"  # where no version is asked for and none is on PATH


@dataclass(frozen=True, slots=True)
class Binary:
    """How to start one version: the command without options, and what its environment needs."""

    command: tuple[str, ...]
    environ: Mapping[str, str]


@cache
def find_binary(version: str | None) -> Binary:
    """The program of a version, out of Debian's packages. None: the `qbittorrent-nox` on PATH, else one of those.

    Raises `ServerSetupError` where it cannot be had.
    """
    on_path = None if version else shutil.which("qbittorrent-nox")
    if on_path:
        return Binary((on_path,), {})
    root = packages.fetch_version(version or DEFAULT_VERSION)
    plugins = _find_first(root, "usr/lib/*-linux-gnu*/qt6/plugins", "usr/lib/*-linux-gnu*/qt5/plugins")
    return Binary(build_unpacked_command(root, "usr/bin/qbittorrent-nox"), {"QT_PLUGIN_PATH": str(plugins)})


def build_unpacked_command(root: Path, program: str) -> tuple[str, ...]:
    """How to start a program of packages that are unpacked, not installed: with the loader and libraries beside it."""
    patterns = ("lib/*-linux-gnu*", "usr/lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/libproxy")
    libraries = [str(path) for pattern in patterns for path in sorted(root.glob(pattern))]
    # bullseye's loader is reached by its versioned name only: the link beside it is absolute
    loader = _find_first(
        root, "lib/*-linux-gnu*/ld-2.*.so", "usr/lib/*-linux-gnu*/ld-linux*.so.?", "lib/*/ld-linux*.so.?"
    )
    return (str(loader), "--library-path", ":".join(libraries), str(_find_first(root, program)))


def _find_first(root: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            return path
    raise ServerSetupError(f"{root} has no {' or '.join(patterns)}. Delete that folder, so that it is fetched anew")


READY_TIMEOUT = 20.0  # seconds; 0.3 to 0.5 are usual
STOP_TIMEOUT = 10.0  # seconds for an orderly end, then SIGKILL
START_ATTEMPTS = 3  # to find a port that nobody takes between our look and the start
_PR_SET_PDEATHSIG = 1  # prctl(2): a signal for when the thread that started us ends
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before a fork: no locks are taken after it


def choose_versions(count: int) -> list[str | None]:
    """Versions to show a demo on: different ones where Debian's packages can be had, else whatever is on PATH."""
    if packages.can_fetch_packages():
        choice: list[str | None] = ["4.5.2", "5.3.0", "5.1.0", "4.2.5"]
        return [choice[number % len(choice)] for number in range(count)]
    if shutil.which("qbittorrent-nox"):
        return [None] * count
    raise ServerSetupError(
        "no qbittorrent-nox on PATH, and Debian's packages cannot be had here (apt-get, dpkg-deb or the keyring of "
        "Debian is missing). Install qbittorrent-nox"
    )


class QbittorrentServer:
    """A running qBittorrent with a profile of its own. Use it as a context manager, or call `stop`.

    It dies with the thread that started it (that is how Linux counts parents), so start it in one that lives as long
    as it should. `version` is a key of `packages.RELEASES`, None whatever is on PATH. `api_key` is `qbt_` and 28
    letters or digits, from 5.2 on. `extra_preferences` are further lines of the `[Preferences]` section, `extra_session` of
    `[BitTorrent]`, as the file spells them. `keep` leaves the profile behind. Raises `ServerSetupError`.
    """

    def __init__(
        self,
        version: str | None = None,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        username: str = "admin",
        password: str | None = None,
        api_key: str | None = None,
        preferences: Mapping[str, str] | None = None,
        session: Mapping[str, str] | None = None,
        keep_profile: bool = False,
    ) -> None:
        self._binary = find_binary(version)
        self._process: subprocess.Popen[bytes] | None = None
        self._reserved_port = None if port else ReservedPort(host)
        self._port_is_fixed = port is not None
        self._keep_profile = keep_profile
        self.host = host
        self.port = self._reserved_port.number if self._reserved_port else port or 0
        self.listen_port = find_free_port(host)
        self.username = username
        self.password = password or secrets.token_urlsafe(12)
        self.profile = Path(tempfile.mkdtemp(prefix="qbittorrent-"))
        try:
            self._write_configuration(api_key, preferences or {}, session or {})
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The address of its Web API."""
        return f"http://{self.host}:{self.port}"

    @property
    def downloads(self) -> Path:
        """Its default save path."""
        return self.profile / "downloads"

    @property
    def pid(self) -> int:
        """Its process, while it runs."""
        assert self._process, "the server is not running"
        return self._process.pid

    @property
    def exit_text(self) -> str | None:
        """How it ended by itself, with the last it said; None while it runs."""
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        return f"exit code {code}: {(self.profile / 'output').read_text(errors='replace')[-2000:]}"

    @cached_property
    def version(self) -> str:
        """What it calls itself, such as `v5.1.0`."""
        done = subprocess.run(
            (*self._binary.command, "--version"), capture_output=True, text=True, check=True, env=self._build_environ()
        )
        return done.stdout.strip().split()[-1]

    def read_rss_bytes(self) -> int:
        """Its resident memory in bytes. Linux only."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def start(self) -> None:
        """Start it again after `kill`, on the same profile and port. Raises `ServerSetupError` where it does not come up."""
        for _ in range(1 if self._port_is_fixed else START_ATTEMPTS):
            if is_port_free(self.host, self.port):  # else we would knock, with a password, at somebody else's door
                self._start_process()
                if self._wait_until_ready():
                    self._port_is_fixed = True  # from now on others know it by its address
                    return
                self.kill()
            if self._reserved_port and not self._port_is_fixed:
                self._reserved_port.release()
                self._reserved_port = ReservedPort(self.host)
                self.port = self._reserved_port.number
        output = self.profile / "output"
        said = f"It said: {output.read_text(errors='replace')[-500:]}" if output.exists() else "The port is taken."
        raise ServerSetupError(f"qBittorrent does not come up on {self.host} port {self.port}. {said}")

    def restart(self) -> None:
        """End it in an orderly way and start it again with its torrents."""
        self._terminate()
        self.start()

    def kill(self) -> None:
        """End it at once, as a crash would; the profile stays."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and remove its profile with all downloads; the profile stays where `keep` was asked for."""
        try:
            self._terminate()
        finally:  # the wait may be interrupted, by a second Ctrl-C for one
            if self._reserved_port:
                self._reserved_port.release()
            if not self._keep_profile:
                shutil.rmtree(self.profile, ignore_errors=True)

    def _terminate(self) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                pass
            finally:
                self.kill()  # does nothing to one that has ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _start_process(self) -> None:
        arguments = (f"--profile={self.profile}", f"--webui-port={self.port}")
        with (self.profile / "output").open("ab") as output:
            self._process = subprocess.Popen(
                (*self._binary.command, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._build_environ(),
                cwd=self.profile,  # where a relative path in its settings leads
                preexec_fn=_kill_with_parent(os.getpid()),
            )

    def _build_environ(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.profile), "TMPDIR": str(self.profile), **self._binary.environ}

    def _wait_until_ready(self) -> bool:
        """Wait until it lets us in; False where it ends, or where somebody else answers on the port."""
        end = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < end and self._process and self._process.poll() is None:
            answer = self._try_login()
            if answer is not None:
                return answer
            time.sleep(0.02)
        return False

    def _try_login(self) -> bool | None:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5)
        try:
            form = urlencode({"username": self.username, "password": self.password})
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/api/v2/auth/login", form, headers)
            answer = connection.getresponse()
            return answer.status == 204 or answer.read() == b"Ok."
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _write_configuration(
        self, api_key: str | None, preferences: Mapping[str, str], session: Mapping[str, str]
    ) -> None:
        """Write the first configuration; later the server keeps its own."""
        configuration = ServerConfiguration(
            host=self.host,
            port=self.port,
            listen_port=self.listen_port,
            username=self.username,
            password=self.password,
            api_key=api_key,
            downloads=self.downloads,
            extra_preferences=preferences,
            extra_session=session,
        )
        file = self.profile / "qBittorrent/config/qBittorrent.conf"
        file.parent.mkdir(parents=True)
        self.downloads.mkdir()
        file.write_text(configuration.render(), encoding="utf-8")


def _kill_with_parent(parent: int) -> Callable[[], None]:
    """For the child, before it becomes qBittorrent: whoever started it may be killed with no chance to clean up."""

    def set_death_signal() -> None:
        if _LIBC:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # killed before the line above
                os._exit(1)

    return set_death_signal
