"""Commands that read instances, a running loop or the journal, and change nothing there."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from reconciler.cli import option_values, options
from reconciler.cli.option_factories import command_option
from reconciler.cli.settings import CommandFailure, Settings, StatusSettings
from reconciler.cli.shared_options import is_on_command_line, shared_options
from reconciler.model.status import Pagination, Phase, TorrentFilter

commands = typer.Typer()

_LOOP_STATUS_OPTIONS: Final = ("url", "live", "token_file", "output", "log_format", "verbose", "quiet")


class WaitCondition(StrEnum):
    """The conditions that `status --wait` accepts."""

    COMPLETE = "complete"


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


@commands.command()
@shared_options("file", "output", "instance", "state_dir")
def status(
    settings: Settings,
    context: typer.Context,
    category: CategoryOption = None,
    tag: TagOption = None,
    state: StateOption = None,
    label: LabelOption = None,
    limit: StatusLimitOption = None,
    offset: OffsetOption = None,
    watch: StatusWatchOption = False,
    interval: StatusIntervalOption = None,
    wait: StatusWaitOption = None,
    timeout: TimeoutOption = None,
    url: LoopUrlOption = None,
    token_file: LoopTokenFileOption = None,
    live: LiveOption = False,
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


TorrentArgument = Annotated[str, typer.Argument(metavar="TORRENT", show_default=False, help=options.TORRENT_HELP)]


@commands.command()
@shared_options("file", "output", "instance", "state_dir")
def explain(settings: Settings, torrent: TorrentArgument) -> int:
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


HistoryTorrentOption = Annotated[
    str | None,
    command_option(
        "--torrent", metavar="TORRENT", help_text="Only this torrent: its name, or the beginning of its infohash."
    ),
]
HistoryLimitOption = Annotated[
    int, command_option("--limit", metavar="N", minimum=1, help_text="Show at most N runs. [default: 20]")
]


@commands.command()
@shared_options("output", "instance", "state_dir")
def history(
    settings: Settings,
    torrent: HistoryTorrentOption = None,
    limit: HistoryLimitOption = 20,
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


@commands.command("import")
@shared_options("file", "instance", "state_dir")
def import_(
    settings: Settings,
    out: OutOption = None,
    torrents: TorrentsFolderOption = None,
    include: IncludeOption = False,
    category: CategoryOption = None,
    tag: TagOption = None,
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


def _show_loop_status(
    context: typer.Context, settings: Settings, url: str, token_file: LoopTokenFileOption, live: bool
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


def _check_wait_options(watch: bool, interval: str | None, wait: WaitCondition | None, timeout: str | None) -> None:
    if watch and wait:
        raise CommandFailure("--watch cannot be combined with --wait", 4)
    if timeout and not wait:
        raise CommandFailure("--timeout requires --wait complete", 4)
    if interval and not (watch or wait):
        raise CommandFailure("--interval requires --watch or --wait complete", 4)
