"""docs/troubleshooting.md quotes messages that the program prints."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import pytest

from tests.support.docs_pages import ROOT, read_page

MESSAGES: Final = re.findall(r"^### `(.+)`$", read_page("docs/troubleshooting.md"), re.MULTILINE)


def test_there_are_messages() -> None:
    assert len(MESSAGES) > 35
    assert len(set(MESSAGES)) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES)
def test_the_program_prints_the_message(message: str) -> None:
    pattern = "…[^…\n]*".join(map(re.escape, message.rstrip("…").split("…")))
    assert re.search(pattern, read_code()), message


@cache
def read_code() -> str:
    """Return the code with each text in one piece; `…` stands for each value in it."""
    code = "\n".join(module.read_text(encoding="utf-8") for module in (ROOT / "reconciler").rglob("*.py"))
    texts = re.sub(r"""["']\s*\n\s*f?["']""", "", code).replace('\\"', '"')
    return re.sub(r"\{[^{}\n]*\}", "…", texts)
