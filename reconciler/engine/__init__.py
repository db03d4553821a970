"""One run from end to end: observe, plan, guard, apply, report.

May import every layer below it (`apply`, `qbittorrent`, `plan`, `health`, `model`). Formats no output, and never
decides what to do to a torrent.
"""

from reconciler.engine.context import RunContext, RunOptions
from reconciler.engine.events import Progress, SilentProgress
from reconciler.engine.lease_wait import run_when_free
from reconciler.engine.run import run_once
from reconciler.engine.selection import UnknownInstance
from reconciler.engine.wait import run_until_placed

__all__ = [
    "Progress",
    "RunContext",
    "RunOptions",
    "SilentProgress",
    "UnknownInstance",
    "run_once",
    "run_until_placed",
    "run_when_free",
]
