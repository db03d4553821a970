"""A real tracker: opentracker, out of Debian's packages."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode
from urllib.request import urlopen

from reconciler.demo.packages import DebianPackage, fetch_package
from reconciler.demo.servers import ReservedPort, build_unpacked_command

OPENTRACKER_PACKAGE: Final = DebianPackage("bookworm", name="opentracker", program="usr/bin/opentracker")
HOST: Final = "127.0.0.1"


class Opentracker:
    """opentracker on a free loopback port, for the torrents that are allowed; stopped at the end of the with-block.

    Debian's is built to know none but those in its list. It tells each peer of all the others, whether they are still
    up or not: it forgets nobody within the time of a test.
    """

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="opentracker-")
        self._whitelist = Path(self._folder.name) / "whitelist"
        self._whitelist.touch()
        self._whitelist.parent.chmod(0o755)  # root becomes nobody
        self._port = ReservedPort(HOST)
        address = ("-i", HOST, "-p", str(self._port.number))
        self._process = subprocess.Popen(
            (*_build_command(), *address, "-d", self._folder.name, "-w", "whitelist"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._wait_until(lambda: self._announce(bytes(20)) is not None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._port.release()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """Return the announce URL."""
        return f"http://{HOST}:{self._port.number}/announce"

    def allow_torrent(self, infohash: str) -> None:
        """Track this torrent (its v1 infohash)."""
        with self._whitelist.open("a") as stream:
            stream.write(f"{infohash}\n")
        self._process.send_signal(signal.SIGHUP)
        self._wait_until(
            lambda: b"not authorized" not in (self._announce(bytes.fromhex(infohash)) or b"not authorized")
        )

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert self._process.poll() is None, f"it ended: {self._process.communicate()[1].decode()}"
            assert time.monotonic() < end, "opentracker does not do it"
            time.sleep(0.02)

    def _announce(self, infohash: bytes) -> bytes | None:
        """Return the tracker's reply to a peer that stops at once, or None if it does not answer."""
        asked = urlencode({"info_hash": infohash, "peer_id": "x" * 20, "port": 1, "left": 1, "event": "stopped"})
        try:
            with urlopen(f"{self.url}?{asked}", timeout=5) as answer:
                return bytes(answer.read())
        except OSError:
            return None


def _build_command() -> tuple[str, ...]:
    root = fetch_package("opentracker", OPENTRACKER_PACKAGE)
    loader, flag, libraries, program = build_unpacked_command(root, OPENTRACKER_PACKAGE.program)
    return loader, flag, f"{libraries}:{root}/usr/lib", program  # where the package of libowfat puts it
