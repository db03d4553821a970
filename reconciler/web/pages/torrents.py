"""The list of torrents."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from reconciler.web.catalogue import Catalogue
from reconciler.web.context import WebContext
from reconciler.web.pages.frame import PageFrame


class TorrentsPage:
    """The page."""

    def __init__(self, frame: PageFrame, context: WebContext, catalogue: Catalogue) -> None:
        self._frame, self._board, self._catalogue = frame, context.board, catalogue

    def get(self, request: Request) -> Response:
        """Return the page."""
        return self._frame.respond(request, self._board.get_view(), "torrents.html", "Torrents")
