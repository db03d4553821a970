"""The pages of docs/reference are what the code makes of itself."""

from __future__ import annotations

import pytest

from tests.support import reference_pages


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_a_reference_page_is_made_from_the_code(name: str) -> None:
    page = (reference_pages.FOLDER / name).read_text(encoding="utf-8")
    assert page == reference_pages.PAGES[name](), "run: python -m tests.support.reference_pages"
