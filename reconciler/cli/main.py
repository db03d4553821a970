"""From arguments to an exit code: the one place where every kind of failure ends."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

import typer

from reconciler.cli.app import app
from reconciler.cli.console import complain
from reconciler.cli.settings import Failure, guessed, repair_streams

_USAGE: Final = 2  # what the library gives for bad usage; here it is 4, and 2 means "there are changes"


def run(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name."""
    repair_streams()
    settings = guessed(arguments)
    try:
        return int(typer.main.get_command(app).main(arguments, "reconcile", standalone_mode=False) or 0)
    except Failure as failure:
        ending = failure
    except typer.TyperException as error:
        hint = " (see: reconcile --help)" if error.exit_code == _USAGE else ""
        ending = Failure(error.format_message().replace("Value error, ", "").rstrip(".") + hint, 4)
    except Exception as error:
        if settings.verbose:
            import traceback

            traceback.print_exc()
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        ending = Failure(f"internal error: {what}; please report it, with the output of -v", 1)
    with contextlib.suppress(Failure):  # standard output is gone: the exit code has to say it
        complain(settings, ending)
    return ending.exit_code
