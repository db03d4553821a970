"""From arguments to an exit code: the one place where every kind of failure ends."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_USAGE_EXIT_CODE: Final = 2  # what the library gives for bad usage; here it is 4, and 2 means "there are changes"


def main() -> None:
    """The console command `reconcile`."""
    if os.getpid() == 1:  # in a container: without a handler the kernel keeps SIGTERM from PID 1. A run sets its own
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    gc.disable()  # a short life with ten thousand long-lived objects: collecting costs a tenth of it and frees nothing
    try:
        code = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:  # before the run, where nothing has to be finished first
        code = 130
    gc.freeze()  # nor at the end
    sys.exit(code)


def run_command_line(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and return its exit code."""
    import typer  # imported here, so that `main` handles signals before the libraries load

    from reconciler.cli.app import app
    from reconciler.cli.console import report_failure
    from reconciler.cli.settings import CommandFailure, ensure_std_streams, settings_from_argv

    ensure_std_streams()
    settings = settings_from_argv(arguments)
    try:
        return int(typer.main.get_command(app).main(arguments, "reconcile", standalone_mode=False) or 0)
    except CommandFailure as failure:
        ending = failure
    except typer.TyperException as error:
        hint = " (see: reconcile --help)" if error.exit_code == _USAGE_EXIT_CODE else ""
        ending = CommandFailure(error.format_message().replace("Value error, ", "").rstrip(".") + hint, 4)
    except Exception as error:
        if settings.verbose:
            import traceback

            traceback.print_exc()
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        ending = CommandFailure(f"internal error: {what}; please report it, with the output of -v", 1)
    with contextlib.suppress(CommandFailure):  # standard output is gone: the exit code has to say it
        report_failure(settings, ending)
    return ending.exit_code
