"""Loading the desired state of a command, or failing with all its problems."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.cli import logs
from reconciler.cli.console import print_problems, print_warning
from reconciler.cli.environment import find_unknown_variables
from reconciler.cli.option_factories import OPTION_VARIABLES
from reconciler.cli.run_context import find_state_dir
from reconciler.cli.settings import DEFAULT_FILE, CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.position import Problem
from reconciler.report.text.problems import format_count
from reconciler.waits import track_wait

if TYPE_CHECKING:
    from reconciler.desired import BeginReading, LoadPermissions, TorrentFileCache
    from reconciler.fetch import Fetcher


EMPTY_DOCUMENT: Final = "version: 1\n"
NO_FILE_MESSAGE = (
    f"there is no {DEFAULT_FILE} here. Write one with reconcile init, which imports the torrents that you have (later, "
    "reconcile import does), name a file or a folder with -f, or try reconcile demo"
)


def find_desired_files(settings: Settings) -> tuple[Path, ...]:
    """Return the files of `-f`, or the default file. Raises `CommandFailure` if it does not exist."""
    if settings.files:
        return settings.files
    if DEFAULT_FILE.exists():
        return (DEFAULT_FILE,)
    raise CommandFailure(NO_FILE_MESSAGE, 4)


def make_permissions(settings: Settings) -> LoadPermissions:
    """Return the secrets and folders that the options allow a desired state to use."""
    from reconciler.desired import LoadPermissions

    return LoadPermissions(settings.secrets_for, settings.export_folders)


def make_fetcher(
    settings: Settings,
    stop: threading.Event | None,
    *,
    read_only: bool,
    patience: float = math.inf,
    warn: Callable[[str], None] | None = None,
) -> Fetcher:
    """Return a fetcher that knows what earlier runs have fetched, and unless it is `read_only` keeps it for later ones.

    `patience`: the seconds that a load may take for it. `warn`: by default, a warning on standard error.
    """
    from reconciler.fetch import STORE_FOLDER_NAME, Fetcher, TorrentStore

    folder = find_state_dir(settings)
    if folder is None:
        return Fetcher(stop, patience=patience)
    warn = warn or (lambda message: print_warning(settings, message))
    return Fetcher(stop, store=TorrentStore(folder / STORE_FOLDER_NAME, warn, read_only=read_only), patience=patience)


def failure_from_problems(problems: Sequence[Problem]) -> CommandFailure:
    """Return the failure for a desired state with problems."""
    count = format_count(len(problems), "problem")
    return CommandFailure(f"the desired state is invalid: {count}; nothing was changed", 4, problems)


def print_warnings(settings: Settings, desired: DesiredState) -> None:
    """Print the warnings of the desired state, and one for each variable that neither an option nor a file reads."""
    for variable in find_unknown_variables(os.environ, OPTION_VARIABLES):
        if variable.name not in desired.variables:
            print_warning(settings, variable.text)
    print_problems(settings, desired.warnings)


def list_unknown_entries(desired: DesiredState) -> list[str]:
    """Return a line for each entry whose torrent could not be fetched."""
    return [
        f"{entry.position}: {entry.unknown_source.reason}" for entry in desired.unknown_entries if entry.unknown_source
    ]


def load_desired(
    settings: Settings,
    *,
    resolve_secrets: bool = True,
    stop_signals: StopSignals | None = None,
    torrents: TorrentFileCache | None = None,
    read_only: bool = True,
    contacts_instances: bool = True,
    begin_reading: BeginReading | None = None,
) -> DesiredState:
    """Load the files and print their warnings. Raises `CommandFailure` with all problems, or if it is stopped.

    Without `resolve_secrets` nothing is contacted: torrents declared by URL are missing and counted. `torrents` is a
    cache that a caller shares between several loads, and that may fetch them nevertheless. `read_only`: what is fetched
    is not kept for later runs. `contacts_instances`: see `LoadPermissions`. `begin_reading`: see `load`.
    """
    from reconciler.desired import DesiredStateError, TorrentFileCache, load

    files = find_desired_files(settings)
    started_at = time.monotonic()
    if torrents is None:
        stop = stop_signals.event if stop_signals else None
        torrents = TorrentFileCache(
            # made when an entry has a URL, which takes long to load for the others
            (lambda urls: make_fetcher(settings, stop, read_only=read_only)(urls)) if resolve_secrets else None
        )
    try:
        with track_wait("loading", "the desired state"):
            desired = load(
                files,
                os.environ,
                resolve_secrets=resolve_secrets,
                torrent_files=torrents,
                texts={settings.new_file: EMPTY_DOCUMENT} if settings.new_file else {},
                permissions=replace(make_permissions(settings), contacts_instances=contacts_instances),
                begin_reading=begin_reading,
            )
    except DesiredStateError as error:
        raise failure_from_problems(error.problems) from error
    except StopRequested as error:
        code = stop_signals.exit_code if stop_signals else None
        raise CommandFailure("stopped while torrents were fetched; nothing was done", code or 1) from error
    print_warnings(settings, desired)
    logs.debug(
        settings,
        "desired state loaded",
        files=[str(file) for file in files],
        instances=len(desired.instances),
        torrents=len(desired.torrents),
        seconds=round(time.monotonic() - started_at, 3),
    )
    return desired
