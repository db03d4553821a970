"""The real process: signals, broken pipes, terminals, start-up."""

from __future__ import annotations

import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.command_line import make_environ, run_on_terminal, run_reconcile, write_desired
from tests.support.commands import COMMAND, StartedCommand, Streams, start_reconcile
from tests.support.raw import RawClient


@contextmanager
def unanswering() -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """A server that answers no request until `hang_up` is set: (url, has a request, hang up)."""
    asked, hang_up = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.set()
                    hang_up.wait(30)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked, hang_up
        hang_up.set()
        server.shutdown(socket.SHUT_RDWR)


class PlainAnswer(socketserver.BaseRequestHandler):
    """An answer to a TLS client from a server that does not use TLS."""

    def handle(self) -> None:
        """Read what the client sends first, or the system would reset the connection before the answer is read."""
        self.request.recv(65_536)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def run_program(program: str, folder: Path, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program in Python, in a folder."""
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=make_environ(), capture_output=True, text=True, check=check
    )


@pytest.fixture
def unreachable_url() -> Iterator[str]:
    """The URL of an instance that cannot be reached, for a reason that does not pass: nothing is tried again."""
    with socketserver.TCPServer(("127.0.0.1", 0), PlainAnswer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def started(folder: Path, *arguments: str) -> StartedCommand:
    """Return `reconcile` under way, a context at whose end it is killed."""
    return start_reconcile(folder, *arguments, environ=make_environ())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_the_request_finish_and_reports(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with unanswering() as (url, asked, hang_up), started(write_desired(tmp_path, url).parent, "--dry-run") as process:
        assert asked.wait(20)
        process.send_signal(number)
        RawClient.wait_until(partial(has_written, process, "stopping"))
        time.sleep(0.2)
        assert process.is_running, "the request in flight was not waited for"
        hang_up.set()
        done = process.wait(20)
    assert done.exit_code == code
    assert "home" in done.out, "no report was printed"


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with unanswering() as (url, asked, _), started(write_desired(tmp_path, url).parent) as process:
        assert asked.wait(20)
        process.send_signal(signal.SIGINT)
        RawClient.wait_until(partial(has_written, process, "stopping"))
        process.send_signal(signal.SIGINT)
        assert process.wait(5).exit_code == 130


def test_an_interrupt_while_the_libraries_load_shows_no_traceback(tmp_path: Path) -> None:
    interrupted = """
import sys
from reconciler.cli.main import main

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "reconciler.cli.settings":
            sys.meta_path.remove(self)
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
main()
"""
    done = run_program(interrupted, tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_instance_that_is_unreachable_is_exit_code_1_with_a_json_report(
    tmp_path: Path, unreachable_url: str
) -> None:
    write_desired(tmp_path, unreachable_url)
    ran = run_reconcile(tmp_path, "--dry-run", "--detailed-exitcode", "--output", "json")
    assert ran.exit_code == 1
    assert ran.json["exit_code"] == 1
    assert ran.json["instances"][0]["status"] == "unreachable"
    assert "secret-of-home" not in ran.out + ran.err


def test_status_of_an_instance_that_is_unreachable(tmp_path: Path, unreachable_url: str) -> None:
    write_desired(tmp_path, unreachable_url)
    ran = run_reconcile(tmp_path, "status")
    assert ran.exit_code == 1
    assert ran.out.splitlines()[1].split()[:2] == ["home", "unreachable"]
    assert "its instance could not be read" in ran.out
    assert run_reconcile(tmp_path, "status", "--instance", "x", "--output", "json").json["exit_code"] == 4


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    write_desired(tmp_path)
    ran = run_reconcile(tmp_path, "validate", streams=Streams(out=write_end))
    os.close(write_end)
    assert (ran.exit_code, ran.messages) == (0, "")


def test_a_full_disk_on_standard_output_is_reported(tmp_path: Path) -> None:
    write_desired(tmp_path)
    with Path("/dev/full").open("w") as full:
        ran = run_reconcile(tmp_path, "validate", streams=Streams(out=full.fileno()))
    assert ran.exit_code == 1
    assert ran.messages == "error: the report could not be written to standard output: No space left on device\n"


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("validate", "--help")])
def test_what_a_full_disk_did_not_take_is_one_error_and_no_more_at_exit(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        ran = run_reconcile(tmp_path, *arguments, streams=Streams(out=full.fileno()))
    message = "error: the output could not be written: No space left on device\n"
    assert (ran.exit_code, ran.messages) == (1, message), "the interpreter adds nothing"


@pytest.mark.parametrize(("code", "exit_code"), [(0, 1), (4, 4)])
def test_what_is_still_to_be_written_when_a_command_ends_counts(code: int, exit_code: int) -> None:
    program = f"from reconciler.cli import main; main.run_command_line = lambda _: print() or {code}; main.main()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-E", "-c", program], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (exit_code, b"")


def test_at_the_end_threads_and_exit_handlers_are_waited_for_and_objects_are_not_taken_apart() -> None:
    program = """
import atexit, sys, threading, time
from reconciler.cli import main

class Object:
    def __del__(self):
        print("taken apart")

def finish_late():
    time.sleep(0.1)
    print("thread")

def run(_):
    atexit.register(print, "handler")
    threading.Thread(target=finish_late).start()
    return 3

main.run_command_line = run
kept = Object()
main.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "thread\nhandler\n", "")


