"""The context of a command's run: its journal, and what earlier runs recorded there."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import console
from reconciler.cli.settings import Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.desired import DesiredState

if TYPE_CHECKING:
    from reconciler.engine.context import RunContext
    from reconciler.engine.placement_memory import PlacementMemory
    from reconciler.journal import Journal
    from reconciler.qbittorrent import KeptSessions, LoginMemory


def find_state_dir(settings: Settings) -> Path | None:
    """Return the folder for what is remembered from run to run; None without `--state-dir` and a home directory."""
    from reconciler.journal import get_default_state_dir

    return settings.state_dir or get_default_state_dir(os.environ)


def open_journal(settings: Settings, warn: Callable[[str], None] | None = None) -> Journal | None:
    """Open the journal of a run. Return None, with a warning, if there is no folder for it.

    `warn` receives the warnings, now and later; without it they are printed on standard error.
    """
    from reconciler.journal import Journal
    from reconciler.retry import utc_now

    warn = warn or partial(console.print_warning, settings)
    folder = find_state_dir(settings)
    if folder is None:
        warn("no journal is kept: there is no home directory. Name a folder with --state-dir")
        return None
    return Journal(folder, warn, utc_now)


def load_placement_memory(desired: DesiredState, journal: Journal | None) -> PlacementMemory:
    """Return what earlier runs recorded about the members of groups."""
    from reconciler.engine.placement_memory import PlacementMemory

    return PlacementMemory(journal.read_placement_facts(desired)) if journal and desired.groups else PlacementMemory()


def open_login_memory(settings: Settings, *, is_requested: bool = False) -> LoginMemory:
    """Open the memory of refused logins, which is in the journal if there is a folder for it.

    `is_requested`: a person asks for a login with credentials that were refused before.
    """
    from reconciler.journal import Journal
    from reconciler.qbittorrent import LoginMemory
    from reconciler.retry import utc_now

    folder = find_state_dir(settings)
    journal = Journal(folder, partial(console.print_warning, settings), utc_now) if folder else None
    return LoginMemory(journal, is_requested=is_requested)


def open_kept_sessions(settings: Settings, *, is_requested: bool = False) -> KeptSessions:
    """Open the sessions that earlier runs have left open; none if a person asks for a login (`is_requested`)."""
    from reconciler.qbittorrent import KeptSessions

    folder = None if is_requested else find_state_dir(settings)
    return KeptSessions(folder, partial(console.print_warning, settings))


def make_run_context(
    desired: DesiredState, journal: Journal | None, logins: LoginMemory, stopping: StopSignals
) -> RunContext:
    """Make the context of one run of a command, with what the journal remembers."""
    from reconciler.engine.add_memory import AddMemory
    from reconciler.engine.context import Planner, RunContext
    from reconciler.journal.contests import JournalPlanner
    from reconciler.plan.plan import NO_OWNED_COUNTS, NO_UNREAD_FILES
    from reconciler.retry import system_retry_policy

    return RunContext(
        stopping.event,
        system_retry_policy(stopping.event),
        logins=logins,
        planner=JournalPlanner(journal) if journal else Planner(),
        placement_memory=load_placement_memory(desired, journal),
        remembered=journal.read_owned_counts(desired) if journal else NO_OWNED_COUNTS,
        find_unread_files=journal.find_unread_files if journal else (lambda _desired: NO_UNREAD_FILES),
        add_memory=AddMemory(journal.read_untagged_adds(), journal.save_untagged_adds) if journal else AddMemory(),
    )
