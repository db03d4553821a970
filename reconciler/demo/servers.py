"""A throwaway qBittorrent with a private profile on a free loopback port, which leaves no trace."""

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
from dataclasses import field
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from reconciler.demo import packages
from reconciler.demo.configuration import ServerConfiguration
from reconciler.demo.packages import ServerSetupError
from reconciler.model.lazy_dataclass import dataclass


class ReservedPort:
    """A free port that the system gives to no other process, although the server for which it is may listen on it.

    Between finding a free port and starting a server on it, another process may find the same port, and clients reach
    the wrong server. A socket that is bound but does not listen keeps a port from being chosen as "any free port". A
    server that names the port and reuses addresses, as qBittorrent does, still gets it.
    """

    def __init__(self, host: str) -> None:
        self._socket = socket.socket()
        self._socket.bind((host, 0))
        self._socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # after the bind, which would share a port otherwise
        self.number = int(self._socket.getsockname()[1])

    def release(self) -> None:
        """Let other processes use the port."""
        self._socket.close()


def find_free_port(host: str) -> int:
    """Return a port that is free now."""
    with socket.create_server((host, 0)) as probe:
        return int(probe.getsockname()[1])


def is_port_free(host: str, port: int) -> bool:
    """True if nothing listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ended connections do not block the port
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


DEFAULT_VERSION = "5.1.0"  # if no version is requested and none is on PATH


@dataclass(frozen=True, slots=True)
class Binary:
    """The program of one version: its command without options, and additions to the environment."""

    command: tuple[str, ...]
    environ: Mapping[str, str]


@cache
def find_binary(version: str | Path | None) -> Binary:
    """Return the program of a version from Debian's packages, or at a path.

    Without a version, prefer a `qbittorrent-nox` on PATH. Raises `ServerSetupError` if it is not available.
    """
    if isinstance(version, Path):
        return Binary((str(version),), {})
    on_path = None if version else shutil.which("qbittorrent-nox")
    if on_path:
        return Binary((on_path,), {})
    root = packages.fetch_version(version or DEFAULT_VERSION)
    # With the plugin for TLS, 5.x reads all certificate authorities of the machine: two thirds of its start
    no_plugins = {"QT_PLUGIN_PATH": os.devnull, "QT_LOGGING_RULES": "qt.network.ssl.warning=false"}
    return Binary(build_unpacked_command(root, "usr/bin/qbittorrent-nox"), no_plugins)


def build_unpacked_command(root: Path, program: str) -> tuple[str, ...]:
    """Return the command for a program in unpacked packages, with their own loader and libraries."""
    patterns = ("lib/*-linux-gnu*", "usr/lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/libproxy")
    libraries = [str(path) for pattern in patterns for path in sorted(root.glob(pattern))]
    # in bullseye only the versioned name of the loader works: the other one is an absolute link
    loader = _find_first(
        root, "lib/*-linux-gnu*/ld-2.*.so", "usr/lib/*-linux-gnu*/ld-linux*.so.?", "lib/*/ld-linux*.so.?"
    )
    return (str(loader), "--library-path", ":".join(libraries), str(_find_first(root, program)))


def _find_first(root: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            return path
    raise ServerSetupError(f"{root} has no {' or '.join(patterns)}. Delete that folder to download it again")


READY_TIMEOUT = 20.0  # seconds; usually 0.3 to 0.5
STOP_TIMEOUT = 10.0  # seconds from SIGTERM to SIGKILL
RESTART_TIMEOUT = 60.0  # seconds: a server that is killed loses what it has not saved yet
START_ATTEMPTS = 3  # another process may take the port just before the start
_PR_SET_PDEATHSIG = 1  # prctl(2): the signal to get when the parent thread ends
_LIBC = (
    ctypes.CDLL(None) if sys.platform == "linux" else None
)  # loaded before a fork, because the child must take no locks


def choose_versions(count: int) -> list[str | None]:
    """Return versions for a demo: different ones from Debian's packages, or else the program on PATH."""
    if packages.can_fetch_packages():
        versions: list[str | None] = ["4.5.2", "5.3.0", "5.1.0", "4.2.5"]
        return [versions[number % len(versions)] for number in range(count)]
    if shutil.which("qbittorrent-nox"):
        return [None] * count
    raise ServerSetupError(
        "there is no qbittorrent-nox on PATH, and Debian's packages are not available here (apt-get, dpkg-deb or the "
        "Debian keyring is missing). Install qbittorrent-nox"
    )


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of a server at its first start. `port` and `password` None: chosen at random.

    `api_key` is `qbt_` and 28 letters or digits, from 5.2 on. `preferences` are further keys of the `[Preferences]`
    section, `session` of `[BitTorrent]`, in the file's syntax. Clients from the address `trusted_client` need no
    password. `keep_profile` keeps the profile after `stop`.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    username: str = "admin"
    password: str | None = None
    api_key: str | None = None
    preferences: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, str] = field(default_factory=dict)
    trusted_client: str | None = None
    keep_profile: bool = False


