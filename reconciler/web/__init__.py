"""The HTTP server of the watch: pages for people, health, metrics, REST, the gateway, and requests for a run.

It listens to runs and never starts one, contacts no instance, and no GET changes anything. Only `cli` imports it. Its
libraries are loaded by `serve` and not before.
"""

from reconciler.web.auth import TokenError, read_token
from reconciler.web.context import LoopControls, WebContext
from reconciler.web.server import DEFAULT_LISTEN, ListenError, WebServer, serve
from reconciler.web.status_board import StatusBoard

__all__ = [
    "DEFAULT_LISTEN",
    "ListenError",
    "LoopControls",
    "StatusBoard",
    "TokenError",
    "WebContext",
    "WebServer",
    "read_token",
    "serve",
]
