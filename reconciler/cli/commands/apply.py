"""`reconcile apply`: execute a saved plan, if the plan is still that one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.cli.commands.run import run_command
from reconciler.cli.settings import CommandFailure, RunSettings, Settings

NO_PLAN_MESSAGE: Final = (
    "apply needs the file of a plan. Save one with: reconcile --dry-run --out plan.json. To plan and apply at once, "
    "use: reconcile"
)


def apply_command(settings: Settings, options: RunSettings, path: Path | None) -> int:
    """Plan again, and apply only the saved plan. Return the exit code."""
    if path is None:
        raise CommandFailure(NO_PLAN_MESSAGE, 4)
    from reconciler.saved.document import SavedFileError
    from reconciler.saved.plan_file import read_plan

    try:
        saved_plan = read_plan(path)
    except SavedFileError as error:
        raise CommandFailure(str(error), 4) from None
    return run_command(settings, replace(options, expect_plan=saved_plan.plan_hash), saved_plan)
