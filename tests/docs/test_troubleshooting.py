"""docs/troubleshooting.md quotes messages that the program prints."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.support.docs_pages import ROOT, read_page

MESSAGES: Final = re.findall(r"^### `(.+)`$", read_page("docs/troubleshooting.md"), re.MULTILINE)


def test_there_are_messages() -> None:
    assert len(MESSAGES) > 35
    assert len(set(MESSAGES)) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES)
def test_the_program_prints_the_message(message: str) -> None:
    pattern = re.compile("…[^…]*".join(map(re.escape, message.rstrip("…").split("…"))))
    assert any(pattern.search(text) for text in list_texts())


@cache
def list_texts() -> list[str]:
    """Return every text in the code; `…` stands for each value in it."""
    texts = []
    for module in (ROOT / "reconciler").rglob("*.py"):
        texts += [_flatten(node) for node in ast.walk(_parse(module)) if isinstance(node, ast.Constant | ast.JoinedStr)]
    return texts


def _parse(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def _flatten(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_flatten(value) for value in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"
