"""The commands, as typer sees them. Each hands its options to one function and ends with that function's exit code."""

from __future__ import annotations

import signal
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from reconciler.cli import options as o
from reconciler.cli.settings import Failure, LogFormat, Output, RunSettings, Settings, StatusSettings
from reconciler.model.secret import Secret
from reconciler.model.status import Page, Phase, Selection

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
_SHARED: Final = frozenset({"file", "output", "log_format", "verbose", "quiet"})
_BEFORE: Final = {
    "validate": _SHARED,
    "status": _SHARED | {"instance", "state_dir"},
    "doctor": _SHARED | {"instance"},
    "history": _SHARED - {"file"} | {"instance", "state_dir"},
    "import": _SHARED - {"output"} | {"instance"},
    "add": _SHARED | {"dry_run"},
    "rm": _SHARED | {"dry_run"},
    "explain": _SHARED | {"instance", "state_dir"},
}


@app.callback(invoke_without_command=True, epilog=_EPILOG)
def main(
    context: typer.Context,
    file: o.File = None,
    dry_run: o.DryRun = False,
    detailed_exitcode: o.DetailedExitcode = False,
    output: o.OutputForm = Output.TEXT,
    report: o.ReportFile = None,
    instance: o.InstanceNames = None,
    accept_plan: o.AcceptPlan = None,
    take_over: o.TakeOver = False,
    wait: o.Wait = None,
    watch: o.Watching = False,
    interval: o.Interval = None,
    shard: o.ShardOf = None,
    notify: o.Notify = None,
    notify_file: o.NotifyFile = None,
    listen: o.Listen = None,
    token_file: o.TokenFile = None,
    state_dir: o.StateDir = None,
    log_format: o.LogForm = LogFormat.TEXT,
    verbose: o.Verbose = False,
    quiet: o.Quiet = False,
    version: o.Version = False,
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
    settings = Settings(tuple(file or ()), output, o.names(instance), log_format, verbose, quiet, state_dir)
    if context.invoked_subcommand:
        _refuse_ignored(context, context.invoked_subcommand)
        context.obj = settings
        return
    if detailed_exitcode and not dry_run:
        raise Failure("--detailed-exitcode says what a dry-run found: give --dry-run with it", 4)
    patience = o.seconds(wait, "--wait") if wait else 0.0
    options = RunSettings(dry_run, detailed_exitcode, report, accept_plan, take_over, patience, shard=o.shard(shard))
    if watch:
        from reconciler.cli.commands.watch import watch_command

        urls = tuple(map(Secret, notify or ()))
        loop = replace(
            options,
            interval=o.seconds(interval or "60s"),
            listen=listen,
            token_file=token_file,
            notify=urls,
            notify_file=notify_file,
        )
        raise typer.Exit(watch_command(settings, loop))
    for name in ("interval", "listen", "token_file", "notify", "notify_file"):
        if given(context, name):
            raise Failure(f"--{name.replace('_', '-')} is for a watch: give --watch with it", 4)
    from reconciler.cli.commands.run import run_command

    raise typer.Exit(run_command(settings, options))


@app.command()
def validate(
    context: typer.Context,
    file: o.OwnFile = None,
    output: o.OwnOutput = None,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
) -> None:
    """Check the desired state without contacting anything.

    Every problem of every file is reported at once, with its place. Exit code 0 or 4.

    \b
    Example:
      reconcile validate -f torrents/ --output github
    """
    from reconciler.cli.commands.validate import validate_command

    raise typer.Exit(validate_command(o.overridden(context.obj, file, output, log_format, verbose, quiet)))


@app.command()
def doctor(
    context: typer.Context,
    file: o.OwnFile = None,
    output: o.OwnOutput = None,
    instance: o.OwnInstances = None,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
) -> None:
    """Find out what is wrong with the instances and their probes.

    Looks at the way there, the login, versions, clocks, network, space, paths and every probe, and says how to mend
    what fails. Reads only; the report is text or json. Exit code 0, or 1 where a check fails.

    \b
    Example:
      reconcile doctor --instance seedbox
    """
    settings = o.overridden(context.obj, file, output, log_format, verbose, quiet)
    if settings.output not in (Output.TEXT, Output.JSON):
        raise Failure(f"doctor has no {settings.output} form, only text and json", 4)
    from reconciler.cli.commands.doctor import doctor_command

    raise typer.Exit(doctor_command(replace(settings, instances=o.names(instance) or settings.instances)))


@app.command()
def history(
    context: typer.Context,
    output: o.OwnOutput = None,
    instance: o.OwnInstances = None,
    torrent: o.OfTorrent = None,
    limit: o.Limit = 20,
    state_dir: o.OwnStateDir = None,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
) -> None:
    """Show what was done lately, newest first, from the journal.

    Contacts nothing; the report is text or json. Exit code 0, or 1 where the journal cannot be read.

    \b
    Examples:
      reconcile history --limit 5
      reconcile history --torrent 08ada5a7
    """
    settings = o.overridden(context.obj, None, output, log_format, verbose, quiet)
    if settings.output not in (Output.TEXT, Output.JSON):
        raise Failure(f"history has no {settings.output} form, only text and json", 4)
    from reconciler.cli.commands.history import history_command

    instances = o.names(instance) or settings.instances
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


def _refuse_ignored(context: typer.Context, command: str) -> None:
    """An option that the command would ignore is a misunderstanding, unless the environment holds it for other runs."""
    for parameter in context.command.params:
        if given(context, parameter.name or "") and parameter.name not in _BEFORE.get(command, ()):
            raise Failure(f"{command} takes no {parameter.opts[0]}{_elsewhere(context, command, parameter)}", 4)


def _elsewhere(context: Any, command: str, parameter: Any) -> str:
    """What to say where the command has an option of the same name, which means something else."""
    own = {option for one in context.command.commands[command].params for option in one.opts}
    return f" before its name, but after it: reconcile {command} {parameter.opts[0]}" * (parameter.opts[0] in own)


def given(context: Any, name: str) -> bool:
    """Was the option written on the command line, and not taken from the environment?"""
    source = context.get_parameter_source(name) if context else None
    return source is not None and source.name == "COMMANDLINE"


Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write to this new file. [default: print]")
]
TorrentsFolder = Annotated[
    Path | None,
    typer.Option("--torrents", metavar="DIR", help="Export .torrent files there, and name them. qBittorrent >= 4.5."),
]
Categories = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="NAME", help='Only torrents of this category, "" for none. Repeatable.'),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the change and write nothing.")]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME", help="Only torrents with this tag. Repeatable.")
]


