"""A page of the documentation, carried out as a reader would: files written, commands run, output compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from reconciler.demo.servers import QbittorrentServer
from tests.support.commands import CommandResult, StartedCommand, run_reconcile, start_reconcile
from tests.support.docs_pages import Block, CommandLine, read_blocks, read_command_lines, split_commands
from tests.support.inbox import Inbox

SESSIONS: Final = frozenset(
    {
        "README.md",
        "docs/tutorial.md",
        "docs/import.md",
        "docs/cli.md",
        "docs/http.md",
        "docs/rest.md",
        "docs/desired-state.md",
        *(f"docs/{name}.md" for name in ("diff", "groups", "journal", "notifications", "watch")),
        *(f"docs/how-to/{name}.md" for name in ("kubernetes", "prune-safely", "several-instances", "sidecar", "vpn")),
        *(f"docs/how-to/from-{name}.md" for name in ("flexget", "qbit-manage", "qui")),
    }
)
"""The pages whose commands are carried out on real servers, in their order."""
_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
_SETTING: Final = re.compile(r"(\w+)=(.*)")


class DocsSession:
    """The folder, the environment and the servers of one page. Its addresses stand for those of the servers.

    A value `…` in a command stands for one that the session knows: a password, or the hash in the last report.
    """

    def __init__(self, folder: Path, servers: Mapping[str, QbittorrentServer], environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.servers = servers
        self.started: list[StartedCommand] = []
        self._environ = {**os.environ, **environ, "HOME": str(folder)}
        self._environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._addresses = {address: server.url for address, server in servers.items()}
        self.inbox: Inbox | None = None
        self._last = CommandResult(0, "", "")
        self._is_checked = True
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def replace_address(self, address: str, real: str) -> None:
        """Let an address of the page stand for another one."""
        self._addresses[address] = real

    def open_inbox(self, address: str) -> Inbox:
        """Let an address of the page stand for a web server that takes what is posted to it."""
        self.inbox = self._stack.enter_context(Inbox())
        self.replace_address(address, self.inbox.url)
        return self.inbox

    def write(self, name: str, text: str) -> None:
        """Write a file of the page."""
        (self.folder / name).write_text(self._to_real(text), encoding="utf-8")

    def ask(self, url: str) -> int:
        """Return the status of a GET request, or 0 if nothing answers."""
        try:
            return requests.get(self._to_real(url), timeout=5).status_code
        except requests.ConnectionError:
            return 0

    def run(self, command: CommandLine) -> None:
        """Carry out a command line, and compare its output with what the page shows."""
        if command.text == "echo $?":
            assert command.shown.strip() == str(self._last.exit_code), f"{command.block}: {self._last}"
            self._is_checked = True
            return
        self.check_exit_code(command)
        if command.text.startswith("export "):
            settings = [_SETTING.fullmatch(word) for word in shlex.split(command.text)[1:]]
            self._environ |= {setting[1]: setting[2] for setting in settings if setting and setting[2] != "…"}
            return
        self._last = self._execute(self._to_real(command.text))
        self._is_checked = False
        compare_output(command, self._to_shown(f"{self._last.out}\n{self._last.err}"))

    def check_exit_code(self, where: object) -> None:
        """Fail if the last command has failed and the page does not say so."""
        assert self._is_checked or self._last.exit_code == 0, f"before {where}: {self._last}"

    def _execute(self, text: str) -> CommandResult:
        """Run a command line: in a fork if it only calls `reconcile`, else in a shell."""
        plain, _, target = text.partition(" > ")
        words = shlex.split(plain)
        settings = [word for word in words if _SETTING.fullmatch(word)]
        arguments = words[len(settings) :]
        if arguments[:1] != ["reconcile"] or len(split_commands(plain)) != 1 or re.search(r"[<>|$]", plain + target):
            done = subprocess.run(
                ["bash", "-c", text], cwd=self.folder, env=self._environ, capture_output=True, text=True
            )
            return CommandResult(done.returncode, done.stdout, done.stderr)
        known = {setting.partition("=")[0] for setting in settings}
        assert all(setting.endswith("=…") for setting in settings) and known <= self._environ.keys(), text
        options = [argument for argument in arguments[1:] if argument != "&"]
        if options != arguments[1:] or options[:1] == ["--watch"]:
            command = start_reconcile(self.folder, *options, environ=self._environ)
            self.started.append(self._stack.enter_context(command))
            return CommandResult(0, "", "")
        done_here = run_reconcile(self.folder, *options, environ=self._environ)
        if target:
            (self.folder / target.replace("~", str(self.folder))).write_text(done_here.out)
        return done_here

    def _to_real(self, text: str) -> str:
        for address, real in self._addresses.items():
            text = text.replace(address, real)
        if "sha256:…" in text:
            (last,) = set(_HASH.findall(self._last.out))
            text = text.replace("sha256:…", last)
        return text

    def _to_shown(self, text: str) -> str:
        for address, real in self._addresses.items():
            text = text.replace(real, address)
        return text


def compare_output(command: CommandLine, actual: str) -> None:
    """Fail if a line that the page shows is not in the output, in this order. `…` stands for anything."""
    rest = iter([_normalize(line) for line in actual.splitlines()])
    for line in filter(None, map(_normalize, command.shown.splitlines())):
        if line == "…":
            continue
        pattern = re.compile(r".*".join(re.escape(text.strip()) for text in line.split("…")) + r"\s*")
        seen = any(pattern.fullmatch(candidate) for candidate in rest)
        assert seen, f"{command.block}: $ {command.text}\nno line is: {line}\n\n{actual}"


def _normalize(line: str) -> str:
    return " ".join(line.split())


def read_steps(page: str) -> list[Block]:
    """Return the blocks of a page that a reader carries out."""
    return [block for block in read_blocks(page) if block.title or block.language in ("console", "sh", "test")]


def list_command_lines(page: str) -> list[CommandLine]:
    """Return every command line of a page."""
    return [command for block in read_blocks(page) for command in read_command_lines(block)]
