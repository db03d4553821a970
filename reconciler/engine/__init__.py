"""One run from end to end: read every instance, plan, apply, and say what came of it.

`watch` does so again and again, for months; who wants to know of it is an `observing.Observer`.

May import everything above it (`model`, `desired`, `live`, `plan`, `apply`). Never formats output and never decides
what should be done to a torrent.
"""

from reconciler.engine.events import Progress, SilentProgress
from reconciler.engine.run import RunOptions, run_once
from reconciler.engine.selection import UnknownInstance
from reconciler.engine.wait import run_until_placed

__all__ = ["Progress", "RunOptions", "SilentProgress", "UnknownInstance", "run_once", "run_until_placed"]