@app.command("import")
def import_(
    context: typer.Context,
    file: o.OwnFile = None,
    out: Out = None,
    torrents: TorrentsFolder = None,
    instance: o.OwnInstances = None,
    category: Categories = None,
    tag: Tags = None,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
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

    settings = o.overridden(context.obj, file, None, log_format, verbose, quiet)
    settings = replace(settings, instances=o.names(instance) or settings.instances)
    raise typer.Exit(import_command(settings, ImportSettings(out, torrents, tuple(category or ()), tuple(tag or ()))))


@app.command()
def add(
    context: typer.Context,
    torrents: Annotated[list[str], typer.Argument(metavar="MAGNET|FILE|URL...", show_default=False)],
    file: o.OwnFile = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Which of the files takes it. [default: the only one]")
    ] = None,
    instance: Annotated[str | None, typer.Option("--instance", metavar="NAME", help="Where it should be.")] = None,
    category: Annotated[str | None, typer.Option("--category", metavar="NAME", help="Its category.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="NAME", help="A tag. Repeatable.")] = None,
    save_path: Annotated[str | None, typer.Option("--save-path", metavar="PATH", help="Where its data is.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Its name in qBittorrent.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Add it stopped.")] = False,
    dry_run: DryRun = False,
    output: o.OwnOutput = None,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
) -> None:
    """Declare torrents in a YAML file; all else in it stays as it is.

    No instance is contacted: a run brings it about. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile add 'magnet:?xt=urn:btih:...' --category linux --tag iso
    """
    from reconciler.cli.commands.add import AddSettings, add_command

    settings = _plain_forms("add", o.overridden(context.obj, file, output, log_format, verbose, quiet))
    given = {
        "name": name,
        "instance": instance,
        "category": category,
        "tags": tag or None,
        "save_path": save_path,
        "paused": paused or None,
    }
    keys = {key: one for key, one in given.items() if one is not None}
    raise typer.Exit(add_command(settings, AddSettings(tuple(torrents), to, keys, _dry(context, dry_run))))


@app.command()
def rm(
    context: typer.Context,
    torrents: Annotated[list[str], typer.Argument(metavar="TORRENT...", show_default=False)],
    file: o.OwnFile = None,
    instance: Annotated[str | None, typer.Option("--instance", metavar="NAME", help="Only what is for it.")] = None,
    dry_run: DryRun = False,
    output: o.OwnOutput = None,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
) -> None:
    """Remove torrents from the YAML files, and nothing else.

    TORRENT is a name, an infohash, or at least 6 digits of its beginning.
    Nothing is contacted. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile rm 08ada5a7 --dry-run
    """
    from reconciler.cli.commands.rm import RemoveSettings, remove_command

    settings = _plain_forms("rm", o.overridden(context.obj, file, output, log_format, verbose, quiet))
    raise typer.Exit(remove_command(settings, RemoveSettings(tuple(torrents), instance, _dry(context, dry_run))))


@app.command()
def explain(
    context: typer.Context,
    torrent: Annotated[str, typer.Argument(metavar="TORRENT", show_default=False)],
    file: o.OwnFile = None,
    output: o.OwnOutput = None,
    instance: o.OwnInstances = None,
    state_dir: o.OwnStateDir = None,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
) -> None:
    """Tell all about one torrent: declared, live, owned, planned, done.

    TORRENT is a name, an infohash, or at least 6 digits of its beginning.
    Reads only. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile explain Sintel
    """
    from reconciler.cli.commands.explain import explain_command

    settings = _plain_forms("explain", o.overridden(context.obj, file, output, log_format, verbose, quiet))
    instances = o.names(instance) or settings.instances
    settings = replace(settings, instances=instances, state_dir=state_dir or settings.state_dir)
    raise typer.Exit(explain_command(settings, torrent))


def _plain_forms(command: str, settings: Settings) -> Settings:
    if settings.output not in (Output.TEXT, Output.JSON):
        raise Failure(f"{command} has no {settings.output} form, only text and json", 4)
    return settings


def _dry(context: typer.Context, asked: bool) -> bool:
    """Also where it stands before the command's name, or in the environment."""
    return asked or bool(context.parent and context.parent.params.get("dry_run"))


_PHASES: Final = ", ".join(Phase)


class WaitFor(StrEnum):
    """What can be waited for."""

    COMPLETE = "complete"


StatusCategories = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="NAME", help='Only torrents of this category, "" for none. Repeatable.'),
]
StatusTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME", help="Only torrents with this tag. Repeatable.")
]
States = Annotated[
    list[Phase] | None, typer.Option("--state", metavar="WORD", help=f"Only these: {_PHASES}. Repeatable.")
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Show so many torrents at most. [default: 50; json: all]"),
]
Offset = Annotated[int | None, typer.Option("--offset", metavar="N", min=0, help="Leave out the first N torrents.")]
Watch = Annotated[bool, typer.Option("--watch", help="Stay, and show it again and again, until Ctrl-C.")]
Interval = Annotated[
    str | None,
    typer.Option("--interval", metavar="TIME", help="With --watch or --wait: time between looks. [default: 2s]"),
]
Wait = Annotated[
    WaitFor | None,
    typer.Option("--wait", metavar="complete", help="Wait until every selected torrent is complete; else exit code 1."),
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="With --wait: no longer than this, as in 90s or 12h.")
]


