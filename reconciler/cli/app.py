"""The main command, which reconciles, and its rules for what is before the name of another command.

`command_table` has the other commands. Each passes its options to one function and exits with the code that it returns.
The functions are imported inside the commands: a command loads only what it needs.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

import typer

from reconciler.cli import option_values, options
from reconciler.cli.environment import NARROWING_OPTIONS, find_unknown_variables
from reconciler.cli.habits import CommandGroup
from reconciler.cli.option_factories import OPTION_VARIABLES
from reconciler.cli.settings import CommandFailure, LogFormat, OutputFormat, RunSettings, Settings
from reconciler.cli.shared_options import get_options_before_name, is_on_command_line
from reconciler.model.secret import Secret

app = typer.Typer(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_EPILOG: Final = """Each option above also reads RECONCILE_<OPTION>, as in RECONCILE_DRY_RUN=1.

\b
Exit codes:
  0  in sync, applied, or planned
  1  an instance could not be read or is unhealthy, an action
     failed, is blocked or pending, or a torrent cannot run
  2  --dry-run --detailed-exitcode found changes
  3  the guard refused a plan, or it is not the expected one
  4  the desired state or the command line is invalid
"""
_WATCH_OPTIONS: Final = ("interval", "listen", "token_file", "public_read", "peer", "notify", "notify_file")


@app.callback(invoke_without_command=True, epilog=_EPILOG)
def main(
    context: typer.Context,
    file: options.FileOption = None,
    dry_run: options.DryRunOption = False,
    detailed_exitcode: options.DetailedExitcodeOption = False,
    strict: options.StrictOption = False,
    output: options.OutputOption = OutputFormat.TEXT,
    report: options.ReportOption = None,
    instance: options.InstanceOption = None,
    accept_plan: options.AcceptPlanOption = None,
    expect_plan: options.ExpectPlanOption = None,
    out: options.SavePlanOption = None,
    live: options.FromSnapshotOption = None,
    take_over: options.TakeOverOption = False,
    retry_login: options.RetryLoginOption = False,
    wait: options.WaitOption = None,
    watch: options.WatchOption = False,
    interval: options.IntervalOption = None,
    shard: options.ShardOption = None,
    notify: options.NotifyOption = None,
    notify_file: options.NotifyFileOption = None,
    listen: options.ListenOption = None,
    token_file: options.TokenFileOption = None,
    public_read: options.PublicReadOption = False,
    peer: options.PeerOption = None,
    secrets_for: options.SecretsForOption = None,
    allow_export: options.AllowExportOption = None,
    state_dir: options.StateDirOption = None,
    log_format: options.LogFormatOption = LogFormat.TEXT,
    verbose: options.VerboseOption = False,
    quiet: options.QuietOption = False,
    version: options.VersionOption = False,
) -> None:
    """Reconcile qBittorrent instances with a desired state in YAML.

    Without a command: read the instances, plan, and apply the plan once.

    \b
    Examples:
      reconcile --dry-run          show what a run would change
      reconcile -f torrents/       apply all YAML files of a folder
      reconcile --dry-run --detailed-exitcode --output markdown
                                   for a pull request: exit code 2 on changes
      reconcile --watch            keep reconciling, as a sidecar
    """
    settings = Settings(
        tuple(file or ()),
        output,
        option_values.parse_instance_names(instance),
        log_format,
        verbose,
        quiet,
        state_dir,
        secrets_for,
        tuple(allow_export or ()),
    )
    is_changing = context.invoked_subcommand in (None, "apply", "add", "rm", "intake") and not dry_run
    _reject_misspelt_variables(context, NARROWING_OPTIONS if is_changing else ("secrets_for",))
    if context.invoked_subcommand:
        _reject_ignored_options(context, context.invoked_subcommand)
        context.obj = settings
        return
    if detailed_exitcode and not dry_run:
        raise CommandFailure("--detailed-exitcode requires --dry-run", 4)
    if out and not dry_run:
        raise CommandFailure("--out requires --dry-run", 4)
    if live and not dry_run:
        raise CommandFailure("--live requires --dry-run: a snapshot is only planned against", 4)
    timeout = option_values.parse_seconds(wait, "--wait") if wait else 0.0
    run_settings = RunSettings(
        dry_run,
        detailed_exitcode,
        strict,
        report,
        accept_plan,
        expect_plan,
        out,
        live,
        take_over,
        retry_login,
        timeout,
        shard=option_values.parse_shard(shard),
    )
    if not watch:
        for name in _WATCH_OPTIONS:
            if is_on_command_line(context, name):
                raise CommandFailure(f"--{name.replace('_', '-')} requires --watch", 4)
        from reconciler.cli.commands.run import run_command

        raise typer.Exit(run_command(settings, run_settings))
    from reconciler.cli.commands.watch import watch_command

    watch_settings = replace(
        run_settings,
        interval=option_values.parse_seconds(interval or "60s"),
        listen=listen,
        token_file=token_file,
        public_read=public_read,
        peers=tuple(peer or ()),
        notify=tuple(map(Secret, notify or ())),
        notify_file=notify_file,
    )
    raise typer.Exit(watch_command(settings, watch_settings))


def _reject_misspelt_variables(context: typer.Context, narrowing_options: Collection[str]) -> None:
    """Raise `CommandFailure` for a variable that is one of these options, misspelt: the command would do too much."""
    for variable in find_unknown_variables(os.environ, OPTION_VARIABLES):
        option = variable.misspelt_option
        if option in narrowing_options and _is_default(context, option):
            raise CommandFailure(
                f"{variable.text} Nothing was done, because without that option more could happen than you want. "
                "Correct the name, or unset the variable",
                4,
            )


def _is_default(context: Any, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is None or source.name.startswith("DEFAULT")


def _reject_ignored_options(context: Any, command: str) -> None:
    """Raise `CommandFailure` for an option before a command's name that the command would ignore.

    A variable of the environment is no reason: it may be set for other runs.
    """
    accepted = get_options_before_name(context.command.commands[command])
    for parameter in context.command.params:
        if is_on_command_line(context, parameter.name or "") and parameter.name not in accepted:
            raise CommandFailure(_ignored_option_text(context, command, parameter.opts[0]), 4)


def _ignored_option_text(context: Any, command: str, option: str) -> str:
    own_options = {name for parameter in context.command.commands[command].params for name in parameter.opts}
    if option in own_options:  # it has another meaning there
        return f"{command} does not accept {option} before its name. Use: reconcile {command} {option}"
    return f"{command} does not accept {option}"
