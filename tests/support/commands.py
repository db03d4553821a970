"""`reconcile` as a real process, without the half second that Python takes to load it.

One process for each test worker loads everything once. Each command is a fork of it: with arguments, environment,
folder and streams of its own, ended by its own exit code. What is about the start of a process (streams that are
closed, standard input, what it loads) starts one the slow way, with `COMMAND`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from reconciler.model import lazy_dataclass
from tests.support.machine import Machine

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
_LATE_MODULES: Final = ("_strptime", "encodings.utf_8_sig", "typer._click.decorators")  # imported at their first use
_MAX_MESSAGE_BYTES: Final = 1 << 20  # bytes


@dataclass(frozen=True)
class CommandResult:
    """The exit code and the output of a process."""

    exit_code: int
    out: str
    err: str

    @property
    def messages(self) -> str:
        """Standard error without the lines on waits of more than a second, which a busy machine adds."""
        lines = self.err.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("waiting: "))

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report on standard output."""
        return dict(json.loads(self.out))


@dataclass(frozen=True, slots=True)
class Streams:
    """Descriptors for the standard streams of a command. A stream that is None goes to a file: `out` or `err`."""

    out: int | None = None
    err: int | None = None


class StartedCommand:
    """`reconcile` under way. At the end of the context it is killed if it still runs."""

    def __init__(
        self,
        folder: Path,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        machine: Machine,
        streams: Streams,
    ) -> None:
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environ": dict(environ),
            "machine": machine.to_json(),
        }
        self._exit_code: int | None = None
        with ExitStack() as stack:
            self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.enter_context(self._channel)
            self._out = stack.enter_context(tempfile.TemporaryFile())
            self._err = stack.enter_context(tempfile.TemporaryFile())
            with theirs:
                out = self._out.fileno() if streams.out is None else streams.out
                err = self._err.fileno() if streams.err is None else streams.err
                descriptors = [out, err, theirs.fileno()]
                socket.send_fds(_start_fork_server()[0], [json.dumps(request).encode()], descriptors)
            self._channel.settimeout(60)
            self.pid = int(self._channel.recv(16))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        self._stack.close()

    @property
    def is_running(self) -> bool:
        """True until it has ended."""
        return self._exit_code is None and not select.select([self._channel], [], [], 0)[0]

    @property
    def exit_code(self) -> int:
        """The exit code, once `wait` or `kill` has returned."""
        assert self._exit_code is not None, "nobody has waited for its end"
        return self._exit_code

    @property
    def out(self) -> str:
        """Standard output so far."""
        return _read_stream(self._out)

    @property
    def err(self) -> str:
        """Standard error so far."""
        return _read_stream(self._err)

    def describe_state(self) -> str:
        """Return the end of its output, for a failed test."""
        return f"{'running' if self.is_running else 'ended'}\n{self.out[-2000:]}\n{self.err[-4000:]}"

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.is_running:
            with suppress(ProcessLookupError):  # it ends at this moment
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with SIGKILL, if it still runs."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout: float = 110.0) -> CommandResult:
        """Return the result once it has ended. Raises `TimeoutError`."""
        if self._exit_code is None:
            self._channel.settimeout(timeout)
            code = self._channel.recv(16)
            assert code, "the process of the command is gone without an exit code"
            self._exit_code = int(code)
        return CommandResult(self._exit_code, self.out, self.err)


def start_reconcile(
    folder: Path,
    *arguments: str,
    environ: Mapping[str, str],
    machine: Machine | None = None,
    streams: Streams | None = None,
) -> StartedCommand:
    """Start `reconcile ARGUMENTS` in a folder, on a machine that may have a wrong clock or no place for a journal."""
    return StartedCommand(folder, arguments, environ, machine or Machine(), streams or Streams())


def run_reconcile(
    folder: Path,
    *arguments: str,
    environ: Mapping[str, str],
    timeout: float = 110.0,
    streams: Streams | None = None,
) -> CommandResult:
    """`reconcile ARGUMENTS` in a folder, to its end. Raises `TimeoutError`."""
    with start_reconcile(folder, *arguments, environ=environ, streams=streams) as command:
        return command.wait(timeout)


