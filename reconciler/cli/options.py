"""The options of every command, declared once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reconciler import __version__
from reconciler.cli.settings import Failure, LogFormat, Output, Settings

if TYPE_CHECKING:
    from reconciler.model.shard import Shard


_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
_FILE: Final = "Desired state: a YAML file, or a folder of them. Repeatable. [default: desired.yaml]"
_OUTPUT: Final = "Report as text, json, markdown or github. [default: text]"
_INSTANCE: Final = "Only this instance. Repeatable. [default: all]"
_LOG: Final = "Log on standard error as text or json. [default: text]"
_STATE: Final = "Where the journal is kept. [default: $XDG_STATE_HOME/reconcile]"
_VERBOSE: Final = "Log what happens in more detail."
_QUIET: Final = "Log errors only, and show no progress."


def _option(
    *flags: str, text: str, metavar: str | None = None, callback: Callable[..., Any] | None = None, main: bool = True
) -> Any:
    """An option. The main command reads the environment too, and it alone: so what follows a command's name wins."""
    variable = "RECONCILE_" + flags[0].lstrip("-").upper().replace("-", "_")
    return typer.Option(
        *flags,
        help=text,
        metavar=metavar,
        callback=callback,
        envvar=variable if main else None,
        show_envvar=False,
        show_default=False,
    )


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"reconcile {__version__}")
        raise typer.Exit(0)


def _checked_hash(text: str | None) -> str | None:
    if text is not None and not _HASH.fullmatch(text.strip()):
        raise Failure("--accept-plan: a plan's hash is sha256: and 64 hex digits, as the refused plan shows it", 4)
    return text and text.strip()


def shard(text: str | None) -> Shard | None:
    """The share of one process of several. Raises `Failure`."""
    from reconciler.model.shard import Shard

    try:
        return Shard.parse(text) if text else None
    except ValueError as error:
        raise Failure(f"--shard: {error}", 4) from error


def seconds(text: str, option: str = "--interval") -> float:
    """A duration as the desired state has it. Raises `Failure`."""
    from reconciler.desired.schema.common import duration

    try:
        return float(str(duration(text.strip())))
    except ValueError as error:
        raise Failure(f"{option}: {error}; write it like 60s, 5m or 1h", 4) from error


File = Annotated[list[Path] | None, _option("--file", "-f", metavar="PATH", text=_FILE)]
DryRun = Annotated[bool, _option("--dry-run", text="Show what would be done and change nothing.")]
DetailedExitcode = Annotated[
    bool, _option("--detailed-exitcode", text="With --dry-run: exit code 2 when there are changes.")
]
OutputForm = Annotated[Output, _option("--output", metavar="FORM", text=_OUTPUT)]
ReportFile = Annotated[Path | None, _option("--report", metavar="FILE", text="Also write the JSON report there.")]
InstanceNames = Annotated[list[str] | None, _option("--instance", metavar="NAME", text=_INSTANCE)]
AcceptPlan = Annotated[
    str | None,
    _option(
        "--accept-plan",
        metavar="HASH",
        callback=_checked_hash,
        text="Approve exactly the plan with this hash, which the guard has refused.",
    ),
]
TakeOver = Annotated[bool, _option("--take-over", text="Make declared torrents of another owner ours.")]
Wait = Annotated[
    str | None,
    _option("--wait", metavar="TIME", text="Wait that long, as in 5m, for what is pending to find its place."),
]
Watching = Annotated[bool, _option("--watch", text="Stay, and run again and again: see --interval.")]
Interval = Annotated[
    str | None,
    _option("--interval", metavar="TIME", text="With --watch: time from run to run, as in 60s or 5m. [default: 60s]"),
]
ShardOf = Annotated[
    str | None,
    _option("--shard", metavar="INDEX/COUNT", text="Only this process's share of the instances; INDEX counts from 0."),
]
Notify = Annotated[
    list[str] | None,
    _option("--notify", metavar="URL", text="With --watch: say there what changed and what is wrong. Repeatable."),
]
NotifyFile = Annotated[
    Path | None, _option("--notify-file", metavar="FILE", text="With --watch: a file of such URLs, one a line.")
]
Listen = Annotated[
    str | None,
    _option("--listen", metavar="ADDRESS", text="With --watch: serve health, metrics and a page on HOST:PORT."),
]
TokenFile = Annotated[
    Path | None,
    _option("--token-file", metavar="PATH", text="With --listen: the token that a request for a run must bear."),
]
StateDir = Annotated[Path | None, _option("--state-dir", metavar="DIR", text=_STATE)]
LogForm = Annotated[LogFormat, _option("--log-format", metavar="FORM", text=_LOG)]
Verbose = Annotated[bool, _option("--verbose", "-v", text=_VERBOSE)]
Quiet = Annotated[bool, _option("--quiet", "-q", text=_QUIET)]
Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]

# The same options after a command's name. What is not given there holds as given before it.
OwnFile = Annotated[list[Path] | None, _option("--file", "-f", metavar="PATH", text=_FILE, main=False)]
OwnOutput = Annotated[Output | None, _option("--output", metavar="FORM", text=_OUTPUT, main=False)]
OwnInstances = Annotated[list[str] | None, _option("--instance", metavar="NAME", text=_INSTANCE, main=False)]
OwnStateDir = Annotated[Path | None, _option("--state-dir", metavar="DIR", text=_STATE, main=False)]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Show so many runs at most.")]
OfTorrent = Annotated[
    str | None,
    _option(
        "--torrent", metavar="TORRENT", text="Only what concerns it: its name, or how its infohash begins.", main=False
    ),
]
OwnLogForm = Annotated[LogFormat | None, _option("--log-format", metavar="FORM", text=_LOG, main=False)]
OwnVerbose = Annotated[bool, _option("--verbose", "-v", text=_VERBOSE, main=False)]
LoopAddress = Annotated[
    str | None,
    _option("--url", metavar="URL", text="Ask the reconcile that runs there and listens on HTTP.", main=False),
]
OnlyLive = Annotated[
    bool,
    _option("--live", text="With --url: only whether the loop is alive, for the check of a container.", main=False),
]
OwnQuiet = Annotated[bool, _option("--quiet", "-q", text=_QUIET, main=False)]


def names(given: Sequence[str] | None) -> tuple[str, ...]:
    """Instance names; an environment variable may hold several between commas or spaces."""
    return tuple(dict.fromkeys(name for text in given or () for name in re.split(r"[,\s]+", text) if name))


def overridden(
    settings: Settings,
    files: list[Path] | None,
    output: Output | None,
    log_format: LogFormat | None,
    verbose: bool,
    quiet: bool,
) -> Settings:
    """The options before a command's name, overridden by those after it."""
    return replace(
        settings,
        files=tuple(files or settings.files),
        output=output or settings.output,
        log_format=log_format or settings.log_format,
        verbose=verbose or settings.verbose,
        quiet=quiet or settings.quiet,
    )