class QbittorrentServer:
    """A running qBittorrent with a private profile. Use it as a context manager, or call `stop`.

    It ends with the thread that started it, which is its parent for Linux: use a thread that lives long enough.
    `version` is a key of `QBITTORRENT_PACKAGES`, the path of a program, or None for the program on PATH. Raises
    `ServerSetupError`.
    """

    def __init__(self, version: str | Path | None = None, settings: ServerSettings | None = None) -> None:
        settings = settings or ServerSettings()
        self._binary = find_binary(version)
        self._process: subprocess.Popen[bytes] | None = None
        self._reserved_port = None if settings.port else ReservedPort(settings.host)
        self._port_is_fixed = settings.port is not None
        self._keep_profile = settings.keep_profile
        self.host = settings.host
        self.port = self._reserved_port.number if self._reserved_port else settings.port or 0
        self.listen_port = find_free_port(settings.host)
        self.username = settings.username
        self.trusted_client = settings.trusted_client
        self.password = settings.password or secrets.token_urlsafe(12)
        self.profile = Path(tempfile.mkdtemp(prefix="qbittorrent-"))
        try:
            self._write_configuration(settings)
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The URL of its Web API."""
        return f"http://{self.host}:{self.port}"

    @property
    def downloads(self) -> Path:
        """Its default save path."""
        return self.profile / "downloads"

    @property
    def pid(self) -> int:
        """The id of its process, while it runs."""
        assert self._process, "the server is not running"
        return self._process.pid

    @property
    def exit_text(self) -> str | None:
        """The exit code and the last output if it has ended by itself, or None while it runs."""
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        return f"exit code {code}: {(self.profile / 'output').read_text(errors='replace')[-2000:]}"

    @cached_property
    def version(self) -> str:
        """Its own version, such as `v5.1.0`."""
        result = subprocess.run(
            (*self._binary.command, "--version"), capture_output=True, text=True, check=True, env=self._build_environ()
        )
        return result.stdout.strip().split()[-1]

    def read_rss_bytes(self) -> int:
        """Return its resident memory in bytes. Linux only."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def start(self) -> None:
        """Start it again after `kill`, with the same profile and port. Raises `ServerSetupError`."""
        for _ in range(1 if self._port_is_fixed else START_ATTEMPTS):
            if is_port_free(self.host, self.port):  # or we would send the password to another server
                self._start_process()
                if self._wait_until_ready():
                    self._port_is_fixed = True  # clients know its address from now on
                    return
                self.kill()
            if self._reserved_port and not self._port_is_fixed:
                self._reserved_port.release()
                self._reserved_port = ReservedPort(self.host)
                self.port = self._reserved_port.number
        output = self.profile / "output"
        reason = f"Its output: {output.read_text(errors='replace')[-500:]}" if output.exists() else "The port is taken."
        raise ServerSetupError(f"qBittorrent does not start on {self.host} port {self.port}. {reason}")

    def restart(self) -> None:
        """Stop it gracefully and start it again with its torrents."""
        self._terminate(RESTART_TIMEOUT)
        self.start()

    def kill(self) -> None:
        """End it at once, like a crash, and keep its profile."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop it gracefully and remove its profile with all downloads, unless `keep_profile` is set."""
        try:
            self._terminate(STOP_TIMEOUT)
        finally:  # also if a second Ctrl-C interrupts the wait
            if self._reserved_port:
                self._reserved_port.release()
            if not self._keep_profile:
                shutil.rmtree(self.profile, ignore_errors=True)

    def _terminate(self, timeout: float) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
            finally:
                self.kill()  # no effect if it has ended

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
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
                cwd=self.profile,  # the base of relative paths in its settings
                preexec_fn=_kill_with_parent(os.getpid()),
            )

    def _build_environ(self) -> dict[str, str]:
        profile = str(self.profile)
        # Without certificate authorities: to read those of the machine takes half the start of 4.x
        no_authorities = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": profile}
        return {**os.environ, "HOME": profile, "TMPDIR": profile, **no_authorities, **self._binary.environ}

    def _wait_until_ready(self) -> bool:
        """Wait until it answers. Return False if it ends, or if another server answers on the port."""
        deadline = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            is_ours = self._try_request()
            if is_ours is not None:
                return is_ours
            time.sleep(0.02)
        return False

    def _try_request(self) -> bool | None:
        """Return True if this server answers, False if another one does, None without an answer."""
        source = (self.trusted_client, 0) if self.trusted_client else None
        connection = http.client.HTTPConnection(self.host, self.port, timeout=5, source_address=source)
        try:
            if self.trusted_client:  # a login would cost a tenth of a second
                connection.request("GET", "/api/v2/app/defaultSavePath")
                return Path(connection.getresponse().read().decode()) == self.downloads
            form = urlencode({"username": self.username, "password": self.password})
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/api/v2/auth/login", form, headers)
            response = connection.getresponse()
            return response.status == 204 or response.read() == b"Ok."
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _write_configuration(self, settings: ServerSettings) -> None:
        """Write the configuration for the first start. Later the server maintains it."""
        configuration = ServerConfiguration(
            host=self.host,
            port=self.port,
            listen_port=self.listen_port,
            username=self.username,
            password=self.password,
            api_key=settings.api_key,
            downloads=self.downloads,
            trusted_client=self.trusted_client,
            extra_preferences=settings.preferences,
            extra_session=settings.session,
        )
        file = self.profile / "qBittorrent/config/qBittorrent.conf"
        file.parent.mkdir(parents=True)
        self.downloads.mkdir()
        file.write_text(configuration.render(), encoding="utf-8")


def _kill_with_parent(parent: int) -> Callable[[], None]:
    """Return a function for the child process that ends it with its parent, even if the parent is killed."""

    def set_death_signal() -> None:
        if _LIBC:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # killed before the line above
                os._exit(1)

    return set_death_signal