def _read_stream(stream: IO[bytes]) -> str:
    """Return what a process has written. Its position in the file stays, for the process shares it."""
    return os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0).decode(errors="replace")


def get_fork_server_id() -> int | None:
    """Return the id of the process whose forks are the commands of this process; None before the first command."""
    return _start_fork_server()[1] if _start_fork_server.cache_info().currsize else None


@cache
def _start_fork_server() -> tuple[socket.socket, int]:
    """Return the connection to the forking process, which ends with this process, and its id."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            (sys.executable, "-m", __name__, str(theirs.fileno())),
            cwd=_ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MAX_MESSAGE_BYTES)
    return ours, process.pid


def _preload() -> None:
    """Load all that commands need, and build the command line, so that forks share it."""
    gc.disable()  # a million objects that stay
    for room in _PRELOADED_PACKAGES:
        package = importlib.import_module(f"reconciler.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in _LATE_MODULES:
        importlib.import_module(name)
    _generate_constructors()
    from typer.core import TyperArgument, TyperGroup, TyperOption

    from reconciler.cli.main import build_program

    program = build_program()
    assert isinstance(program, TyperGroup)
    for command in (program, *program.commands.values()):
        for parameter in command.params:
            if isinstance(parameter, TyperArgument | TyperOption):
                parameter.get_runtime_param()  # else built at the first use
    gc.freeze()  # or a collection in a child would copy every page
    gc.enable()


def _generate_constructors() -> None:
    """Generate the constructors of our frozen dataclasses, or each run would generate the fifty that it needs."""
    modules = [module for name, module in sys.modules.items() if name.startswith("reconciler.")]
    for cls in {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}:
        if "generate_and_call" in getattr(vars(cls).get("__init__"), "__qualname__", ""):
            cls.__init__ = lazy_dataclass._compile_init(cls)  # type: ignore[misc]


def _serve_forks(channel: socket.socket) -> None:
    """Fork a process for each message, and send its id and, in the end, its exit code.

    Returns in the process that becomes the command.
    """
    commands: dict[int, tuple[int, int]] = {}  # by the descriptor of the process: its id and where its answer goes
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready != channel.fileno():
                poll.unregister(ready)
                _answer_exit_code(ready, *commands.pop(ready))
                continue
            message, descriptors, _, _ = socket.recv_fds(channel, _MAX_MESSAGE_BYTES, 3)
            if not message:
                os._exit(0)
            out, err, answer = descriptors
            pid = os.fork()
            if not pid:
                channel.close()
                for process, (_, other_answer) in commands.items():
                    os.close(process)
                    os.close(other_answer)
                os.close(answer)
                return _become_command(json.loads(message), out, err)
            os.close(out)
            os.close(err)
            os.write(answer, str(pid).encode())
            process = os.pidfd_open(pid)
            commands[process] = pid, answer
            poll.register(process, select.POLLIN)


def _answer_exit_code(process: int, pid: int, answer: int) -> None:
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):  # nobody waits for it
        os.write(answer, str(os.waitstatus_to_exitcode(status)).encode())
    os.close(answer)
    os.close(process)


def _become_command(request: dict[str, Any], out: int, err: int) -> None:
    """Take the streams, folder, environment, machine and arguments of a command."""
    for descriptor, number in ((out, 1), (err, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    _open_streams(request["environ"].get("PYTHONIOENCODING", "utf-8"))
    Machine.from_json(request["machine"]).prepare()
    sys.argv[1:] = request["arguments"]
    random.seed()
    gc.unfreeze()


def _open_streams(encoding: str) -> None:
    """Open standard output and error as an interpreter does when it starts, for what they are: a file, pipe, terminal.

    On a terminal each line is written at once; to anything else, each line of standard error only.
    """
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _run_command() -> None:
    """Run `reconcile` and end as an interpreter does, without taking apart the modules: that would copy every page."""
    try:
        runpy.run_module("reconciler", run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        if not isinstance(ending.code, int):
            raise
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ending.code)


if __name__ == "__main__":
    _preload()
    _serve_forks(socket.socket(fileno=int(sys.argv[1])))
    _run_command()
