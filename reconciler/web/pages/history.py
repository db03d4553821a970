"""The runs as a time line."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from reconciler.web.context import WebContext
from reconciler.web.pages.frame import PageFrame


class HistoryPage:
    """The page."""

    def __init__(self, frame: PageFrame, context: WebContext) -> None:
        self._frame, self._board = frame, context.board

    def get(self, request: Request) -> Response:
        """Return the page."""
        return self._frame.respond(request, self._board.get_view(), "history.html", "History")
