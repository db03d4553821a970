"""Commands that write, check and edit the files of a desired state."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli import options
from reconciler.cli.option_factories import command_option
from reconciler.cli.settings import DEFAULT_FILE, CommandFailure, OutputFormat, Settings
from reconciler.cli.shared_options import is_dry_run, shared_options

commands = typer.Typer()

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


@commands.command()
@shared_options("state_dir", before_name=("secrets_for", "allow_export"))
def init(
    settings: Settings,
    out: InitOutOption = None,
    url: UrlOption = None,
    username: UsernameOption = None,
    password_env: PasswordEnvOption = None,
    password_file: PasswordFileOption = None,
    name: InstanceNameOption = None,
    owner: OwnerOption = None,
    with_import: InitImportOption = None,
    offline: OfflineOption = False,
    yes: YesOption = False,
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


SourcesArgument = Annotated[
    list[str],
    typer.Argument(metavar="MAGNET|FILE|URL", show_default=False, help="A magnet link, or a .torrent file or its URL."),
]
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
EditDryRunOption = Annotated[bool, command_option("--dry-run", help_text="Show the change and write nothing.")]


@commands.command()
@shared_options("file", "output", before_name=("dry_run",))
def add(
    settings: Settings,
    context: typer.Context,
    torrents: SourcesArgument,
    to: AddTargetOption = None,
    instance: AddInstanceOption = None,
    category: AddCategoryOption = None,
    tag: AddTagOption = None,
    save_path: AddSavePathOption = None,
    name: AddNameOption = None,
    paused: AddPausedOption = False,
    dry_run: EditDryRunOption = False,
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


TorrentsArgument = Annotated[
    list[str], typer.Argument(metavar="TORRENT", show_default=False, help=options.TORRENT_HELP)
]
RemoveInstanceOption = Annotated[
    str | None, command_option("--instance", metavar="NAME", help_text="Only entries for this instance or group.")
]


@commands.command()
@shared_options("file", "output", before_name=("dry_run",))
def rm(
    settings: Settings,
    context: typer.Context,
    torrents: TorrentsArgument,
    instance: RemoveInstanceOption = None,
    dry_run: EditDryRunOption = False,
) -> int:
    """Remove torrents from the YAML files, and nothing else.

    Contacts no instance. Exit code 0, 1 or 4.

    \b
    Example:
      reconcile rm 08ada5a7 --dry-run
    """
    from reconciler.cli.commands.rm import RemoveSettings, remove_command

    return remove_command(settings, RemoveSettings(tuple(torrents), instance, is_dry_run(context, dry_run)))


class IntakeAction(StrEnum):
    """The actions of `reconcile intake`."""

    LIST = "list"
    PROMOTE = "promote"


IntakeActionArgument = Annotated[
    IntakeAction, typer.Argument(metavar="ACTION", show_default=False, help="list, or promote TORRENT... FILE.")
]
IntakeTorrentsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TORRENT]... [FILE]",
        show_default=False,
        help=f"{options.TORRENT_HELP} FILE: a file of yours to move it to.",
    ),
]


@commands.command()
@shared_options("file", "output", "state_dir", before_name=("dry_run",))
def intake(
    settings: Settings,
    context: typer.Context,
    action: IntakeActionArgument,
    torrents: IntakeTorrentsArgument = None,
    dry_run: EditDryRunOption = False,
) -> int:
    """List what services have handed in, or move it into a YAML file of yours.

    Contacts no instance. Exit code 0, 1 or 4.

    \b
    Examples:
      reconcile intake list
      reconcile intake promote 08ada5a7 Cosmos torrents.yaml --dry-run
    """
    from reconciler.cli.commands.intake import list_command, promote_command

    if action is IntakeAction.LIST:
        if torrents:
            raise CommandFailure("intake list takes no torrents. Use: reconcile intake list", 4)
        return list_command(settings)
    return promote_command(settings, tuple(torrents or ()), dry_run=is_dry_run(context, dry_run))