@app.command()
def status(
    context: typer.Context,
    file: o.OwnFile = None,
    output: o.OwnOutput = None,
    instance: o.OwnInstances = None,
    category: StatusCategories = None,
    tag: StatusTags = None,
    state: States = None,
    limit: Limit = None,
    offset: Offset = None,
    watch: Watch = False,
    interval: Interval = None,
    wait: Wait = None,
    timeout: Timeout = None,
    url: o.LoopAddress = None,
    live: o.OnlyLive = False,
    log_format: o.OwnLogForm = None,
    verbose: o.OwnVerbose = False,
    quiet: o.OwnQuiet = False,
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
    settings = o.overridden(context.obj, file, output, log_format, verbose, quiet)
    if settings.output not in (Output.TEXT, Output.JSON):
        raise Failure(f"status has no {settings.output} form, only text and json", 4)
    if url:
        raise typer.Exit(_of_loop(context, settings, url, live))
    if live:
        raise Failure("--live asks a running reconcile: give --url with it", 4)
    _check(watch, interval, wait, timeout)
    from reconciler.cli.commands.status import status_command

    settings = replace(settings, instances=o.names(instance) or settings.instances)
    options = StatusSettings(
        Selection(tuple(category or ()), tuple(tag or ()), tuple(state or ())),
        Page(offset or 0, limit),
        watch,
        o.seconds(interval or "2s"),  # a server shows what is new every 1.5
        wait is not None,
        o.seconds(timeout, "--timeout") if timeout else None,
    )
    raise typer.Exit(status_command(settings, options))


def _of_loop(context: typer.Context, settings: Settings, url: str, live: bool) -> int:
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in ("url", "live", "output", "log_format", "verbose", "quiet") and given(context, name):
            raise Failure(f"status --url asks a running reconcile: it takes no {parameter.opts[0]}", 4)
    for name in ("file", "instance"):
        if given(context.parent, name):
            raise Failure(f"status --url asks a running reconcile: it takes no --{name}", 4)
    from reconciler.cli.commands.status import live_command, loop_command

    return live_command(settings, url) if live else loop_command(settings, url)


def _check(watch: bool, interval: str | None, wait: WaitFor | None, timeout: str | None) -> None:
    if watch and wait:
        raise Failure("--watch shows until it is stopped, --wait ends by itself: give one of them", 4)
    if timeout and not wait:
        raise Failure("--timeout is for waiting: give --wait complete with it", 4)
    if interval and not (watch or wait):
        raise Failure("--interval is the time between looks: give --watch or --wait complete with it", 4)
