"""The command line: arguments and environment -> one call -> a report and an exit code.

May import everything of ours. Holds no logic about torrents: it reads options, sets up logs, signals and progress,
calls one function of `control` or `desired`, and hands what comes of it to `report`. Its imports are late on purpose:
what a command does not need is not loaded.
"""

from __future__ import annotations

import gc
import os
import signal
import sys


def main() -> None:
    """The console command `reconcile`."""
    if os.getpid() == 1:  # in a container: without a handler the kernel keeps SIGTERM from PID 1. A run sets its own
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    gc.disable()  # a short life with ten thousand long-lived objects: collecting costs a tenth of it and frees nothing
    try:
        from reconciler.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before the run, where nothing has to be finished first
        code = 130
    gc.freeze()  # nor at the end
    sys.exit(code)
