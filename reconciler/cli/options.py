"""The options of every command, declared once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reconciler import __version__
from reconciler.cli.settings import CommandFailure, LogFormat, OutputFormat, Settings

if TYPE_CHECKING:
    from reconciler.model.shard import Shard


_PLAN_HASH_PATTERN: Final = re.compile(r"sha256:[0-9a-f]{64}")
_FILE_HELP: Final = "Desired state: a YAML file, or a folder of them. Repeatable. [default: desired.yaml]"
_OUTPUT_HELP: Final = "Report as text, json, markdown or github. [default: text]"
_INSTANCE_HELP: Final = "Only this instance. Repeatable. [default: all]"
_LOG_FORMAT_HELP: Final = "Log on standard error as text or json. [default: text]"
_STATE_DIR_HELP: Final = "Where the journal is kept. [default: $XDG_STATE_HOME/reconcile]"
_VERBOSE_HELP: Final = "Log what happens in more detail."
_QUIET_HELP: Final = "Log errors only, and show no progress."


def _make_option(
    *flags: str,
    help_text: str,
    metavar: str | None = None,
    callback: Callable[..., Any] | None = None,
    reads_environ: bool = True,
) -> Any:
    """An option. The main command reads the environment too, and it alone: so what follows a command's name wins."""
    variable = "RECONCILE_" + flags[0].lstrip("-").upper().replace("-", "_")
    return typer.Option(
        *flags,
        help=help_text,
        metavar=metavar,
        callback=callback,
        envvar=variable if reads_environ else None,
        show_envvar=False,
        show_default=False,
    )


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"reconcile {__version__}")
        raise typer.Exit(0)


def _check_plan_hash(text: str | None) -> str | None:
    if text is not None and not _PLAN_HASH_PATTERN.fullmatch(text.strip()):
        raise CommandFailure(
            "--accept-plan: a plan's hash is sha256: and 64 hex digits, as the refused plan shows it", 4
        )
    return text and text.strip()


def parse_shard(text: str | None) -> Shard | None:
    """The share of one process of several. Raises `CommandFailure`."""
    from reconciler.model.shard import Shard

    try:
        return Shard.parse(text) if text else None
    except ValueError as error:
        raise CommandFailure(f"--shard: {error}", 4) from error


def parse_seconds(text: str, option: str = "--interval") -> float:
    """A duration as the desired state has it. Raises `CommandFailure`."""
    from reconciler.desired.schema.common import parse_duration

    try:
        return float(str(parse_duration(text.strip())))
    except ValueError as error:
        raise CommandFailure(f"{option}: {error}; write it like 60s, 5m or 1h", 4) from error


