"""`reconcile demo`: the main features step by step, from empty instances to drift and pruning.

Two throwaway qBittorrent servers of different versions start on the addresses in `examples/desired.yaml`. Every step
runs the real command in a separate process, as a user would.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from reconciler.cli.console import make_rich_console
from reconciler.demo.packages import ServerSetupError
from reconciler.demo.servers import QbittorrentServer, ServerSettings, choose_versions
from reconciler.desired import load
from reconciler.model.desired import DesiredState
from reconciler.qbittorrent import Session

USERNAME = "admin"


def run_demo(keep: bool) -> int:
    """Run the demo and return 0 if every step succeeds. With `keep` the servers then run until Ctrl-C."""
    console = make_rich_console(sys.stdout, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="reconcile-demo-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            story = _prepare_story(folder, stack, console)
            story.run_steps()
        except (ServerSetupError, DemoStepError) as error:
            console.print(f"[bold red]The demo stopped:[/] {escape(str(error))}")
            return 1
        if keep:
            story.keep_servers_running()
    return 0


class DemoStepError(Exception):
    """A step of the demo ended with an unexpected exit code."""


class DemoStory:
    """The steps of the demo, with their output on a console."""

    def __init__(self, folder: Path, file: Path, servers: Mapping[str, QbittorrentServer], console: Console) -> None:
        self._folder = folder
        self._file = file
        self._servers = servers
        self._console = console
        self._step = 0

    def run_steps(self) -> None:
        """Run all steps in order."""
        self._print_step("Show the plan. A dry-run changes nothing.")
        self._run_reconcile("--dry-run")
        self._print_step("Apply it.")
        self._run_reconcile()
        self._print_step("Show the plan again: both instances are in sync.")
        self._run_reconcile("--dry-run", "--detailed-exitcode")
        self._cause_drift()
        self._print_step("A dry-run shows the drift. Exit code 2 reports it to scripts.")
        self._run_reconcile("--dry-run", "--detailed-exitcode", expected_code=2)
        self._print_step("A run corrects the drift.")
        self._run_reconcile()
        self._remove_entry()
        self._print_step(
            "A run deletes the torrent, because we own it and no longer declare it. Its downloaded data stays."
        )
        self._run_reconcile()
        self._print_step("Show the plan again: nothing to do.")
        self._run_reconcile("--dry-run", "--detailed-exitcode")

    def keep_servers_running(self) -> None:
        """Print the addresses and credentials of the servers, and wait for Ctrl-C."""
        for name, server in self._servers.items():
            self._console.print(
                f"[bold]{name}[/]: {server.url}  user: {server.username}  password: {escape(server.password)}"
            )
        self._console.print(f"Desired state: {self._file}\nPress Ctrl-C to end the demo and remove everything.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self._console.print("The demo has ended.")

    def _print_step(self, text: str) -> None:
        self._step += 1
        self._console.print(f"\n[bold cyan]{self._step}. {escape(text)}[/]")

    def _run_reconcile(self, *options: str, expected_code: int = 0) -> None:
        command_text = " ".join(("reconcile", "-f", self._file.name, *options))
        self._console.print(f"[dim]$ {command_text}[/]")
        command = (sys.executable, "-m", "reconciler", "-f", self._file.name, *options)
        code = subprocess.run(command, cwd=self._file.parent, env=self._build_environ(), check=False).returncode
        if code != expected_code:
            raise DemoStepError(f"`{command_text}` ended with exit code {code} instead of {expected_code}")

    def _build_environ(self) -> dict[str, str]:
        return {**build_environ(self._servers), "RECONCILE_STATE_DIR": str(self._folder / "state")}

    def _cause_drift(self) -> None:
        """Change two torrents on the instance with the most, as a person would in the Web UI."""
        self._print_step("Someone changes two torrents in the Web UI of qBittorrent. This is called drift.")
        desired = _load_desired(self._file, self._build_environ())
        name, entries = _find_busiest(desired)
        with Session(desired.instances[name]) as session:
            torrents = [torrent for torrent in session.read_snapshot().torrents if torrent.infohashes in entries]
            first, others = torrents[0], torrents[1:]
            session.create_category("misplaced", "")
            session.set_category([first.id], "misplaced")
            stopped = next((torrent for torrent in others if not torrent.stopped), first)
            session.stop_torrents([stopped.id])
            while not session.read_torrents([stopped.id])[0].stopped:
                time.sleep(0.1)  # the server refreshes its state every 1.5 s
        self._console.print(
            f"  {name}: moved {escape(first.name)} to the category misplaced, and stopped {escape(stopped.name)}"
        )

    def _remove_entry(self) -> None:
        """Remove the last torrent from the desired state, as a commit would."""
        text = self._file.read_text(encoding="utf-8")
        desired = _load_desired(self._file, self._build_environ())
        removed = max((entry for entry in desired.torrents if not entry.protect), key=lambda entry: entry.position)
        lines = text.splitlines(keepends=True)
        start = removed.position.line - 1
        end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith("    ")), len(lines))
        self._file.write_text("".join(lines[:start] + lines[end:]), encoding="utf-8")
        self._print_step(f"A commit removes {removed.label} from the desired state.")
        for line in lines[start:end]:
            self._console.print(f"[red]- {escape(line.rstrip())}[/]")


def build_environ(servers: Mapping[str, QbittorrentServer]) -> dict[str, str]:
    """Return the environment with the passwords of the servers in the variables of the example."""
    return {**os.environ, **{_make_variable_name(name): server.password for name, server in servers.items()}}


def _prepare_story(folder: Path, stack: ExitStack, console: Console) -> DemoStory:
    """Copy the example and start a server on each address in it."""
    file = folder / "desired.yaml"
    file.write_text(read_example(), encoding="utf-8")
    passwords = {name: secrets.token_urlsafe(9) for name in ("home", "seedbox")}
    desired = _load_desired(file, {_make_variable_name(name): password for name, password in passwords.items()})
    versions = choose_versions(len(desired.instances))
    servers = {}
    for (name, instance), version in zip(desired.instances.items(), versions, strict=True):
        port = urlsplit(instance.url).port
        console.print(f"Starting a throwaway qBittorrent {version or ''} for {name} …", end=" ")
        server = QbittorrentServer(version, ServerSettings(port=port, username=USERNAME, password=passwords[name]))
        servers[name] = stack.enter_context(server)
        console.print(f"{server.version} at {server.url}")
    return DemoStory(folder, file, servers, console)


def read_example() -> str:
    """Return the text of `examples/desired.yaml`, which is in the package if it is installed."""
    packaged = resources.files("reconciler.demo") / "desired.yaml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "examples" / "desired.yaml").read_text(encoding="utf-8")


def _make_variable_name(name: str) -> str:
    return f"{name.upper()}_PASSWORD"


def _load_desired(file: Path, environ: Mapping[str, str]) -> DesiredState:
    return load([file], environ)


def _find_busiest(desired: DesiredState) -> tuple[str, Sequence[object]]:
    """Return the instance with the most torrents, and their infohashes."""
    by_name = {
        name: [entry.infohashes for entry in desired.torrents if entry.instance == name and not entry.absent]
        for name in desired.instances
    }
    name = max(by_name, key=lambda key: len(by_name[key]))
    return name, by_name[name]
