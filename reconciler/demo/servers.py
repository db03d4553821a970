"""One throwaway qBittorrent: a private profile, a free loopback port, up in half a second, and gone without a trace."""

from __future__ import annotations

import base64
import ctypes
import hashlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from reconciler.demo import packages
from reconciler.demo.packages import ServerError

READY_WITHIN = 20.0  # seconds; 0.3 to 0.5 are usual
STOP_WITHIN = 10.0  # seconds for an orderly end, then SIGKILL
_PR_SET_PDEATHSIG = 1  # Linux: die with the thread that started us


def versions_here(count: int) -> list[str | None]:
    """Versions to show a demo on: different ones where Debian's packages can be had, else whatever is on PATH."""
    if packages.available():
        choice: list[str | None] = ["4.5.2", "5.3.0", "5.1.0", "4.2.5"]
        return [choice[number % len(choice)] for number in range(count)]
    if shutil.which("qbittorrent-nox"):
        return [None] * count
    raise ServerError("no qbittorrent-nox on PATH, and this is not Debian or Ubuntu. Install qbittorrent-nox")


@dataclass(frozen=True, slots=True)
class Binary:
    """How to start one version: the command without options, and what its environment needs."""

    command: tuple[str, ...]
    environ: Mapping[str, str]


@cache
def binary(version: str | None) -> Binary:
    """The program of a version; None: the `qbittorrent-nox` on PATH. Raises `ServerError`."""
    if version is None:
        path = shutil.which("qbittorrent-nox")
        if not path:
            raise ServerError("no qbittorrent-nox on PATH")
        return Binary((path,), {})
    root = packages.root_of(version)
    patterns = ("lib/*-linux-gnu", "usr/lib/*-linux-gnu", "usr/lib/*-linux-gnu/libproxy")
    libraries = [str(path) for pattern in patterns for path in sorted(root.glob(pattern))]
    # bullseye's loader is reached by its versioned name only: the link beside it is absolute
    loaders = ("lib/*-linux-gnu/ld-2.*.so", "usr/lib/*-linux-gnu/ld-linux-*.so.?", "lib/*-linux-gnu/ld-linux-*.so.?")
    loader = next(path for pattern in loaders for path in root.glob(pattern))
    plugins = next(path for qt in ("qt6", "qt5") for path in root.glob(f"usr/lib/*-linux-gnu/{qt}/plugins"))
    program = str(root / "usr/bin/qbittorrent-nox")
    return Binary((str(loader), "--library-path", ":".join(libraries), program), {"QT_PLUGIN_PATH": str(plugins)})


class Server:
    """A running qBittorrent with a profile of its own. Use it as a context manager, or call `stop`.

    It dies with the thread that started it, so start it in one that lives as long as it should. `preferences` are
    further lines of the `[Preferences]` section, `session` of `[BitTorrent]`.
    """

    def __init__(
        self,
        version: str | None = None,
        *,
        port: int | None = None,
        username: str = "admin",
        password: str | None = None,
        preferences: Mapping[str, str] | None = None,
        session: Mapping[str, str] | None = None,
    ) -> None:
        self._binary = binary(version)
        self.username = username
        self.password = password or secrets.token_urlsafe(12)
        self.profile = Path(tempfile.mkdtemp(prefix="qbittorrent-"))
        self.listen_port = _free_port()
        self._fixed_port = port
        self.port = port or _free_port()
        self._more = preferences or {}, session or {}
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The address of its Web API."""
        return f"http://127.0.0.1:{self.port}"

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
    def version(self) -> str:
        """What it calls itself, such as `v5.1.0`."""
        done = subprocess.run(
            (*self._binary.command, "--version"), capture_output=True, text=True, check=True, env=self._environ()
        )
        return done.stdout.strip().split()[-1]

    def start(self) -> None:
        """Start it (again), on the same profile and port. Raises `ServerError` where it does not come up."""
        for _ in range(5):
            self._configure()
            self._launch()
            if self._ready():
                return
            self.kill()
            if self._fixed_port:
                break
            self.port = _free_port()  # somebody took the port between our look and its start
        log = (self.profile / "output").read_text(errors="replace")[-500:]
        raise ServerError(f"qBittorrent does not come up on port {self.port}; is the port taken? It said: {log}")

    def restart(self) -> None:
        """End it in an orderly way and start it again with its torrents."""
        self._end()
        self.start()

    def kill(self) -> None:
        """End it at once, as a crash would; the profile stays."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and remove its profile with all downloads."""
        self._end()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _end(self) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _launch(self) -> None:
        arguments = (f"--profile={self.profile}", f"--webui-port={self.port}")
        with (self.profile / "output").open("ab") as output:
            self._process = subprocess.Popen(
                (*self._binary.command, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environ(),
                preexec_fn=_die_with_parent,
            )

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.profile), "TMPDIR": str(self.profile), **self._binary.environ}

    def _ready(self) -> bool:
        """Wait until it lets us in; False where it ends, or where somebody else answers on the port."""
        end = time.monotonic() + READY_WITHIN
        while time.monotonic() < end and self._process and self._process.poll() is None:
            answer = self._login()
            if answer is not None:
                return answer
            time.sleep(0.02)
        return False

    def _login(self) -> bool | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            form = f"username={self.username}&password={self.password}"
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/api/v2/auth/login", form, headers)
            answer = connection.getresponse()
            return answer.status == 204 or answer.read() == b"Ok."
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _configure(self) -> None:
        """Write the first configuration; a server that ran before keeps its own."""
        file = self.profile / "qBittorrent/config/qBittorrent.conf"
        if file.exists():
            return
        file.parent.mkdir(parents=True)
        self.downloads.mkdir()
        file.write_text(self._configuration())

    def _configuration(self) -> str:
        """Loopback only, nothing that looks for peers or the network by itself; old and new names of the keys."""
        preferences, session = self._more
        sections: dict[str, Mapping[str, object]] = {
            "LegalNotice": {"Accepted": "true"},
            "BitTorrent": {
                **{f"Session\\{key}": "false" for key in ("DHTEnabled", "PeXEnabled", "LSDEnabled")},
                "Session\\Interface": "lo",
                "Session\\InterfaceName": "lo",
                "Session\\Port": self.listen_port,
                "Session\\DefaultSavePath": self.downloads,
                **session,
            },
            "Preferences": {
                "WebUI\\Address": "127.0.0.1",
                "WebUI\\Port": self.port,
                "WebUI\\LocalHostAuth": "true",
                "WebUI\\UseUPnP": "false",
                "WebUI\\Username": self.username,
                "WebUI\\Password_PBKDF2": f'"{_hashed(self.password)}"',
                **{f"Bittorrent\\{key}": "false" for key in ("DHT", "PeX", "LSD")},
                "Connection\\PortRangeMin": self.listen_port,
                "Connection\\Interface": "lo",
                "Connection\\InterfaceName": "lo",
                "Connection\\ResolvePeerCountries": "false",
                "Connection\\UPnP": "false",
                "Downloads\\SavePath": self.downloads,
                **preferences,
            },
        }
        return "".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items())
            for name, keys in sections.items()
        )


@cache
def _hashed(password: str) -> str:
    """A Web UI password as qBittorrent stores it: PBKDF2-HMAC-SHA512, 100,000 rounds."""
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000)
    return f"@ByteArray({base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()})"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    """Runs in the child: whoever started it may be killed without a chance to clean up."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