def test_what_a_run_has_is_not_freed_before_the_process_ends(tmp_path: Path, unreachable_url: str) -> None:
    write_desired(tmp_path, unreachable_url)
    program = """
import gc
from reconciler.cli.main import run_command_line
from reconciler.model.desired import DesiredState
from reconciler.model.run import Run

run_command_line(["--dry-run", "--output", "json", "--quiet"])
print({DesiredState, Run} <= set(map(type, gc.get_objects())))
"""
    done = run_program(program, tmp_path)
    assert done.stdout.endswith("True\n")


@pytest.mark.parametrize("arguments", [("validate", "-f", "no-such.yaml"), ("validate", "--log-format", "json")])
def test_a_full_standard_error_does_not_change_the_exit_code(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    write_desired(tmp_path)
    with Path("/dev/full").open("w") as full:
        ran = run_reconcile(tmp_path, *arguments, streams=Streams(err=full.fileno()))
    assert ran.exit_code == (4 if "no-such.yaml" in arguments else 0)


def test_a_hangup_followed_at_once_by_a_stop_ends_a_watch(tmp_path: Path) -> None:
    with unanswering() as (url, asked, hang_up):
        folder = write_desired(tmp_path, url).parent
        with started(folder, "--watch", "--interval", "1h", "--state-dir", str(tmp_path / "state")) as process:
            assert asked.wait(20)
            hang_up.set()
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10).exit_code == 0


def test_closed_streams_are_no_error(tmp_path: Path) -> None:
    write_desired(tmp_path)
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *COMMAND, "validate"], cwd=tmp_path, env=make_environ(), check=False
    )
    assert done.returncode == 0


def test_an_ascii_terminal_gets_escaped_characters(tmp_path: Path) -> None:
    (tmp_path / "naïve.yaml").write_text("version: 2\n")
    ran = run_reconcile(tmp_path, "validate", "-f", "naïve.yaml", env={"PYTHONIOENCODING": "ascii"})
    assert ran.exit_code == 4
    assert "na\\xefve.yaml:1:10: error[E040]:" in ran.err


def test_colours_only_on_a_terminal_that_has_them(tmp_path: Path) -> None:
    write_desired(tmp_path)
    assert "\x1b[" in run_on_terminal(tmp_path, "validate", TERM="xterm")
    assert "\x1b[" not in run_on_terminal(tmp_path, "validate", TERM="dumb")
    assert "\x1b[" not in run_reconcile(tmp_path, "validate").out


def test_a_problem_on_a_terminal_shows_its_source_line_without_colours_if_they_are_unwanted(tmp_path: Path) -> None:
    file = write_desired(tmp_path)
    file.write_text(file.read_text().replace("upsert", "sink"))
    output = run_on_terminal(tmp_path, "validate", TERM="xterm", NO_COLOR="1")
    assert output.splitlines()[1:3] == ["    2 | policy: sink", "      |         ^^^^"]
    assert "\x1b[" not in output


def test_progress_appears_in_a_long_run_and_vanishes(tmp_path: Path) -> None:
    with unanswering() as (url, _, hang_up):
        write_desired(tmp_path, url)

        def stop(process: StartedCommand) -> None:
            process.send_signal(signal.SIGTERM)
            hang_up.set()

        output = run_on_terminal(tmp_path, "--dry-run", meanwhile=stop, after="reading home", TERM="xterm")
    assert "reading home" in output
    assert output.rstrip().count("\x1b[?25l") == output.count("\x1b[?25h"), "the cursor stays hidden"
    last = re.split(r"\x1b\[2K", output)[-1]
    assert "reading home" not in last


