"""The commands about the files themselves: those that write them, and the one that explains an entry of theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.commands import app
from reconciler.cli.settings import Failure, Output, Settings

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
    from reconciler.cli.importing import ImportSettings, import_command

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
    from reconciler.cli.adding import AddSettings, add_command

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
    from reconciler.cli.removing import RemoveSettings, remove_command

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
    from reconciler.cli.explaining import explain_command

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
