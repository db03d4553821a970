"""The story that `reconcile demo` tells: the main job, from an empty instance to drift and pruning, for real.

Two throwaway qBittorrent servers of different versions are started on the addresses that `examples/desired.yaml`
names. Every step runs the real command in a process of its own, as a user would.
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

from reconciler.cli.settings import should_use_colour
from reconciler.demo.packages import ServerSetupError
from reconciler.demo.servers import QbittorrentServer, choose_versions
from reconciler.desired import load
from reconciler.model.desired import DesiredState
from reconciler.qbittorrent import Session

USERNAME = "admin"


def run_demo(keep: bool) -> int:
    """Tell the story; 0 if every step ended as it should. With `keep_servers_running` the servers stay until Ctrl-C."""
    console = Console(highlight=False, soft_wrap=True, color_system="auto" if should_use_colour(sys.stdout) else None)
    folder = Path(tempfile.mkdtemp(prefix="reconcile-demo-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            story = _prepare_story(folder, stack, console)
            story.run_steps()
        except (ServerSetupError, DemoStepError) as error:
            console.print(f"[bold red]the demo stopped:[/] {error}")
            return 1
        if keep:
            story.keep_servers_running()
    return 0


class DemoStepError(Exception):
    """A step of the story did not end as it should."""


class DemoStory:
    """The steps, told on a console."""

    def __init__(self, folder: Path, file: Path, servers: Mapping[str, QbittorrentServer], console: Console) -> None:
        self._folder = folder
        self._file = file
        self._servers = servers
        self._console = console
        self._step = 0

    def run_steps(self) -> None:
        """All steps, in order."""
        self._print_step("What would happen? A dry-run changes nothing.")
        self._run_reconcile("--dry-run")
        self._print_step("Make it so.")
        self._run_reconcile()
        self._print_step("Once more: everything agrees, so nothing is sent.")
        self._run_reconcile("--dry-run", "--detailed-exitcode")
        self._cause_drift()
        self._print_step("A dry-run sees the drift, and tells a script so with exit code 2.")
        self._run_reconcile("--dry-run", "--detailed-exitcode", expected_code=2)
        self._print_step("A run heals it.")
        self._run_reconcile()
        self._remove_entry()
        self._print_step("What is ours and no longer declared goes; its downloaded data stays.")
        self._run_reconcile()
        self._print_step("And once more: nothing to do.")
        self._run_reconcile("--dry-run", "--detailed-exitcode")

    def keep_servers_running(self) -> None:
        """Leave the servers running, with all that is needed to look at them, until a signal comes."""
        for name, server in self._servers.items():
            self._console.print(f"[bold]{name}[/]: {server.url}  user {server.username}  password {server.password}")
        self._console.print(f"desired state: {self._file}\nCtrl-C ends the demo and removes everything.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self._console.print("bye")

    def _print_step(self, line: str) -> None:
        self._step += 1
        self._console.print(f"\n[bold cyan]{self._step}. {escape(line)}[/]")

    def _run_reconcile(self, *options: str, expected_code: int = 0) -> None:
        shown = " ".join(("reconcile", "-f", self._file.name, *options))
        self._console.print(f"[dim]$ {shown}[/]")
        command = (sys.executable, "-m", "reconciler", "-f", self._file.name, *options)
        code = subprocess.run(command, cwd=self._file.parent, env=self._build_environ(), check=False).returncode
        if code != expected_code:
            raise DemoStepError(f"`{shown}` ended with exit code {code}, not {expected_code}")

    def _build_environ(self) -> dict[str, str]:
        return {**build_environ(self._servers), "RECONCILE_STATE_DIR": str(self._folder / "state")}

    def _cause_drift(self) -> None:
        """Do by hand what a person with a browser would: change what is declared, on the first instance."""
        self._print_step(
            "Somebody changes things by hand in qBittorrent: another category, stopped where it should run."
        )
        desired = _load_desired(self._file, self._build_environ())
        name, entries = _find_busiest(desired)
        with Session(desired.instances[name]) as session:
            torrents = [live for live in session.read_snapshot().torrents if live.infohashes in entries]
            first, others = torrents[0], torrents[1:]
            session.create_category("misplaced", "")
            session.set_category([first.id], "misplaced")
            turned = [live for live in others if not live.stopped] or [first]
            session.stop_torrents([turned[0].id])
            while not session.read_torrents([turned[0].id])[0].stopped:
                time.sleep(0.1)  # the state shows it with the server's next refresh, 1.5 s later at most
        self._console.print(f"  {name}: {first.name} → category misplaced; {turned[0].name} → stopped")

    def _remove_entry(self) -> None:
        """Edit the desired state as a commit would: its last torrent goes."""
        text = self._file.read_text(encoding="utf-8")
        desired = _load_desired(self._file, self._build_environ())
        doomed = max((entry for entry in desired.torrents if not entry.protect), key=lambda entry: entry.position)
        lines = text.splitlines(keepends=True)
        start = doomed.position.line - 1
        end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith("    ")), len(lines))
        self._file.write_text("".join(lines[:start] + lines[end:]), encoding="utf-8")
        self._print_step(f"A commit removes {doomed.label} from the desired state.")
        for line in lines[start:end]:
            self._console.print(f"[red]- {escape(line.rstrip())}[/]")


def build_environ(servers: Mapping[str, QbittorrentServer]) -> dict[str, str]:
    """The environment in which the example's passwords are those of the servers."""
    return {**os.environ, **{_make_variable_name(name): server.password for name, server in servers.items()}}


def _prepare_story(folder: Path, stack: ExitStack, console: Console) -> DemoStory:
    """Copy the example and start a server on each address it names."""
    file = folder / "desired.yaml"
    file.write_text(read_example(), encoding="utf-8")
    passwords = {name: secrets.token_urlsafe(9) for name in ("home", "seedbox")}
    desired = _load_desired(file, {_make_variable_name(name): password for name, password in passwords.items()})
    versions = choose_versions(len(desired.instances))
    servers = {}
    for (name, instance), version in zip(desired.instances.items(), versions, strict=True):
        port = urlsplit(instance.url).port
        console.print(f"Starting a throwaway qBittorrent {version or ''} for {name} …", end=" ")
        server = QbittorrentServer(version, port=port, username=USERNAME, password=passwords[name])
        servers[name] = stack.enter_context(server)
        console.print(f"{server.version} at {server.url}")
    return DemoStory(folder, file, servers, console)


def read_example() -> str:
    """The text of `examples/desired.yaml`: beside the code in a checkout, inside the package when installed."""
    packaged = resources.files("reconciler.demo") / "desired.yaml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "examples" / "desired.yaml").read_text(encoding="utf-8")


def _make_variable_name(name: str) -> str:
    return f"{name.upper()}_PASSWORD"


def _load_desired(file: Path, environ: Mapping[str, str]) -> DesiredState:
    return load([file], environ)


def _find_busiest(desired: DesiredState) -> tuple[str, Sequence[object]]:
    """The instance with the most torrents, and their infohashes."""
    by_name = {
        name: [e.infohashes for e in desired.torrents if e.instance == name and not e.absent]
        for name in desired.instances
    }
    name = max(by_name, key=lambda key: len(by_name[key]))
    return name, by_name[name]
