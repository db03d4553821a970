"""The options of every command, declared once, and the parsing of their values."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from reconciler import __version__
from reconciler.cli.commands.completion import Shell
from reconciler.cli.option_factories import command_option, main_option, output_help
from reconciler.cli.settings import CommandFailure, LogFormat, OutputFormat
from reconciler.model.status import Phase

_PLAN_HASH_PATTERN: Final = re.compile(r"sha256:[0-9a-f]{64}")
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


class IntakeAction(StrEnum):
    """The actions of `reconcile intake`."""

    LIST = "list"
    PROMOTE = "promote"


class WaitCondition(StrEnum):
    """The conditions that `status --wait` accepts."""

    COMPLETE = "complete"


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"reconcile {__version__}")
        raise typer.Exit(0)


def _parse_plan_hash(parameter: typer.CallbackParam, text: str | None) -> str | None:
    if text is not None and not _PLAN_HASH_PATTERN.fullmatch(text.strip()):
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
CommandDetailedExitcodeOption = Annotated[
    bool, command_option("--detailed-exitcode", help_text="Exit code 2 if the two states differ.")
]
CommandInstanceOption = Annotated[
    list[str] | None, command_option("--instance", metavar="NAME", help_text=_INSTANCE_HELP)
]
CommandStateDirOption = Annotated[Path | None, command_option("--state-dir", metavar="DIR", help_text=_STATE_DIR_HELP)]
CommandLogFormatOption = Annotated[
    LogFormat | None, command_option("--log-format", metavar="FORMAT", help_text=_LOG_FORMAT_HELP)
]
CommandVerboseOption = Annotated[bool, command_option("--verbose", "-v", help_text=_VERBOSE_HELP)]
CommandQuietOption = Annotated[bool, command_option("--quiet", "-q", help_text=_QUIET_HELP)]

# Options of `status`, `import` and `history`.
CategoryOption = Annotated[
    list[str] | None,
    command_option(
        "--category", metavar="NAME", help_text='Only torrents in this category, or in none: "". Repeatable.'
    ),
]
TagOption = Annotated[
    list[str] | None, command_option("--tag", metavar="NAME", help_text="Only torrents with this tag. Repeatable.")
]
LabelOption = Annotated[
    list[str] | None,
    command_option("--label", metavar="NAME=VALUE", help_text="Only torrents with this label. Repeatable."),
]
StateOption = Annotated[
    list[Phase] | None,
    command_option(
        "--state", metavar="STATE", help_text=f"Only torrents in this state: {', '.join(Phase)}. Repeatable."
    ),
]
StatusLimitOption = Annotated[
    int | None,
    command_option(
        "--limit", metavar="N", minimum=1, help_text="Show at most N torrents. [default: 50, or all with json]"
    ),
]
OffsetOption = Annotated[
    int | None, command_option("--offset", metavar="N", minimum=0, help_text="Skip the first N torrents.")
]
StatusWatchOption = Annotated[bool, command_option("--watch", help_text="Refresh the status until Ctrl-C.")]
StatusIntervalOption = Annotated[
    str | None,
    command_option("--interval", metavar="TIME", help_text="With --watch or --wait: time between reads. [default: 2s]"),
]
StatusWaitOption = Annotated[
    WaitCondition | None,
    command_option(
        "--wait",
        metavar="complete",
        help_text="Wait until every selected torrent is complete. Exit code 1 if that fails.",
    ),
]
TimeoutOption = Annotated[
    str | None,
    command_option("--timeout", metavar="TIME", help_text="With --wait: give up after TIME, as in 90s or 12h."),
]
LoopUrlOption = Annotated[
    str | None,
    command_option("--url", metavar="URL", help_text="Show the status of a running reconcile --watch --listen."),
]
LoopTokenFileOption = Annotated[
    Path | None,
    command_option("--token-file", metavar="PATH", help_text="With --url: file of the token that readers need."),
]
LiveOption = Annotated[
    bool, command_option("--live", help_text="With --url: check liveness only, for container health checks.")
]
OutOption = Annotated[
    Path | None,
    command_option("--out", "-o", metavar="FILE", help_text="Write to this new file. [default: standard output]"),
]
IncludeOption = Annotated[
    bool, command_option("--include", help_text="With -o: also add FILE to include of the desired state.")
]
TorrentsFolderOption = Annotated[
    Path | None,
    command_option(
        "--torrents",
        metavar="DIR",
        help_text="Export .torrent files to DIR and refer to them. qBittorrent 4.5 or later.",
    ),
]
HistoryTorrentOption = Annotated[
    str | None,
    command_option(
        "--torrent", metavar="TORRENT", help_text="Only this torrent: its name, or the beginning of its infohash."
    ),
]
HistoryLimitOption = Annotated[
    int, command_option("--limit", metavar="N", minimum=1, help_text="Show at most N runs. [default: 20]")
]

# Options of `init`.
InitOutOption = Annotated[
    Path | None, command_option("--out", "-o", metavar="FILE", help_text="The file to write. [default: desired.yaml]")
]
UrlOption = Annotated[
    str | None,
    command_option(
        "--url", metavar="URL", help_text="Address of qBittorrent's Web UI. [default: http://127.0.0.1:8080]"
    ),
]
UsernameOption = Annotated[
    str | None, command_option("--username", metavar="NAME", help_text="User name of the Web UI. [default: admin]")
]
PasswordEnvOption = Annotated[
    str | None,
    command_option("--password-env", metavar="NAME", help_text="Variable with the password. [default: HOME_PASSWORD]"),
]
PasswordFileOption = Annotated[
    Path | None, command_option("--password-file", metavar="PATH", help_text="File with the password.")
]
InstanceNameOption = Annotated[
    str | None, command_option("--name", metavar="NAME", help_text="Name of the instance. [default: home]")
]
OwnerOption = Annotated[
    str | None,
    command_option("--owner", metavar="NAME", help_text="Name in the tag of its torrents. [default: as --name]"),
]
InitImportOption = Annotated[
    bool | None,
    command_option("--import/--no-import", help_text="Declare the torrents of the instance in torrents.yaml."),
]
OfflineOption = Annotated[bool, command_option("--offline", help_text="Write the file without trying the connection.")]
YesOption = Annotated[
    bool, command_option("--yes", "-y", help_text="Ask nothing: use the defaults, and import the torrents.")
]

# Arguments.
_TORRENT_HELP: Final = "A name, an infohash, or at least the first 6 digits of one."
TorrentArgument = Annotated[str, typer.Argument(metavar="TORRENT", show_default=False, help=_TORRENT_HELP)]
TorrentsArgument = Annotated[list[str], typer.Argument(metavar="TORRENT", show_default=False, help=_TORRENT_HELP)]
_STATE_HELP: Final = "A YAML file, a folder of them, or git:REV[:PATH]."
OldStateArgument = Annotated[str, typer.Argument(metavar="OLD", show_default=False, help=_STATE_HELP)]
NewStateArgument = Annotated[str, typer.Argument(metavar="NEW", show_default=False, help=_STATE_HELP)]
ErrorCodeArgument = Annotated[str | None, typer.Argument(metavar="[CODE]", help="Such as E030. Without: list all.")]
ShellArgument = Annotated[Shell, typer.Argument(metavar="SHELL", show_default=False, help="bash, zsh or fish.")]
SourcesArgument = Annotated[
    list[str],
    typer.Argument(metavar="MAGNET|FILE|URL", show_default=False, help="A magnet link, or a .torrent file or its URL."),
]

# Of `snapshot`.
SnapshotOutOption = Annotated[
    Path | None,
    command_option("--out", "-o", metavar="FILE", help_text="Write to this file. [default: standard output]"),
]
HashNamesOption = Annotated[
    bool, command_option("--hash-names", help_text="Write hashes in place of the names of torrents and files.")
]

# Of `apply`.
PlanArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="PLAN", show_default=False, help="A plan that reconcile --dry-run --out FILE has saved. Required."
    ),
]
ApplyDryRunOption = Annotated[
    bool, command_option("--dry-run", help_text="Say if the plan is still that one, and change nothing.")
]
CommandReportOption = Annotated[Path | None, command_option("--report", metavar="FILE", help_text=_REPORT_HELP)]
CommandAcceptPlanOption = Annotated[
    str | None,
    command_option("--accept-plan", metavar="HASH", callback=_parse_plan_hash, help_text=_ACCEPT_PLAN_HELP),
]
CommandTakeOverOption = Annotated[bool, command_option("--take-over", help_text=_TAKE_OVER_HELP)]
CommandStrictOption = Annotated[bool, command_option("--strict", help_text=_STRICT_HELP)]
CommandShardOption = Annotated[str | None, command_option("--shard", metavar="INDEX/COUNT", help_text=_SHARD_HELP)]

# Options of `add`, `rm` and `demo`.
AddTargetOption = Annotated[
    Path | None,
    command_option("--to", metavar="FILE", help_text="The file to add entries to. [default: the only file]"),
]
AddInstanceOption = Annotated[
    str | None, command_option("--instance", metavar="NAME", help_text="Instance or group of the new entries.")
]
AddCategoryOption = Annotated[str | None, command_option("--category", metavar="NAME", help_text="Category to set.")]
AddTagOption = Annotated[list[str] | None, command_option("--tag", metavar="NAME", help_text="Tag to set. Repeatable.")]
AddSavePathOption = Annotated[
    str | None, command_option("--save-path", metavar="PATH", help_text="Folder of the torrent's data.")
]
AddNameOption = Annotated[
    str | None, command_option("--name", metavar="TEXT", help_text="Name to show in qBittorrent.")
]
AddPausedOption = Annotated[bool, command_option("--paused", help_text="Add the torrent stopped.")]
RemoveInstanceOption = Annotated[
    str | None, command_option("--instance", metavar="NAME", help_text="Only entries for this instance or group.")
]
IntakeActionArgument = Annotated[
    IntakeAction, typer.Argument(metavar="ACTION", show_default=False, help="list, or promote TORRENT... FILE.")
]
IntakeTorrentsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TORRENT]... [FILE]",
        show_default=False,
        help=f"{_TORRENT_HELP} FILE: a file of yours to move it to.",
    ),
]
EditDryRunOption = Annotated[bool, command_option("--dry-run", help_text="Show the change and write nothing.")]
KeepOption = Annotated[bool, command_option("--keep", help_text="Keep the servers running until Ctrl-C.")]
