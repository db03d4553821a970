"""The commands, as typer sees them. Each hands its options to one function and ends with that function's exit code."""

from __future__ import annotations

import signal
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from reconciler.cli import options as o
from reconciler.cli.settings import CommandFailure, LogFormat, OutputFormat, RunSettings, Settings, StatusSettings
from reconciler.model.secret import Secret
from reconciler.model.status import Pagination, Phase, TorrentFilter

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_EPILOG: Final = """Every option above also reads RECONCILE_<OPTION>, as in RECONCILE_DRY_RUN=1.

\b
Exit codes:
  0  in sync, or applied, or planned
  1  an instance could not be read or is unhealthy,
     or something failed, is blocked or pending
  2  a dry-run with --detailed-exitcode found changes
  3  a guard refused
  4  the desired state is invalid, or bad usage
"""
# The options of the main command that mean something before a command's name too.
_SHARED_OPTIONS: Final = frozenset({"file", "output", "log_format", "verbose", "quiet"})
_OPTIONS_BEFORE_COMMAND: Final = {
    "validate": _SHARED_OPTIONS,
    "status": _SHARED_OPTIONS | {"instance", "state_dir"},
    "doctor": _SHARED_OPTIONS | {"instance"},
    "history": _SHARED_OPTIONS - {"file"} | {"instance", "state_dir"},
    "import": _SHARED_OPTIONS - {"output"} | {"instance"},
    "add": _SHARED_OPTIONS | {"dry_run"},
    "rm": _SHARED_OPTIONS | {"dry_run"},
    "explain": _SHARED_OPTIONS | {"instance", "state_dir"},
}


@app.callback(invoke_without_command=True, epilog=_EPILOG)
def main(
    context: typer.Context,
    file: o.FileOption = None,
    dry_run: o.DryRunOption = False,
    detailed_exitcode: o.DetailedExitcodeOption = False,
    output: o.OutputOption = OutputFormat.TEXT,
    report: o.ReportOption = None,
    instance: o.InstanceOption = None,
    accept_plan: o.AcceptPlanOption = None,
    take_over: o.TakeOverOption = False,
    wait: o.WaitOption = None,
    watch: o.WatchOption = False,
    interval: o.IntervalOption = None,
    shard: o.ShardOption = None,
    notify: o.NotifyOption = None,
    notify_file: o.NotifyFileOption = None,
    listen: o.ListenOption = None,
    token_file: o.TokenFileOption = None,
    state_dir: o.StateDirOption = None,
    log_format: o.LogFormatOption = LogFormat.TEXT,
    verbose: o.VerboseOption = False,
    quiet: o.QuietOption = False,
    version: o.VersionOption = False,
) -> None:
    """Make qBittorrent instances agree with a desired state in YAML.

    Without a command: read the instances, plan, and apply the plan once.

    \b
    Examples:
      reconcile --dry-run          show what would be done with desired.yaml
      reconcile -f torrents/       do it, with all YAML files of a folder
      reconcile --dry-run --detailed-exitcode --output markdown
                                   for a review: exit code 2 on changes
      reconcile --watch            do it again and again, as a sidecar
    """
    settings = Settings(
        tuple(file or ()), output, o.parse_instance_names(instance), log_format, verbose, quiet, state_dir
    )
    if context.invoked_subcommand:
        _reject_ignored_options(context, context.invoked_subcommand)
        context.obj = settings
        return
    if detailed_exitcode and not dry_run:
        raise CommandFailure("--detailed-exitcode says what a dry-run found: give --dry-run with it", 4)
    patience = o.parse_seconds(wait, "--wait") if wait else 0.0
    options = RunSettings(
        dry_run, detailed_exitcode, report, accept_plan, take_over, patience, shard=o.parse_shard(shard)
    )
    if watch:
        from reconciler.cli.commands.watch import watch_command

        urls = tuple(map(Secret, notify or ()))
        loop = replace(
            options,
            interval=o.parse_seconds(interval or "60s"),
            listen=listen,
            token_file=token_file,
            notify=urls,
            notify_file=notify_file,
        )
        raise typer.Exit(watch_command(settings, loop))
    for name in ("interval", "listen", "token_file", "notify", "notify_file"):
        if is_on_command_line(context, name):
            raise CommandFailure(f"--{name.replace('_', '-')} is for a watch: give --watch with it", 4)
    from reconciler.cli.commands.run import run_command

    raise typer.Exit(run_command(settings, options))


