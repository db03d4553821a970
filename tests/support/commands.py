"""`reconcile` as a real process, without the half second that Python takes to load it.

One process for each test worker loads everything once. Each command is a fork of it: with arguments, environment,
folder and streams of its own, ended by its own exit code. What is about the start of a process (signals, streams
that are closed, threads, terminals) starts one the slow way, with `COMMAND`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import random
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

COMMAND: Final = (sys.executable, "-m", "reconciler")
_ROOT: Final = Path(__file__).parents[2]
_PRELOADED_PACKAGES: Final = (
    "cli",
    "queries",
    "watch",
    "journal",
    "notify",
    "engine",
    "desired",
    "qbittorrent",
    "fetch",
    "health",
    "report",
    "plan",
    "apply",
)
_MAX_MESSAGE_BYTES: Final = 1 << 20  # bytes


@dataclass(frozen=True)
class CommandResult:
    """The exit code and the output of a process."""

    exit_code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report on standard output."""
        return dict(json.loads(self.out))


def run_reconcile(folder: Path, *arguments: str, environ: Mapping[str, str], timeout: float = 110.0) -> CommandResult:
    """`reconcile ARGUMENTS` in a folder, to its end. Raises `TimeoutError`."""
    message = json.dumps({"arguments": arguments, "folder": str(folder), "environ": dict(environ)}).encode()
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        socket.send_fds(_start_fork_server(), [message], [out.fileno(), err.fileno(), theirs.fileno()])
        theirs.close()
        ours.settimeout(timeout)
        code = ours.recv(16)
        assert code, "the process of the command is gone without an exit code"
        out.seek(0)
        err.seek(0)
        return CommandResult(int(code), out.read().decode(), err.read().decode())


@cache
def _start_fork_server() -> socket.socket:
    """Return the connection to the forking process, which ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            (sys.executable, "-m", __name__, str(theirs.fileno())),
            cwd=_ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MAX_MESSAGE_BYTES)
    return ours


def _serve_forks(channel: socket.socket) -> None:
    """Fork a supervisor for each message. Returns in the process that becomes the command."""
    for room in _PRELOADED_PACKAGES:
        package = importlib.import_module(f"reconciler.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # or a collection in a child would copy every page
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the guardians
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _MAX_MESSAGE_BYTES, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            channel.close()
            return _supervise_command(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _supervise_command(request: dict[str, Any], out: int, err: int, answer: int) -> None:
    """Wait for the command and send its exit code. Returns in the process of the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if command:
        _, status = os.waitpid(command, 0)
        os.write(answer, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    for descriptor, number in ((out, 1), (err, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.close(answer)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[1:] = request["arguments"]
    random.seed()
    gc.unfreeze()


if __name__ == "__main__":
    _serve_forks(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("reconciler", run_name="__main__", alter_sys=True)
