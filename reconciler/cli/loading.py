"""The desired state of a command, or a complaint about everything that is wrong with it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import logs
from reconciler.cli.console import warn
from reconciler.cli.settings import DEFAULT_FILE, Failure, Settings
from reconciler.cli.signals import Stopping
from reconciler.fetch import Fetcher
from reconciler.model.desired import Desired
from reconciler.model.errors import Stopped
from reconciler.model.position import Problem
from reconciler.report.text.problems import count

if TYPE_CHECKING:
    from reconciler.desired import TorrentFiles


NO_FILE = (
    f"there is no {DEFAULT_FILE} here. Name a file or a folder with -f; see it work first: reconcile demo; "
    "or begin with the torrents that you have: reconcile import"
)


def files_of(settings: Settings) -> tuple[Path, ...]:
    """The files that are given, else the default one. Raises `Failure` where there is none."""
    if settings.files:
        return settings.files
    if DEFAULT_FILE.exists():
        return (DEFAULT_FILE,)
    raise Failure(NO_FILE, 4)


def invalid(problems: Sequence[Problem]) -> Failure:
    """The end of a command whose desired state has problems.

    Where nothing is wrong in the files, and only some other server that they name is in trouble, it is no 4.
    """
    if all(problem.remote for problem in problems):
        missing = count(len(problems), "torrent")
        return Failure(f"the desired state is unknown: {missing} could not be fetched; nothing was done", 1, problems)
    found = count(len(problems), "problem")
    return Failure(f"the desired state is invalid: {found}; nothing was contacted", 4, problems)


def load_desired(
    settings: Settings,
    *,
    resolve_secrets: bool = True,
    stopping: Stopping | None = None,
    torrents: TorrentFiles | None = None,
) -> Desired:
    """Load the files; what is doubtful in them is said. Raises `Failure` with all problems, or where it is stopped.

    With `resolve_secrets` False it is done offline: torrents that are given by URL are missing and counted. `torrents`:
    how to have them all the same, for who loads more than once.
    """
    from reconciler.desired import DesiredStateError, TorrentFiles, load

    files = files_of(settings)
    began = time.monotonic()
    if torrents is None:
        torrents = TorrentFiles(Fetcher(stopping.event if stopping else None) if resolve_secrets else None)
    try:
        desired = load(files, os.environ, resolve_secrets=resolve_secrets, torrents=torrents)
    except DesiredStateError as error:
        raise invalid(error.problems) from error
    except Stopped as error:
        code = stopping.exit_code if stopping else None
        raise Failure("stopped while torrents were fetched; nothing was done", code or 1) from error
    warn(settings, desired.warnings)
    logs.debug(
        settings,
        "desired state loaded",
        files=[str(file) for file in files],
        instances=len(desired.instances),
        torrents=len(desired.torrents),
        seconds=round(time.monotonic() - began, 3),
    )
    return desired
