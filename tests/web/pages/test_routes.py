"""The routes of the pages."""

from __future__ import annotations

from reconciler.web import StatusBoard
from tests.support.html_pages import get_page


def test_what_no_page_is_at_is_not_found(board: StatusBoard) -> None:
    get_page(board, "/nothing", status=404)
