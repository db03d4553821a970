"""The options as data, the failure that ends a command, and the standard streams."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Problem
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.model.shard import Shard
    from reconciler.model.status import Pagination, TorrentFilter


DEFAULT_FILE = Path("desired.yaml")
COMPLETION_VARIABLE: Final = "_RECONCILE_COMPLETE"  # set by completion scripts when they ask for completions
_DEFAULT_TERMINAL_WIDTH = 80  # columns, if the terminal does not know
_MIN_TERMINAL_WIDTH = 20


class OutputFormat(StrEnum):
    """Formats of the report."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"


class LogFormat(StrEnum):
    """Formats of the log."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Options that commands share.

    `secrets_for` lists the secrets that the desired state may use; `export_folders`: where it may export to.
    `new_file`: the file that the command is about to write, which the desired state may include already.
    """

    files: tuple[Path, ...] = ()
    output: OutputFormat = OutputFormat.TEXT
    instances: tuple[str, ...] = ()
    log_format: LogFormat = LogFormat.TEXT
    verbose: bool = False
    quiet: bool = False
    state_dir: Path | None = None
    secrets_for: Path | None = None
    export_folders: tuple[Path, ...] = ()
    new_file: Path | None = None


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Options of a run or a watch."""

    dry_run: bool = False
    detailed_exitcode: bool = False
    strict: bool = False
    report: Path | None = None
    accept_plan: str | None = None
    expect_plan: str | None = None
    out: Path | None = None
    live: Path | None = None
    take_over: bool = False
    retry_login: bool = False
    wait: float = 0.0  # seconds
    interval: float | None = None  # seconds, with --watch
    shard: Shard | None = None
    notify: tuple[Secret, ...] = ()
    notify_file: Path | None = None
    listen: str | None = None
    token_file: Path | None = None
    public_read: bool = False
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusSettings:
    """Options of `status`. Times are in seconds; without `timeout` it waits forever."""

    selection: TorrentFilter
    page: Pagination
    watch: bool
    interval: float
    wait: bool
    timeout: float | None


class CommandFailure(Exception):
    """The end of a command without a report: a message, an exit code, and the problems of the desired state.

    `detail_lines` are shown verbatim below the message, for copying.
    """

    def __init__(
        self,
        message: str,
        exit_code: int,
        problems: Sequence[Problem] = (),
        detail_lines: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.problems = problems
        self.detail_lines = detail_lines


def should_use_colour(stream: TextIO) -> bool:
    """True if the stream is a terminal with colours and `NO_COLOR` is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def measure_terminal(stream: TextIO) -> int | None:
    """Return the columns of the terminal that the stream writes to, or None if it is none.

    As in other programs, `COLUMNS` overrides what the terminal says.
    """
    if not stream.isatty():
        return None
    try:
        size = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        size = 0
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isascii() and columns.isdigit() else size
    return max(width or _DEFAULT_TERMINAL_WIDTH, _MIN_TERMINAL_WIDTH)


def can_replace_lines(stream: TextIO) -> bool:
    """True if the stream is a terminal on which lines can be replaced."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def settings_from_argv(arguments: Sequence[str]) -> Settings:
    """Return the settings for reporting a failure, read from arguments that may be invalid."""
    output, log_format = _read_option(arguments, "output"), _read_option(arguments, "log-format")
    verbose = any(argument == "--verbose" or re.match(r"-[a-z]*v", argument) for argument in arguments)
    return Settings(
        output=OutputFormat(output) if output in list(OutputFormat) else OutputFormat.TEXT,
        log_format=LogFormat(log_format) if log_format in list(LogFormat) else LogFormat.TEXT,
        verbose=verbose or os.environ.get("RECONCILE_VERBOSE", "").lower() in ("1", "true", "yes", "on"),
    )


def _read_option(arguments: Sequence[str], name: str) -> str:
    value = os.environ.get(f"RECONCILE_{name.upper().replace('-', '_')}", "")
    for argument, following in pairwise([*arguments, ""]):
        if argument == f"--{name}":
            value = following
        elif argument.startswith(f"--{name}="):
            value = argument.partition("=")[2]
    return value


def ensure_std_streams() -> None:
    """Make closed standard streams, and encodings without our characters, harmless."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        else:
            stream.reconfigure(errors="backslashreplace")


def tolerate_full_stderr() -> None:
    """Lose what standard error cannot take (a full disk, a closed pipe), so that it costs no report."""
    if sys.stderr is not None:
        buffer = io.BufferedWriter(_TolerantFile(sys.stderr.fileno(), "w", closefd=False))
        sys.stderr = io.TextIOWrapper(buffer, sys.stderr.encoding, "backslashreplace", line_buffering=True)


class _TolerantFile(io.FileIO):
    def write(self, data: Any, /) -> int:
        """Write the data, or lose it."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def flush_stdout() -> bool:
    """Flush standard output, and return False if it cannot take the rest; the interpreter's own flush is then quiet."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
