"""The console command: run a command line, report every kind of failure, and exit with its code.

See docs/decisions/0176-the-process-ends-without-taking-its-objects-apart.md.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import os
import signal
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

_FULL_DISK_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT)
_USAGE_EXIT_CODE: Final = 2  # of typer; ours is 4, because 2 means "there are changes"


def main() -> None:
    """Run `reconcile` and exit."""
    if os.getpid() == 1:  # in a container: the kernel drops SIGTERM for a PID 1 without a handler. A run sets its own
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    exit_codes: list[int] = []  # of this process: one, in the end
    atexit.register(_end_process, exit_codes)  # before all others, so that it is called after them
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # to look for some reads the metadata of every package
    gc.disable()  # a short process with many long-lived objects: collecting costs a tenth of its time and frees nothing
    try:
        from reconciler.cli.settings import tolerate_full_stderr

        tolerate_full_stderr()
        code = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:  # before a run installs its handlers: there is no request to finish
        code = 130
    from reconciler.cli.settings import flush_stdout

    gc.freeze()  # nor must the interpreter collect at exit
    if sys.stdout is not None and not flush_stdout():
        code = code or 1
    exit_codes.append(code)
    sys.exit(code)


def _end_process(exit_codes: Sequence[int]) -> None:
    """End the process with the exit code, if it is known. The interpreter would free every object by itself."""
    for code in exit_codes:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def run_command_line(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and return its exit code."""
    import typer  # imported here, so that `main` handles signals before the libraries load

    from reconciler.cli.settings import COMPLETION_VARIABLE, CommandFailure, ensure_std_streams, settings_from_argv

    ensure_std_streams()
    settings = settings_from_argv(arguments)
    if COMPLETION_VARIABLE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    help_width = None if sys.stdout.isatty() else 78  # columns, as on a terminal with 80; None: its own width
    try:
        return int(build_program().main(arguments, "reconcile", standalone_mode=False, terminal_width=help_width) or 0)
    except CommandFailure as failure:
        reported = failure
    except typer.TyperException as error:
        hint = " (see: reconcile --help)" if error.exit_code == _USAGE_EXIT_CODE else ""
        reported = CommandFailure(error.format_message().replace("Value error, ", "").rstrip(".") + hint, 4)
    except Exception as error:
        reported = CommandFailure(_describe_error(error, verbose=settings.verbose), 1)
    from reconciler.cli.console import report_failure

    with contextlib.suppress(CommandFailure):  # standard output is gone: only the exit code is left
        report_failure(settings, reported)
    return reported.exit_code


def _describe_error(error: Exception, *, verbose: bool) -> str:
    """Return the message for an error that no command expects: a fault of ours, or a full disk under what typer writes.

    That is the text of `--version` and `--help`; errors of files have a name, and commands report them.
    """
    if isinstance(error, OSError) and error.errno in _FULL_DISK_ERRORS and error.filename is None:
        return f"the output could not be written: {error.strerror}"
    if verbose:
        import traceback

        traceback.print_exc()
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"internal error: {message}. Please report it with the output of -v"


@cache
def build_program() -> Any:
    """Return the group of all commands, the same object for every command line of this process."""
    import typer

    from reconciler.cli.app import app
    from reconciler.cli.command_table import COMMAND_MODULES, CommandTable

    group: Any = typer.main.get_command(app)
    group.commands = CommandTable(COMMAND_MODULES)
    return group
