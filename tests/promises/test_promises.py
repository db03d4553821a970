"""The table of promises names every promise and tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

README = Path(__file__).parent / "README.md"
REPOSITORY = Path(__file__).parents[2]
ROWS = {
    match[1]: re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", match[2])
    for match in re.finditer(r"^\| \*\*(P\d)\*\* .*?\| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
}


def test_every_promise_has_tests() -> None:
    assert list(ROWS) == [f"P{number}" for number in range(1, 9)]
    assert all(ROWS.values())


def test_every_test_of_the_table_exists() -> None:
    for file, name in [test for tests in ROWS.values() for test in tests]:
        assert name in _defined_names(REPOSITORY / file), f"{file}::{name}"


@cache
def _defined_names(path: Path) -> set[str]:
    """Return the names of the functions and variables that a module defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names
