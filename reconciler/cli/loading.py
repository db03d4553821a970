"""The desired state of a command, or a complaint about everything that is wrong with it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from reconciler.cli import logs
from reconciler.cli.out import warn
from reconciler.cli.settings import DEFAULT_FILE, Failure, Settings
from reconciler.model.desired import Desired
from reconciler.model.position import Problem
from reconciler.report.problems import count

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
    """The end of a command whose desired state has problems."""
    found = count(len(problems), "problem")
    return Failure(f"the desired state is invalid: {found}; nothing was contacted", 4, problems)


def load_desired(settings: Settings, *, resolve_secrets: bool = True) -> Desired:
    """Load the files; what is doubtful in them is said. Raises `Failure` with all problems."""
    from reconciler.desired import DesiredStateError, load

    files = files_of(settings)
    began = time.monotonic()
    try:
        desired = load(files, os.environ, resolve_secrets=resolve_secrets)
    except DesiredStateError as error:
        raise invalid(error.problems) from error
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
