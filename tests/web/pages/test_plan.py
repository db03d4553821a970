"""The page."""

from __future__ import annotations

from reconciler.web import StatusBoard
from tests.support.html_pages import get_page


def test_there_is_a_page(board: StatusBoard) -> None:
    assert "plan" in get_page(board, "/plan").ids
