"""The command `status`, as typer sees it."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Final

import typer

from reconciler.cli import options as o
from reconciler.cli.commands import app, given
from reconciler.cli.settings import Failure, Output, Settings, StatusSettings
from reconciler.model.status import Page, Phase, Selection

_PHASES: Final = ", ".join(Phase)


class WaitFor(StrEnum):
    """What can be waited for."""

    COMPLETE = "complete"


Categories = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="NAME", help='Only torrents of this category, "" for none. Repeatable.'),
]
Tags = Annotated[
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
    category: Categories = None,
    tag: Tags = None,
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
    from reconciler.cli.looking import status_command

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
    from reconciler.cli.checking import live_command, loop_command

    return live_command(settings, url) if live else loop_command(settings, url)


def _check(watch: bool, interval: str | None, wait: WaitFor | None, timeout: str | None) -> None:
    if watch and wait:
        raise Failure("--watch shows until it is stopped, --wait ends by itself: give one of them", 4)
    if timeout and not wait:
        raise Failure("--timeout is for waiting: give --wait complete with it", 4)
    if interval and not (watch or wait):
        raise Failure("--interval is the time between looks: give --watch or --wait complete with it", 4)
