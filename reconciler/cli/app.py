"""The whole command line. Each command passes its options to one function and exits with the code that it returns.

The functions are imported inside the commands: a command loads only what it needs. A command with `shared_options` gets
them as `settings`, and returns its exit code.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

import typer

from reconciler.cli import option_values, options
from reconciler.cli.environment import NARROWING_OPTIONS, find_unknown_variables
from reconciler.cli.habits import CommandGroup
from reconciler.cli.option_factories import OPTION_VARIABLES
from reconciler.cli.settings import (
    DEFAULT_FILE,
    CommandFailure,
    LogFormat,
    OutputFormat,
    RunSettings,
    Settings,
    StatusSettings,
)
from reconciler.cli.shared_options import get_options_before_name, is_dry_run, is_on_command_line, shared_options
from reconciler.model.secret import Secret
from reconciler.model.status import Pagination, TorrentFilter

app = typer.Typer(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
commands = typer.Typer()  # built one at a time: see `CommandTable`

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
_LOOP_STATUS_OPTIONS: Final = ("url", "live", "token_file", "output", "log_format", "verbose", "quiet")


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


@commands.command()
@shared_options("state_dir", before_name=("secrets_for", "allow_export"))
def init(
    settings: Settings,
    out: options.InitOutOption = None,
    url: options.UrlOption = None,
    username: options.UsernameOption = None,
    password_env: options.PasswordEnvOption = None,
    password_file: options.PasswordFileOption = None,
    name: options.InstanceNameOption = None,
    owner: options.OwnerOption = None,
    with_import: options.InitImportOption = None,
    offline: options.OfflineOption = False,
    yes: options.YesOption = False,
) -> int:
    """Write a first desired.yaml for a qBittorrent.

    Asks for what no option says, tries the connection once, writes the file, and declares the torrents that are there
    in torrents.yaml. Changes nothing on the instance, never overwrites a file, and stores no password. Exit code 0, 1
    or 4.

    \b
    Examples:
      reconcile init
      reconcile init --url http://nas:8080 --password-file /run/secrets/qbt --yes
    """
    from reconciler.cli.commands.init import DEFAULT_NAME, InitSettings, init_command

    if password_env and password_file:
        raise CommandFailure("--password-env cannot be combined with --password-file", 4)
    init_settings = InitSettings(
        out or DEFAULT_FILE,
        name or DEFAULT_NAME,
        owner,
        url,
        username,
        password_env,
        password_file,
        with_import,
        offline,
        yes,
    )
    return init_command(settings, init_settings)


@commands.command()
@shared_options(
    *("file", "output", "instance", "state_dir"),
    outputs=tuple(OutputFormat),
    before_name=("dry_run", "report", "accept_plan", "take_over", "strict", "shard", "retry_login"),
)
def apply(
    settings: Settings,
    context: typer.Context,
    plan: options.PlanArgument = None,
    dry_run: options.ApplyDryRunOption = False,
    strict: options.CommandStrictOption = False,
    report: options.CommandReportOption = None,
    accept_plan: options.CommandAcceptPlanOption = None,
    take_over: options.CommandTakeOverOption = False,
    shard: options.CommandShardOption = None,
) -> int:
    """Apply a saved plan, if the plan is still that one.

    Plans again, with the same options as the dry-run that saved it. If the plan is another one now, nothing is
    executed, the difference is shown, and the exit code is 3. A plan that the guard refuses also needs --accept-plan.

    \b
    Example:
      reconcile --dry-run --out plan.json
      reconcile apply plan.json
    """
    from reconciler.cli.commands.apply import apply_command

    before: dict[str, Any] = context.parent.params if context.parent else {}
    run_settings = RunSettings(
        dry_run=is_dry_run(context, dry_run),
        strict=strict or before["strict"],
        report=report or before["report"],
        accept_plan=accept_plan or before["accept_plan"],
        take_over=take_over or before["take_over"],
        retry_login=before["retry_login"],
        shard=option_values.parse_shard(shard or before["shard"]),
    )
    return apply_command(settings, run_settings, plan)


@commands.command()
@shared_options("file", "output", outputs=tuple(OutputFormat))
def validate(settings: Settings) -> int:
    """Check the desired state offline.

    Reports every problem of every file at once, with its position. Exit code 0 or 4.

    \b
    Example:
      reconcile validate -f torrents/ --output github
    """
    from reconciler.cli.commands.validate import validate_command

    return validate_command(settings)


@commands.command()
@shared_options(
    "output",
    outputs=tuple(OutputFormat),
    before_name=("detailed_exitcode",),
)
def diff(
    settings: Settings,
    context: typer.Context,
    old: options.OldStateArgument,
    new: options.NewStateArgument,
    detailed_exitcode: options.CommandDetailedExitcodeOption = False,
) -> int:
    """Show what a change of the YAML does, without any server.

    Plans NEW for instances that are as OLD declares. No secret is read and nothing is contacted: torrents declared by
    URL are compared by their URLs. Exit code 0, 2 with --detailed-exitcode, 3 if the guard refuses, or 4.

    \b
    Examples:
      reconcile diff git:main desired.yaml
      reconcile diff git:HEAD~1:torrents/ git:HEAD:torrents/
    """
    from reconciler.cli.commands.diff import diff_command

    detailed = detailed_exitcode or bool(context.parent and context.parent.params["detailed_exitcode"])
    return diff_command(settings, old, new, detailed_exitcode=detailed)


@commands.command()
def schema() -> None:
    """Print the JSON Schema of the desired state, for editors.

    An editor with yaml-language-server completes and checks a file whose first line is
    "# yaml-language-server: $schema=desired-state.schema.json".

    \b
    Example:
      reconcile schema > desired-state.schema.json
    """
    from reconciler.cli.commands.schema import schema_command

    raise typer.Exit(schema_command())


@commands.command("explain-error")
def explain_error(code: options.ErrorCodeArgument = None) -> None:
    """Explain the code of an error or a warning.

    Shows what it means, with an example of wrong and of right YAML.

    \b
    Example:
      reconcile explain-error E030
    """
    from reconciler.cli.commands.explain_error import explain_error_command

    raise typer.Exit(explain_error_command(code))


@commands.command()
@shared_options("file", "output", "instance", "state_dir")
def status(
    settings: Settings,
    context: typer.Context,
    category: options.CategoryOption = None,
    tag: options.TagOption = None,
    state: options.StateOption = None,
    label: options.LabelOption = None,
    limit: options.StatusLimitOption = None,
    offset: options.OffsetOption = None,
    watch: options.StatusWatchOption = False,
    interval: options.StatusIntervalOption = None,
    wait: options.StatusWaitOption = None,
    timeout: options.TimeoutOption = None,
    url: options.LoopUrlOption = None,
    token_file: options.LoopTokenFileOption = None,
    live: options.LiveOption = False,
) -> int:
    """Show the instances and the progress of the declared torrents.

    Reads only. Exit code 0, or 1 if an instance could not be read or is unhealthy, or a torrent is pending.

    With --url, shows the status of a running reconcile --watch instead. Exit code 0, or 1 if something needs
    attention. With --url and --live, exit code 0 unless the loop is stuck, whatever the state of its instances.

    \b
    Examples:
      reconcile status --instance seedbox --state downloading
      reconcile status --label movie_id=12
      reconcile status --watch
      reconcile status --wait complete --category linux --timeout 2h
      reconcile status --url http://127.0.0.1:9470
      reconcile status --url http://127.0.0.1:9470 --live
    """
    if url:
        return _show_loop_status(context, settings, url, token_file, live)
    for option in (option for option, value in {"--live": live, "--token-file": token_file}.items() if value):
        raise CommandFailure(f"{option} requires --url", 4)
    _check_wait_options(watch, interval, wait, timeout)
    from reconciler.cli.commands.status import status_command

    status_settings = StatusSettings(
        TorrentFilter(tuple(category or ()), tuple(tag or ()), tuple(state or ()), option_values.parse_labels(label)),
        Pagination(offset or 0, limit),
        watch,
        option_values.parse_seconds(interval or "2s"),  # a server refreshes its own state every 1.5 s
        wait is not None,
        option_values.parse_seconds(timeout, "--timeout") if timeout else None,
    )
    return status_command(settings, status_settings)


@commands.command()
@shared_options("file", "output", "instance", "state_dir")
def explain(settings: Settings, torrent: options.TorrentArgument) -> int:
    """Explain one torrent: declared, live, owner, plan, recent runs.

    Reads only. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile explain Sintel
    """
    from reconciler.cli.commands.explain import explain_command

    return explain_command(settings, torrent)


@commands.command()
@shared_options("file", "output", "instance", "state_dir")
def doctor(settings: Settings) -> int:
    """Find out what is wrong with the instances and their probes.

    Checks the connection, login, version, clock, network, disk space, paths and every probe of each instance, and
    shows how to fix what fails. Reads only. Credentials that were refused before are sent once more. Exit code 0, or 1
    if a check fails.

    \b
    Example:
      reconcile doctor --instance seedbox
    """
    from reconciler.cli.commands.doctor import doctor_command

    return doctor_command(settings)


@commands.command()
@shared_options("output", "instance", "state_dir")
def history(
    settings: Settings,
    torrent: options.HistoryTorrentOption = None,
    limit: options.HistoryLimitOption = 20,
) -> int:
    """Show recent runs and their actions, newest first.

    Reads the journal and contacts no instance. Exit code 0, or 1 if the journal cannot be read.

    \b
    Examples:
      reconcile history --limit 5
      reconcile history --torrent 08ada5a7
    """
    from reconciler.cli.commands.history import history_command

    return history_command(settings, torrent or "", limit)


@commands.command("import")
@shared_options("file", "instance", "state_dir")
def import_(
    settings: Settings,
    out: options.OutOption = None,
    torrents: options.TorrentsFolderOption = None,
    include: options.IncludeOption = False,
    category: options.CategoryOption = None,
    tag: options.TagOption = None,
) -> int:
    """Write the torrents of the instances as a desired state.

    A run with the given files and the new one adopts these torrents and changes nothing else. Exit code 0, 1 or 4.

    \b
    Examples:
      reconcile import -o torrents.yaml --include
      reconcile import --instance home --category linux
    """
    from reconciler.cli.commands.import_ import ImportSettings, import_command

    import_settings = ImportSettings(out, torrents, tuple(category or ()), tuple(tag or ()), include)
    return import_command(settings, import_settings)


@commands.command()
@shared_options("file", "instance", "state_dir")
def snapshot(
    settings: Settings,
    out: options.SnapshotOutOption = None,
    hash_names: options.HashNamesOption = False,
) -> int:
    """Write what a plan needs, for a plan that is made elsewhere.

    Contains no secrets. Reads only. Exit code 0, or 1 if an instance could not be read, which the snapshot then says.

    \b
    Examples:
      reconcile snapshot -o live.json
      reconcile --dry-run --live live.json
    """
    from reconciler.cli.commands.snapshot import SnapshotSettings, snapshot_command

    return snapshot_command(settings, SnapshotSettings(out, hash_names))


@commands.command()
@shared_options("file", "output", before_name=("dry_run",))
def add(
    settings: Settings,
    context: typer.Context,
    torrents: options.SourcesArgument,
    to: options.AddTargetOption = None,
    instance: options.AddInstanceOption = None,
    category: options.AddCategoryOption = None,
    tag: options.AddTagOption = None,
    save_path: options.AddSavePathOption = None,
    name: options.AddNameOption = None,
    paused: options.AddPausedOption = False,
    dry_run: options.EditDryRunOption = False,
) -> int:
    """Add torrents to a YAML file, and leave the rest of it as it is.

    Contacts no instance: the next run adds the torrents there. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile add 'magnet:?xt=urn:btih:...' --category linux --tag iso
    """
    from reconciler.cli.commands.add import AddSettings, add_command

    keys = {
        "name": name,
        "instance": instance,
        "category": category,
        "tags": tag or None,
        "save_path": save_path,
        "paused": paused or None,
    }
    entry_keys = {key: value for key, value in keys.items() if value is not None}
    return add_command(settings, AddSettings(tuple(torrents), to, entry_keys, is_dry_run(context, dry_run)))


@commands.command()
@shared_options("file", "output", before_name=("dry_run",))
def rm(
    settings: Settings,
    context: typer.Context,
    torrents: options.TorrentsArgument,
    instance: options.RemoveInstanceOption = None,
    dry_run: options.EditDryRunOption = False,
) -> int:
    """Remove torrents from the YAML files, and nothing else.

    Contacts no instance. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile rm 08ada5a7 --dry-run
    """
    from reconciler.cli.commands.rm import RemoveSettings, remove_command

    return remove_command(settings, RemoveSettings(tuple(torrents), instance, is_dry_run(context, dry_run)))


@commands.command()
@shared_options("file", "output", "state_dir", before_name=("dry_run",))
def intake(
    settings: Settings,
    context: typer.Context,
    action: options.IntakeActionArgument,
    torrents: options.IntakeTorrentsArgument = None,
    dry_run: options.EditDryRunOption = False,
) -> int:
    """List what services have handed in, or move it into a YAML file of yours.

    Contacts no instance. Exit code 0, 1 or 4.

    \b
    Examples:
      reconcile intake list
      reconcile intake promote 08ada5a7 Cosmos torrents.yaml --dry-run
    """
    from reconciler.cli.commands.intake import list_command, promote_command

    if action is options.IntakeAction.LIST:
        if torrents:
            raise CommandFailure("intake list takes no torrents. Use: reconcile intake list", 4)
        return list_command(settings)
    return promote_command(settings, tuple(torrents or ()), dry_run=is_dry_run(context, dry_run))


@commands.command()
def completion(shell: options.ShellArgument) -> None:
    """Print the completion script of a shell: bash, zsh or fish.

    \b
    Examples:
      reconcile completion bash > ~/.local/share/bash-completion/completions/reconcile
      reconcile completion zsh > ~/.zfunc/_reconcile
      reconcile completion fish > ~/.config/fish/completions/reconcile.fish
    """
    from reconciler.cli.commands.completion import completion_command

    raise typer.Exit(completion_command(shell))


@commands.command()
def demo(keep: options.KeepOption = False) -> None:
    """Show the main features on throwaway qBittorrent servers.

    The servers are real. The demo starts them and removes them at the end.

    \b
    Example:
      reconcile demo --keep
    """
    from reconciler.demo.story import run_demo

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # remove the servers, as on Ctrl-C
    raise typer.Exit(run_demo(keep))


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


def _show_loop_status(
    context: typer.Context, settings: Settings, url: str, token_file: options.LoopTokenFileOption, live: bool
) -> int:
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _LOOP_STATUS_OPTIONS and is_on_command_line(context, name):
            raise CommandFailure(f"--url cannot be combined with {parameter.opts[0]}", 4)
    for name in ("file", "instance"):
        if is_on_command_line(context.parent, name):
            raise CommandFailure(f"--url cannot be combined with --{name}", 4)
    from reconciler.cli.commands.status import liveness_command, loop_status_command

    return liveness_command(settings, url) if live else loop_status_command(settings, url, token_file)


def _check_wait_options(
    watch: bool, interval: str | None, wait: options.WaitCondition | None, timeout: str | None
) -> None:
    if watch and wait:
        raise CommandFailure("--watch cannot be combined with --wait", 4)
    if timeout and not wait:
        raise CommandFailure("--timeout requires --wait complete", 4)
    if interval and not (watch or wait):
        raise CommandFailure("--interval requires --watch or --wait complete", 4)
