"""Addresses with a slash too many or too few lead on to the right one, also below a path that a proxy removes."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


def redirect_slashes(app: Starlette) -> Starlette:
    """Let an application redirect relatively, and return it.

    Starlette's own redirect is absolute: behind a proxy it would leave the proxy's path, and maybe its host.
    """
    router, answer_unknown = app.router, app.router.default

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        location = find_location(scope, router.routes) if scope["type"] == "http" else ""
        if location:
            await Response(status_code=307, headers={"Location": location})(scope, receive, send)
        else:
            await answer_unknown(scope, receive, send)

    router.redirect_slashes, router.default = False, answer
    return app


def find_location(scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """Return the relative address that a route has with one slash more or less at its end; "" if none has."""
    path = str(scope["path"])
    base = path.removesuffix("/")
    wanted = base if path.endswith("/") else f"{path}/"
    if all(route.matches({**scope, "path": wanted})[0] is Match.NONE for route in routes):
        return ""
    name, query = quote(base.rpartition("/")[2], errors="replace"), scope["query_string"].decode("latin-1")
    way = f"../{name}" if path.endswith("/") else f"./{name}/"
    return f"{way}?{query}" if query else way
