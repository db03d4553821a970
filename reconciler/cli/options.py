"""The options of the main command, and the same options after the name of a command: each is declared once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from reconciler import __version__
from reconciler.cli.option_factories import command_option, main_option, output_help
from reconciler.cli.settings import CommandFailure, LogFormat, OutputFormat

TORRENT_HELP: Final = "A name, an infohash, or at least the first 6 digits of one."  # of several commands

_PLAN_HASH_PATTERN: Final = r"sha256:[0-9a-f]{64}"
_FILE_HELP: Final = "Desired state: a YAML file or a folder of them. Repeatable. [default: desired.yaml]"
_INSTANCE_HELP: Final = "Only this instance. Repeatable. [default: all]"
_LOG_FORMAT_HELP: Final = "Log format on standard error: text or json. [default: text]"
_STATE_DIR_HELP: Final = "Folder of the journal. [default: $XDG_STATE_HOME/reconcile]"
_ACCEPT_PLAN_HELP: Final = "Approve exactly the plan with this hash, which the guard refused."
_TAKE_OVER_HELP: Final = "Adopt declared torrents that have another owner's tag."
_RETRY_LOGIN_HELP: Final = "Send refused credentials once more, although they have not changed."
_STRICT_HELP: Final = "Exit code 1 also if a torrent has any fault, or no metadata yet."
_REPORT_HELP: Final = "Also write the JSON report to this file."
_SHARD_HELP: Final = "Change only this process's share of the instances; INDEX counts from 0."
_VERBOSE_HELP: Final = "Log more detail."
_QUIET_HELP: Final = "Log errors only, and show no progress."


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"reconcile {__version__}")
        raise typer.Exit(0)


def _parse_plan_hash(parameter: typer.CallbackParam, text: str | None) -> str | None:
    if text is not None and not re.fullmatch(_PLAN_HASH_PATTERN, text.strip()):
        raise CommandFailure(
            f"{parameter.opts[0]}: a plan hash is sha256: and 64 hex digits, as a dry-run and a refused plan show it", 4
        )
    return text and text.strip()


# Options of the main command. Commands accept the options that they share with it before their names too.
FileOption = Annotated[list[Path] | None, main_option("--file", "-f", metavar="PATH", help_text=_FILE_HELP)]
DryRunOption = Annotated[bool, main_option("--dry-run", help_text="Show the plan and change nothing.")]
DetailedExitcodeOption = Annotated[
    bool, main_option("--detailed-exitcode", help_text="With --dry-run: exit code 2 if there are changes.")
]
StrictOption = Annotated[bool, main_option("--strict", help_text=_STRICT_HELP)]
OutputOption = Annotated[
    OutputFormat,
    main_option("--output", metavar="FORMAT", help_text=output_help(OutputFormat, "; with --watch, text or json")),
]
ReportOption = Annotated[Path | None, main_option("--report", metavar="FILE", help_text=_REPORT_HELP)]
InstanceOption = Annotated[list[str] | None, main_option("--instance", metavar="NAME", help_text=_INSTANCE_HELP)]
AcceptPlanOption = Annotated[
    str | None,
    main_option(
        "--accept-plan",
        metavar="HASH",
        callback=_parse_plan_hash,
        help_text=_ACCEPT_PLAN_HELP,
    ),
]
ExpectPlanOption = Annotated[
    str | None,
    main_option(
        "--expect-plan",
        metavar="HASH",
        callback=_parse_plan_hash,
        help_text="Apply only if the plan has this hash. Exit code 3 if not.",
    ),
]
SavePlanOption = Annotated[
    Path | None,
    main_option("--out", metavar="FILE", help_text="With --dry-run: save the plan, for reconcile apply FILE."),
]
FromSnapshotOption = Annotated[
    Path | None,
    main_option(
        "--live", metavar="FILE", help_text="With --dry-run: plan against a saved snapshot, and contact nothing."
    ),
]
TakeOverOption = Annotated[bool, main_option("--take-over", help_text=_TAKE_OVER_HELP)]
RetryLoginOption = Annotated[bool, main_option("--retry-login", help_text=_RETRY_LOGIN_HELP)]
WaitOption = Annotated[
    str | None,
    main_option("--wait", metavar="TIME", help_text="Wait up to TIME, as in 5m, until pending torrents are placed."),
]
WatchOption = Annotated[bool, main_option("--watch", help_text="Keep running: reconcile at every --interval.")]
IntervalOption = Annotated[
    str | None,
    main_option(
        "--interval", metavar="TIME", help_text="With --watch: time between runs, as in 60s or 5m. [default: 60s]"
    ),
]
ShardOption = Annotated[str | None, main_option("--shard", metavar="INDEX/COUNT", help_text=_SHARD_HELP)]
NotifyOption = Annotated[
    list[str] | None,
    main_option(
        "--notify", metavar="URL", help_text="With --watch: notify this URL of changes and failures. Repeatable."
    ),
]
NotifyFileOption = Annotated[
    Path | None,
    main_option(
        "--notify-file", metavar="FILE", help_text="With --watch: a file with notification URLs, one per line."
    ),
]
ListenOption = Annotated[
    str | None,
    main_option("--listen", metavar="ADDRESS", help_text="With --watch: serve pages, health and metrics on HOST:PORT."),
]
TokenFileOption = Annotated[
    Path | None,
    main_option(
        "--token-file", metavar="PATH", help_text="With --listen: file of the token that readers and changes need."
    ),
]
PublicReadOption = Annotated[
    bool, main_option("--public-read", help_text="With --listen: let everyone read who can reach the address.")
]
PeerOption = Annotated[
    list[str] | None,
    main_option(
        "--peer",
        metavar="URL",
        help_text="With --listen: show the sidecar of another --shard there too, or all at a DNS name. Repeatable.",
    ),
]
SecretsForOption = Annotated[
    Path | None,
    main_option(
        "--secrets-for",
        metavar="FILE",
        help_text="Use only the secrets that this file lists, each for its hosts.",
    ),
]
AllowExportOption = Annotated[
    list[Path] | None,
    main_option("--allow-export", metavar="DIR", help_text="Let `export` write to this folder too. Repeatable."),
]
StateDirOption = Annotated[Path | None, main_option("--state-dir", metavar="DIR", help_text=_STATE_DIR_HELP)]
LogFormatOption = Annotated[LogFormat, main_option("--log-format", metavar="FORMAT", help_text=_LOG_FORMAT_HELP)]
VerboseOption = Annotated[bool, main_option("--verbose", "-v", help_text=_VERBOSE_HELP)]
QuietOption = Annotated[bool, main_option("--quiet", "-q", help_text=_QUIET_HELP)]
VersionOption = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
]

# The same options after a command's name; `shared_options` gives them to commands. If one is missing there, its value
# before the name applies.
CommandFileOption = Annotated[list[Path] | None, command_option("--file", "-f", metavar="PATH", help_text=_FILE_HELP)]
CommandInstanceOption = Annotated[
    list[str] | None, command_option("--instance", metavar="NAME", help_text=_INSTANCE_HELP)
]
CommandStateDirOption = Annotated[Path | None, command_option("--state-dir", metavar="DIR", help_text=_STATE_DIR_HELP)]
CommandLogFormatOption = Annotated[
    LogFormat | None, command_option("--log-format", metavar="FORMAT", help_text=_LOG_FORMAT_HELP)
]
CommandVerboseOption = Annotated[bool, command_option("--verbose", "-v", help_text=_VERBOSE_HELP)]
CommandQuietOption = Annotated[bool, command_option("--quiet", "-q", help_text=_QUIET_HELP)]
CommandReportOption = Annotated[Path | None, command_option("--report", metavar="FILE", help_text=_REPORT_HELP)]
CommandAcceptPlanOption = Annotated[
    str | None,
    command_option("--accept-plan", metavar="HASH", callback=_parse_plan_hash, help_text=_ACCEPT_PLAN_HELP),
]
CommandTakeOverOption = Annotated[bool, command_option("--take-over", help_text=_TAKE_OVER_HELP)]
CommandStrictOption = Annotated[bool, command_option("--strict", help_text=_STRICT_HELP)]
CommandShardOption = Annotated[str | None, command_option("--shard", metavar="INDEX/COUNT", help_text=_SHARD_HELP)]
