"""The commands about the files themselves: those that write them, and the one that explains an entry of theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.commands import app

Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write to this new file. [default: print]")
]
Categories = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="NAME", help='Only torrents of this category, "" for none. Repeatable.'),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME", help="Only torrents with this tag. Repeatable.")
]


@app.command("import")
def import_(
    context: typer.Context,
    file: o.OwnFile = None,
    out: Out = None,
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
    raise typer.Exit(import_command(settings, ImportSettings(out, tuple(category or ()), tuple(tag or ()))))
