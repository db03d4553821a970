"""The HTTP side of the sidecar: health, metrics, what the loop did last, a status page, and a way to ask for a run.

May import `control`, `report` and `model`; only `cli` imports it. It is told of runs and never makes one, contacts no
instance, and no GET changes anything. Its libraries are loaded by `serve` and not before.
"""

from reconciler.web.auth import TokenError, read_token
from reconciler.web.server import DEFAULT_LISTEN, ListenError, WebServer, serve
from reconciler.web.status_board import StatusBoard

__all__ = ["DEFAULT_LISTEN", "ListenError", "StatusBoard", "TokenError", "WebServer", "read_token", "serve"]
