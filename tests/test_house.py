"""The rules of the house: names, docstrings, words, and files that lie where a reader looks for them."""

from __future__ import annotations

import ast
import subprocess
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "reconciler"
TESTS: Final = ROOT / "tests"


@cache
def _paths() -> tuple[str, ...]:
    """Return every path that git tracks or would add, relative to the top of the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def _python_files(*folders: str) -> list[Path]:
    return [ROOT / path for path in _paths() if path.endswith(".py") and path.startswith(folders)]


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_two_public_classes_share_a_name() -> None:
    files_by_class: defaultdict[str, list[str]] = defaultdict(list)
    for path in _python_files("reconciler/"):
        for node in _parse(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files_by_class[node.name].append(_name(path))
    assert {name: files for name, files in files_by_class.items() if len(files) > 1} == {}


def test_no_test_module_imports_another() -> None:
    offenders = [
        f"{_name(path)}:{node.lineno}"
        for path in _python_files("tests/")
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        if module.startswith("tests.") and any(part.startswith("test_") for part in module.split("."))
    ]
    assert offenders == []


def test_helpers_of_tests_are_in_support_or_a_conftest() -> None:
    offenders = [
        _name(path)
        for path in _python_files("tests/")
        if not path.name.startswith("test_")
        and path.name not in ("conftest.py", "__init__.py")
        and path.parent != TESTS / "support"
    ]
    assert offenders == []


def test_no_path_has_a_control_character() -> None:
    assert [path for path in _paths() if any(not character.isprintable() for character in path)] == []
