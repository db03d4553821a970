"""The commands, as typer sees them. Each hands its options to one function and ends with that function's exit code."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from reconciler.cli import options as o
from reconciler.cli.settings import Failure, LogFormat, Output, RunSettings, Settings
from reconciler.model.secret import Secret

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
        from reconciler.cli.watching import watch_command

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
    from reconciler.cli.running import run_command

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
    from reconciler.cli.checking import validate_command

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
    from reconciler.cli.examining import doctor_command

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
    from reconciler.cli.remembering import history_command

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
