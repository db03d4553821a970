"""One run from end to end: read every instance, plan, apply, and say what came of it.

`watch` does so again and again, for months; who wants to know of it is an `observing.Observer`.

May import everything above it (`model`, `desired`, `live`, `plan`, `apply`). Never formats output and never decides
what should be done to a torrent.
"""

from reconciler.control.patience import run_until_placed
from reconciler.control.progress import Progress, Silent
from reconciler.control.run import Options, UnknownInstance, run_once
from reconciler.control.status import read_status

__all__ = ["Options", "Progress", "Silent", "UnknownInstance", "read_status", "run_once", "run_until_placed"]