FileOption = Annotated[list[Path] | None, _make_option("--file", "-f", metavar="PATH", help_text=_FILE_HELP)]
DryRunOption = Annotated[bool, _make_option("--dry-run", help_text="Show what would be done and change nothing.")]
DetailedExitcodeOption = Annotated[
    bool, _make_option("--detailed-exitcode", help_text="With --dry-run: exit code 2 when there are changes.")
]
OutputOption = Annotated[OutputFormat, _make_option("--output", metavar="FORM", help_text=_OUTPUT_HELP)]
ReportOption = Annotated[
    Path | None, _make_option("--report", metavar="FILE", help_text="Also write the JSON report there.")
]
InstanceOption = Annotated[list[str] | None, _make_option("--instance", metavar="NAME", help_text=_INSTANCE_HELP)]
AcceptPlanOption = Annotated[
    str | None,
    _make_option(
        "--accept-plan",
        metavar="HASH",
        callback=_check_plan_hash,
        help_text="Approve exactly the plan with this hash, which the guard has refused.",
    ),
]
TakeOverOption = Annotated[bool, _make_option("--take-over", help_text="Make declared torrents of another owner ours.")]
WaitOption = Annotated[
    str | None,
    _make_option(
        "--wait", metavar="TIME", help_text="Wait that long, as in 5m, for what is pending to find its place."
    ),
]
WatchOption = Annotated[bool, _make_option("--watch", help_text="Stay, and run again and again: see --interval.")]
IntervalOption = Annotated[
    str | None,
    _make_option(
        "--interval", metavar="TIME", help_text="With --watch: time from run to run, as in 60s or 5m. [default: 60s]"
    ),
]
ShardOption = Annotated[
    str | None,
    _make_option(
        "--shard", metavar="INDEX/COUNT", help_text="Only this process's share of the instances; INDEX counts from 0."
    ),
]
NotifyOption = Annotated[
    list[str] | None,
    _make_option(
        "--notify", metavar="URL", help_text="With --watch: say there what changed and what is wrong. Repeatable."
    ),
]
NotifyFileOption = Annotated[
    Path | None,
    _make_option("--notify-file", metavar="FILE", help_text="With --watch: a file of such URLs, one a line."),
]
ListenOption = Annotated[
    str | None,
    _make_option(
        "--listen", metavar="ADDRESS", help_text="With --watch: serve health, metrics and a page on HOST:PORT."
    ),
]
TokenFileOption = Annotated[
    Path | None,
    _make_option(
        "--token-file", metavar="PATH", help_text="With --listen: the token that a request for a run must bear."
    ),
]
StateDirOption = Annotated[Path | None, _make_option("--state-dir", metavar="DIR", help_text=_STATE_DIR_HELP)]
LogFormatOption = Annotated[LogFormat, _make_option("--log-format", metavar="FORM", help_text=_LOG_FORMAT_HELP)]
VerboseOption = Annotated[bool, _make_option("--verbose", "-v", help_text=_VERBOSE_HELP)]
QuietOption = Annotated[bool, _make_option("--quiet", "-q", help_text=_QUIET_HELP)]
VersionOption = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]

# The same options after a command's name. What is not given there holds as given before it.
CommandFileOption = Annotated[
    list[Path] | None, _make_option("--file", "-f", metavar="PATH", help_text=_FILE_HELP, reads_environ=False)
]
CommandOutputOption = Annotated[
    OutputFormat | None, _make_option("--output", metavar="FORM", help_text=_OUTPUT_HELP, reads_environ=False)
]
CommandInstanceOption = Annotated[
    list[str] | None, _make_option("--instance", metavar="NAME", help_text=_INSTANCE_HELP, reads_environ=False)
]
CommandStateDirOption = Annotated[
    Path | None, _make_option("--state-dir", metavar="DIR", help_text=_STATE_DIR_HELP, reads_environ=False)
]
HistoryLimitOption = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Show so many runs at most.")]
HistoryTorrentOption = Annotated[
    str | None,
    _make_option(
        "--torrent",
        metavar="TORRENT",
        help_text="Only what concerns it: its name, or how its infohash begins.",
        reads_environ=False,
    ),
]
CommandLogFormatOption = Annotated[
    LogFormat | None, _make_option("--log-format", metavar="FORM", help_text=_LOG_FORMAT_HELP, reads_environ=False)
]
CommandVerboseOption = Annotated[bool, _make_option("--verbose", "-v", help_text=_VERBOSE_HELP, reads_environ=False)]
LoopUrlOption = Annotated[
    str | None,
    _make_option(
        "--url", metavar="URL", help_text="Ask the reconcile that runs there and listens on HTTP.", reads_environ=False
    ),
]
LiveOption = Annotated[
    bool,
    _make_option(
        "--live",
        help_text="With --url: only whether the loop is alive, for the check of a container.",
        reads_environ=False,
    ),
]
CommandQuietOption = Annotated[bool, _make_option("--quiet", "-q", help_text=_QUIET_HELP, reads_environ=False)]


def parse_instance_names(texts: Sequence[str] | None) -> tuple[str, ...]:
    """Instance names; an environment variable may hold several between commas or spaces."""
    return tuple(dict.fromkeys(name for text in texts or () for name in re.split(r"[,\s]+", text) if name))


def override_settings(
    settings: Settings,
    files: list[Path] | None,
    output: OutputFormat | None,
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
