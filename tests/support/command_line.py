"""The real command as a process, with a clean environment."""

from __future__ import annotations

import json
import os
import pty
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import commands
from tests.support.commands import StartedCommand, Streams, start_reconcile

VALID: Final = """\
version: 1
policy: upsert
instances:
  home: {{url: "{url}", username: admin, password: {{env: HOME_PASSWORD}}}}
torrents:
  - magnet: magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel
    category: films
"""
NOWHERE: Final = "http://127.0.0.1:9"  # a port that nobody listens on


@dataclass(frozen=True)
class JsonCommandResult(commands.CommandResult):
    """The exit code and the output of a process."""

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


def make_environ(**more: str) -> dict[str, str]:
    """The environment without what could change a report, plus what is given."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("RECONCILE_", "GITHUB_", "NO_COLOR"))
    }
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "HOME_PASSWORD": "secret-of-home", **more}


def run_reconcile(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, streams: Streams | None = None
) -> JsonCommandResult:
    """Run `reconcile` in a folder."""
    environ = make_environ(**(env or {}))
    done = commands.run_reconcile(folder, *arguments, environ=environ, timeout=60, streams=streams)
    return JsonCommandResult(done.exit_code, done.out, done.err)


def write_desired(folder: Path, url: str = NOWHERE, name: str = "desired.yaml") -> Path:
    """A valid desired state for one instance."""
    file = folder / name
    file.write_text(VALID.format(url=url), encoding="utf-8")
    return file


def run_on_terminal(
    folder: Path,
    *arguments: str,
    meanwhile: Callable[[StartedCommand], None] | None = None,
    after: str = "",
    **env: str,
) -> str:
    """Run `reconcile` on a terminal and return what it writes, both streams together.

    `meanwhile` is called with the process: at once, or as soon as it has written the text `after`.
    """
    main, side = pty.openpty()
    with start_reconcile(folder, *arguments, environ=make_environ(**env), streams=Streams(side, side)) as command:
        os.close(side)
        output = b""
        while True:
            if meanwhile and after.encode() in output:
                threading.Thread(target=meanwhile, args=(command,), daemon=True).start()
                meanwhile = None
            try:
                piece = os.read(main, 65_536)
            except OSError:  # Linux says so when the other side has closed
                break
            if not piece:
                break
            output += piece
        command.wait(60)
    os.close(main)
    return output.decode()
