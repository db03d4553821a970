"""A user's folder: a desired state in it, and the real command run on it as a process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import commands
from tests.support.magnets import make_magnet


@dataclass(frozen=True)
class ReportedRun(commands.CommandResult):
    """The result of one run of the command."""

    @property
    def summary(self) -> dict[str, int]:
        """The counts of the report that are not zero."""
        return {key: count for key, count in self.report["summary"].items() if count}

    def instance(self, name: str = "box") -> dict[str, Any]:
        """One instance's share of the report."""
        return next(instance for instance in self.report["instances"] if instance["name"] == name)

    def actions(self, name: str = "box") -> list[str]:
        """The actions of an instance, one line each: `verb name field,field outcome`."""
        return [
            " ".join((a["verb"], a["name"], ",".join(c["field"] for c in a["changes"]) or "-", a["outcome"]))
            for a in self.instance(name)["actions"]
        ]


class Home:
    """A folder with `desired.yaml`, and passwords in the environment. Its end ends each command that still runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {}
        self._instances: list[str] = []
        self._started = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._started.close()

    @property
    def file(self) -> Path:
        """The desired state."""
        return self.folder / "desired.yaml"

    @property
    def full_environ(self) -> dict[str, str]:
        """The environment of the command."""
        return {**os.environ, **self.environ}

    def add_instance(self, url: str, username: str, password: str, name: str = "box", more: str = "") -> None:
        """Name an instance for every desired state written from now on. `more`: further keys, a line each."""
        variable = f"{name.upper()}_PASSWORD"
        self.environ[variable] = password
        self._instances.append(
            f"  {name}:\n    url: {url}\n    username: {username}\n    password: {{env: {variable}}}\n"
            "    timeout: {connect: 2s, read: 20s}\n" + "".join(f"    {line}\n" for line in more.splitlines())
        )

    def write(self, *torrents: str, policy: str = "sync", head: str = "") -> None:
        """Write the desired state: each torrent as flow YAML or a block; `head`: further top-level lines."""
        entries = "".join(f"  - {entry}\n" for entry in torrents) if torrents else ""
        listed = f"torrents:\n{entries}" if entries else "torrents: []\n"
        text = f"version: 1\nowner: home\npolicy: {policy}\n{head}\ninstances:\n{''.join(self._instances)}{listed}"
        self.file.write_text(text)

    def run(self, *options: str, environ: Mapping[str, str] | None = None) -> ReportedRun:
        """`reconcile --output json OPTIONS` to its end."""
        return self.run_arguments("--output", "json", *options, environ=environ)

    def run_arguments(self, *arguments: str, environ: Mapping[str, str] | None = None) -> ReportedRun:
        """`reconcile ARGUMENTS` as a person types it, to its end."""
        done = commands.run_reconcile(self.folder, *arguments, environ={**self.full_environ, **(environ or {})})
        return ReportedRun(done.exit_code, done.out, done.err)

    def start(self, *options: str) -> commands.StartedCommand:
        """`reconcile --output json OPTIONS` under way, for tests that interrupt it. It ends with this context."""
        command = commands.start_reconcile(self.folder, "--output", "json", *options, environ=self.full_environ)
        return self._started.enter_context(command)


def make_entry(number: int, **keys: object) -> str:
    """An entry with a made-up magnet as flow YAML; values are written as JSON, which is YAML."""
    pairs = [f'"{key}": {json.dumps(value)}' for key, value in {"magnet": make_magnet(number), **keys}.items()]
    return "{" + ", ".join(pairs) + "}"


def make_entries(count: int, **keys: object) -> Iterator[str]:
    """Return entries for many torrents, all with the same keys."""
    return (make_entry(number, **keys) for number in range(count))