UNNEEDED_BY_A_RUN = {
    *("apprise", "deepdiff", "humanize", "jinja2", "prometheus_client", "python_multipart", "rich", "starlette"),
    *("structlog", "uvicorn", "watchfiles", "reconciler.ci", "reconciler.demo", "reconciler.intake"),
    *("reconciler.notify", "reconciler.queries", "reconciler.saved", "reconciler.testing", "reconciler.watch"),
    *("reconciler.web", "reconciler.model.doctor", "reconciler.model.explanation", "reconciler.model.notification"),
    *("html", "reconciler.qbittorrent.incremental_session", "reconciler.qbittorrent.row_feed"),
    *("reconciler.desired.messages", "reconciler.desired.salvage", "reconciler.engine.recall", "reconciler.fetch"),
    *("reconciler.model.shard", "reconciler.model.status", "reconciler.qbittorrent.transfers"),
}
UNNEEDED_BY_VALIDATE = UNNEEDED_BY_A_RUN | {
    *("http", "qbittorrentapi", "requests", "sqlite3", "ssl", "urllib3", "reconciler.apply", "reconciler.engine"),
    *("reconciler.health", "reconciler.journal", "reconciler.plan", "reconciler.qbittorrent"),
}
UNNEEDED_BY_THE_VERSION = UNNEEDED_BY_VALIDATE | {
    *("email", "json", "logging", "pydantic", "ruamel", "reconciler.desired", "reconciler.model.plan"),
    "reconciler.report",
}


def test_a_command_loads_no_module_that_it_does_not_need(tmp_path: Path, unreachable_url: str) -> None:
    """A module that every command loads costs each of them its time, which no other test would notice.

    One process runs the commands, each of which needs all that those before it have loaded.
    """
    write_desired(tmp_path, unreachable_url)
    unneeded_by_arguments = {
        ("--version",): UNNEEDED_BY_THE_VERSION,
        ("validate",): UNNEEDED_BY_VALIDATE,
        ("--dry-run", "--output", "json"): UNNEEDED_BY_A_RUN,
    }
    code = f"""
import sys
from reconciler.cli.main import run_command_line

for arguments, unneeded in {unneeded_by_arguments}.items():
    run_command_line(arguments)
    print("loaded by", *arguments, unneeded & set(sys.modules))
"""
    done = run_program(code, tmp_path)
    loaded = [line for line in done.stdout.splitlines() if line.startswith("loaded by")]
    assert loaded == [" ".join(("loaded by", *arguments, "set()")) for arguments in unneeded_by_arguments]


UNNEEDED_BY_A_LOGIN = {"reconciler.apply", "reconciler.engine.context", "reconciler.engine.run", "reconciler.plan"}


def test_a_run_sends_its_login_before_it_loads_what_comes_after(tmp_path: Path, unreachable_url: str) -> None:
    """To plan and apply, a run needs much that it can load while a server takes its time to check the password."""
    write_desired(tmp_path, unreachable_url)
    code = f"""
import sys
from reconciler.cli.main import run_command_line
from reconciler.engine.early_sessions import EarlySessions

begin = EarlySessions.begin

def begin_and_tell(*arguments):
    print("loaded", {UNNEEDED_BY_A_LOGIN} & set(sys.modules))
    begin(*arguments)

EarlySessions.begin = begin_and_tell
run_command_line(["--dry-run"])
print("loaded", {UNNEEDED_BY_A_LOGIN} & set(sys.modules) == {UNNEEDED_BY_A_LOGIN})
"""
    done = run_program(code, tmp_path)
    assert [line for line in done.stdout.splitlines() if line.startswith("loaded")] == ["loaded set()", "loaded True"]


COMMANDS_THAT_WAIT = {
    "": "reading home",
    "--dry-run": "reading home",
    "status": "reading home",
    "status --wait complete": "reading home",
    "status --watch": "reading home",
    "explain t1": "reading home",
    "import": "reading home",
    "doctor": "checking home",
    "snapshot": "reading home",
    "init --yes --url {url} --password-file pw --out new.yaml": "reading home",
    "status --url {url}": "reading {url}/api/v1/status",
    "add {url}/t.torrent": "fetching 1 torrent from {host}",
}


def test_a_command_without_a_terminal_says_what_it_waits_for(tmp_path: Path) -> None:
    with unanswering() as (url, _, _), ExitStack() as stack:
        write_desired(tmp_path, url)
        (tmp_path / "pw").write_text("secret\n")
        names = {"url": url, "host": url.removeprefix("http://")}
        processes = [
            stack.enter_context(start_reconcile(tmp_path, *command.format(**names).split(), environ=make_environ()))
            for command in COMMANDS_THAT_WAIT
        ]
        for process, text in zip(processes, COMMANDS_THAT_WAIT.values(), strict=True):
            RawClient.wait_until(partial(has_written, process, f"waiting: {text.format(**names)}\n"))


def has_written(process: StartedCommand, text: str) -> bool:
    """Return True once it has written a text to standard error."""
    assert process.is_running, process.describe_state()
    return text in process.err