@app.command()
def validate(
    context: typer.Context,
    file: o.CommandFileOption = None,
    output: o.CommandOutputOption = None,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Check the desired state without contacting anything.

    Every problem of every file is reported at once, with its place. Exit code 0 or 4.

    \b
    Example:
      reconcile validate -f torrents/ --output github
    """
    from reconciler.cli.commands.validate import validate_command

    raise typer.Exit(validate_command(o.override_settings(context.obj, file, output, log_format, verbose, quiet)))


@app.command()
def doctor(
    context: typer.Context,
    file: o.CommandFileOption = None,
    output: o.CommandOutputOption = None,
    instance: o.CommandInstanceOption = None,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Find out what is wrong with the instances and their probes.

    Looks at the way there, the login, versions, clocks, network, space, paths and every probe, and says how to mend
    what fails. Reads only; the report is text or json. Exit code 0, or 1 where a check fails.

    \b
    Example:
      reconcile doctor --instance seedbox
    """
    settings = o.override_settings(context.obj, file, output, log_format, verbose, quiet)
    if settings.output not in (OutputFormat.TEXT, OutputFormat.JSON):
        raise CommandFailure(f"doctor has no {settings.output} form, only text and json", 4)
    from reconciler.cli.commands.doctor import doctor_command

    raise typer.Exit(
        doctor_command(replace(settings, instances=o.parse_instance_names(instance) or settings.instances))
    )


@app.command()
def history(
    context: typer.Context,
    output: o.CommandOutputOption = None,
    instance: o.CommandInstanceOption = None,
    torrent: o.HistoryTorrentOption = None,
    limit: o.HistoryLimitOption = 20,
    state_dir: o.CommandStateDirOption = None,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Show what was done lately, newest first, from the journal.

    Contacts nothing; the report is text or json. Exit code 0, or 1 where the journal cannot be read.

    \b
    Examples:
      reconcile history --limit 5
      reconcile history --torrent 08ada5a7
    """
    settings = o.override_settings(context.obj, None, output, log_format, verbose, quiet)
    if settings.output not in (OutputFormat.TEXT, OutputFormat.JSON):
        raise CommandFailure(f"history has no {settings.output} form, only text and json", 4)
    from reconciler.cli.commands.history import history_command

    instances = o.parse_instance_names(instance) or settings.instances
    settings = replace(settings, instances=instances, state_dir=state_dir or settings.state_dir)
    raise typer.Exit(history_command(settings, torrent or "", limit))


@app.command()
def demo(keep: Annotated[bool, typer.Option("--keep", help="Leave the servers running until Ctrl-C.")] = False) -> None:
    """See it work on throwaway qBittorrent servers.

    They are real, started for this, and removed at the end.

    \b
    Example:
      reconcile demo --keep
    """
    from reconciler.demo.story import run_demo

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its servers are removed as on Ctrl-C
    raise typer.Exit(run_demo(keep))


def _reject_ignored_options(context: typer.Context, command: str) -> None:
    """An option that the command would ignore is a misunderstanding, unless the environment holds it for other runs."""
    for parameter in context.command.params:
        if is_on_command_line(context, parameter.name or "") and parameter.name not in _OPTIONS_BEFORE_COMMAND.get(
            command, ()
        ):
            raise CommandFailure(
                f"{command} takes no {parameter.opts[0]}{_option_position_text(context, command, parameter)}", 4
            )


def _option_position_text(context: Any, command: str, parameter: Any) -> str:
    """What to say where the command has an option of the same name, which means something else."""
    own = {option for one in context.command.commands[command].params for option in one.opts}
    return f" before its name, but after it: reconcile {command} {parameter.opts[0]}" * (parameter.opts[0] in own)


def is_on_command_line(context: Any, name: str) -> bool:
    """Was the option written on the command line, and not taken from the environment?"""
    source = context.get_parameter_source(name) if context else None
    return source is not None and source.name == "COMMANDLINE"


OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write to this new file. [default: print]")
]
TorrentsFolderOption = Annotated[
    Path | None,
    typer.Option("--torrents", metavar="DIR", help="Export .torrent files there, and name them. qBittorrent >= 4.5."),
]
CategoryOption = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="NAME", help='Only torrents of this category, "" for none. Repeatable.'),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the change and write nothing.")]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME", help="Only torrents with this tag. Repeatable.")
]


@app.command("import")
def import_(
    context: typer.Context,
    file: o.CommandFileOption = None,
    out: OutOption = None,
    torrents: TorrentsFolderOption = None,
    instance: o.CommandInstanceOption = None,
    category: CategoryOption = None,
    tag: TagOption = None,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Write the torrents that are there as a desired state.

    Together with the files that declare the instances, it adopts what it
    names and changes nothing else. Exit code 0, 1 or 4.

    \b
    Examples:
      reconcile import -o torrents.yaml
      reconcile import --instance home --category linux
    """
    from reconciler.cli.commands.import_ import ImportSettings, import_command

    settings = o.override_settings(context.obj, file, None, log_format, verbose, quiet)
    settings = replace(settings, instances=o.parse_instance_names(instance) or settings.instances)
    raise typer.Exit(import_command(settings, ImportSettings(out, torrents, tuple(category or ()), tuple(tag or ()))))


@app.command()
def add(
    context: typer.Context,
    torrents: Annotated[list[str], typer.Argument(metavar="MAGNET|FILE|URL...", show_default=False)],
    file: o.CommandFileOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Which of the files takes it. [default: the only one]")
    ] = None,
    instance: Annotated[str | None, typer.Option("--instance", metavar="NAME", help="Where it should be.")] = None,
    category: Annotated[str | None, typer.Option("--category", metavar="NAME", help="Its category.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="NAME", help="A tag. Repeatable.")] = None,
    save_path: Annotated[str | None, typer.Option("--save-path", metavar="PATH", help="Where its data is.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Its name in qBittorrent.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Add it stopped.")] = False,
    dry_run: DryRunOption = False,
    output: o.CommandOutputOption = None,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Declare torrents in a YAML file; all else in it stays as it is.

    No instance is contacted: a run brings it about. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile add 'magnet:?xt=urn:btih:...' --category linux --tag iso
    """
    from reconciler.cli.commands.add import AddSettings, add_command

    settings = _require_text_or_json("add", o.override_settings(context.obj, file, output, log_format, verbose, quiet))
    given = {
        "name": name,
        "instance": instance,
        "category": category,
        "tags": tag or None,
        "save_path": save_path,
        "paused": paused or None,
    }
    keys = {key: one for key, one in given.items() if one is not None}
    raise typer.Exit(add_command(settings, AddSettings(tuple(torrents), to, keys, _is_dry_run(context, dry_run))))


@app.command()
def rm(
    context: typer.Context,
    torrents: Annotated[list[str], typer.Argument(metavar="TORRENT...", show_default=False)],
    file: o.CommandFileOption = None,
    instance: Annotated[str | None, typer.Option("--instance", metavar="NAME", help="Only what is for it.")] = None,
    dry_run: DryRunOption = False,
    output: o.CommandOutputOption = None,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Remove torrents from the YAML files, and nothing else.

    TORRENT is a name, an infohash, or at least 6 digits of its beginning.
    Nothing is contacted. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile rm 08ada5a7 --dry-run
    """
    from reconciler.cli.commands.rm import RemoveSettings, remove_command

    settings = _require_text_or_json("rm", o.override_settings(context.obj, file, output, log_format, verbose, quiet))
    raise typer.Exit(remove_command(settings, RemoveSettings(tuple(torrents), instance, _is_dry_run(context, dry_run))))


@app.command()
def explain(
    context: typer.Context,
    torrent: Annotated[str, typer.Argument(metavar="TORRENT", show_default=False)],
    file: o.CommandFileOption = None,
    output: o.CommandOutputOption = None,
    instance: o.CommandInstanceOption = None,
    state_dir: o.CommandStateDirOption = None,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Tell all about one torrent: declared, live, owned, planned, done.

    TORRENT is a name, an infohash, or at least 6 digits of its beginning.
    Reads only. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile explain Sintel
    """
    from reconciler.cli.commands.explain import explain_command

    settings = _require_text_or_json(
        "explain", o.override_settings(context.obj, file, output, log_format, verbose, quiet)
    )
    instances = o.parse_instance_names(instance) or settings.instances
    settings = replace(settings, instances=instances, state_dir=state_dir or settings.state_dir)
    raise typer.Exit(explain_command(settings, torrent))


def _require_text_or_json(command: str, settings: Settings) -> Settings:
    if settings.output not in (OutputFormat.TEXT, OutputFormat.JSON):
        raise CommandFailure(f"{command} has no {settings.output} form, only text and json", 4)
    return settings


def _is_dry_run(context: typer.Context, asked: bool) -> bool:
    """Also where it stands before the command's name, or in the environment."""
    return asked or bool(context.parent and context.parent.params.get("dry_run"))


_PHASE_NAMES: Final = ", ".join(Phase)


class WaitCondition(StrEnum):
    """What can be waited for."""

    COMPLETE = "complete"


StateOption = Annotated[
    list[Phase] | None, typer.Option("--state", metavar="WORD", help=f"Only these: {_PHASE_NAMES}. Repeatable.")
]
StatusLimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Show so many torrents at most. [default: 50; json: all]"),
]
OffsetOption = Annotated[
    int | None, typer.Option("--offset", metavar="N", min=0, help="Leave out the first N torrents.")
]
StatusWatchOption = Annotated[bool, typer.Option("--watch", help="Stay, and show it again and again, until Ctrl-C.")]
StatusIntervalOption = Annotated[
    str | None,
    typer.Option("--interval", metavar="TIME", help="With --watch or --wait: time between looks. [default: 2s]"),
]
StatusWaitOption = Annotated[
    WaitCondition | None,
    typer.Option("--wait", metavar="complete", help="Wait until every selected torrent is complete; else exit code 1."),
]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="With --wait: no longer than this, as in 90s or 12h.")
]


@app.command()
def status(
    context: typer.Context,
    file: o.CommandFileOption = None,
    output: o.CommandOutputOption = None,
    instance: o.CommandInstanceOption = None,
    category: CategoryOption = None,
    tag: TagOption = None,
    state: StateOption = None,
    limit: StatusLimitOption = None,
    offset: OffsetOption = None,
    watch: StatusWatchOption = False,
    interval: StatusIntervalOption = None,
    wait: StatusWaitOption = None,
    timeout: TimeoutOption = None,
    url: o.LoopUrlOption = None,
    live: o.LiveOption = False,
    log_format: o.CommandLogFormatOption = None,
    verbose: o.CommandVerboseOption = False,
    quiet: o.CommandQuietOption = False,
) -> None:
    """Show the instances and how the declared torrents get on.

    Reads only; the report is text or json. Exit code 0, or 1 where an instance could not be read or is unhealthy,
    or a torrent is pending.
    With --url: how a running reconcile is; 0 where nobody has to look at it, else 1. With --live too: 0 unless its
    loop is stuck, whatever state its instances are in.

    \b
    Examples:
      reconcile status --instance seedbox --state downloading
      reconcile status --watch
      reconcile status --wait complete --category linux --timeout 2h
      reconcile status --url http://127.0.0.1:9470
      reconcile status --url http://127.0.0.1:9470 --live
    """
    settings = o.override_settings(context.obj, file, output, log_format, verbose, quiet)
    if settings.output not in (OutputFormat.TEXT, OutputFormat.JSON):
        raise CommandFailure(f"status has no {settings.output} form, only text and json", 4)
    if url:
        raise typer.Exit(_show_loop_status(context, settings, url, live))
    if live:
        raise CommandFailure("--live asks a running reconcile: give --url with it", 4)
    _check_wait_options(watch, interval, wait, timeout)
    from reconciler.cli.commands.status import status_command

    settings = replace(settings, instances=o.parse_instance_names(instance) or settings.instances)
    options = StatusSettings(
        TorrentFilter(tuple(category or ()), tuple(tag or ()), tuple(state or ())),
        Pagination(offset or 0, limit),
        watch,
        o.parse_seconds(interval or "2s"),  # a server shows what is new every 1.5
        wait is not None,
        o.parse_seconds(timeout, "--timeout") if timeout else None,
    )
    raise typer.Exit(status_command(settings, options))


def _show_loop_status(context: typer.Context, settings: Settings, url: str, live: bool) -> int:
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in ("url", "live", "output", "log_format", "verbose", "quiet") and is_on_command_line(
            context, name
        ):
            raise CommandFailure(f"status --url asks a running reconcile: it takes no {parameter.opts[0]}", 4)
    for name in ("file", "instance"):
        if is_on_command_line(context.parent, name):
            raise CommandFailure(f"status --url asks a running reconcile: it takes no --{name}", 4)
    from reconciler.cli.commands.status import liveness_command, loop_status_command

    return liveness_command(settings, url) if live else loop_status_command(settings, url)


def _check_wait_options(watch: bool, interval: str | None, wait: WaitCondition | None, timeout: str | None) -> None:
    if watch and wait:
        raise CommandFailure("--watch shows until it is stopped, --wait ends by itself: give one of them", 4)
    if timeout and not wait:
        raise CommandFailure("--timeout is for waiting: give --wait complete with it", 4)
    if interval and not (watch or wait):
        raise CommandFailure("--interval is the time between looks: give --watch or --wait complete with it", 4)
