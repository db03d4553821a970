"""The rules of the house: names, docstrings, words, and files that lie where a reader looks for them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "reconciler"
TESTS: Final = ROOT / "tests"

MAX_LINES: Final = 420

QUESTION_WORDS: Final = frozenset(
    [
        "who",
        "what",
        "which",
        "whose",
        "when",
        "where",
        "whether",
        "why",
        "how",
        "is",
        "are",
        "was",
        "does",
        "do",
        "did",
        "has",
        "have",
        "had",
        "can",
        "could",
        "should",
        "will",
        "would",
        "may",
    ]
)
BANNED_WORDS: Final = re.compile(
    r"\b(bears?|anew|lately|mend(?:s|ed|ing)?|aside|for the sake of|is had from|is told of|or it is said|needs it not"
    r"|the ones|those that)\b",
    re.IGNORECASE,
)
# Files that quote the words
WORDS_ALLOWED: Final = frozenset({"tests/test_house.py"})

# The modules without a test file of their own, and the reason
UNTESTED: Final = {
    "apply/target.py": "a protocol; mypy checks its implementations",
    "engine/events.py": "frozen data and protocols",
    "model/history.py": "frozen data",
    "model/intake.py": "frozen data and protocols",
    "model/rows.py": "frozen data and protocols",
    "plan/assignment.py": "frozen data",
    "model/states.py": "words of qBittorrent",
    "web/context.py": "frozen data",
    "web/gateway/change_call.py": "frozen data",
    "model/notification.py": "frozen data",
}

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _Outline:
    """The docstrings and imports of a file, each with its line, and its classes at the top."""

    docstrings: list[tuple[int, str]]
    classes: list[str]
    imports: list[tuple[int, str]]


@cache
def _paths() -> tuple[str, ...]:
    """Return every path that git tracks or would add, relative to the top of the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def _python_files(*folders: str) -> list[Path]:
    return [ROOT / path for path in _paths() if path.endswith(".py") and path.startswith(folders)]


@cache
def _outline(path: Path) -> _Outline:
    """Return what the rules are about, and not the tree: to keep a million nodes takes longer than to make them."""
    outline = _Outline([], [], [])
    tree = ast.parse(path.read_text(encoding="utf-8"))
    outline.classes.extend(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    for node in _iter_statements(tree):
        if isinstance(node, _Documented) and (text := ast.get_docstring(node)):
            outline.docstrings.append((node.body[0].lineno, text))
        elif isinstance(node, ast.ImportFrom):
            outline.imports.append((node.lineno, node.module or ""))
        elif isinstance(node, ast.Import):
            outline.imports.extend((node.lineno, alias.name) for alias in node.names)
    return outline


def _iter_statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a module and all statements in it; their expressions are nine tenths of its nodes."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _iter_statements(child)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_docstrings_say_what_the_caller_gets_and_ask_nothing() -> None:
    offenders = [
        f"{_name(path)}:{line}: {text.splitlines()[0]}"
        for path in _python_files("reconciler/", "tests/", "bench/")
        for line, text in _outline(path).docstrings
        if re.split(r"\W", text, maxsplit=1)[0].lower() in QUESTION_WORDS
        or re.split(r"(?<=[.?!])\s", text, maxsplit=1)[0].endswith("?")
    ]
    assert offenders == []


def test_no_two_public_classes_share_a_name() -> None:
    files_by_class: defaultdict[str, list[str]] = defaultdict(list)
    for path in _python_files("reconciler/"):
        for name in _outline(path).classes:
            if not name.startswith("_"):
                files_by_class[name].append(_name(path))
    assert {name: files for name, files in files_by_class.items() if len(files) > 1} == {}


def test_every_module_has_its_test_file_or_a_reason() -> None:
    modules = [path.relative_to(PACKAGE) for path in _python_files("reconciler/") if not path.name.startswith("__")]
    untested = {str(path) for path in modules if not (TESTS / path.parent / f"test_{path.name}").exists()}
    assert untested == UNTESTED.keys()


def test_no_test_module_imports_another() -> None:
    offenders = [
        f"{_name(path)}:{line}"
        for path in _python_files("tests/")
        for line, module in _outline(path).imports
        if module.startswith("tests.") and any(name.startswith("test_") for name in module.split("."))
    ]
    assert offenders == []


def test_helpers_of_tests_are_in_support_or_a_conftest() -> None:
    offenders = [
        _name(path)
        for path in _python_files("tests/")
        if not path.name.startswith("test_")
        and path.name not in ("conftest.py", "__init__.py")
        and TESTS / "support" not in path.parents
    ]
    assert offenders == []


def test_no_path_has_a_control_character() -> None:
    assert [path for path in _paths() if any(not character.isprintable() for character in path)] == []


def test_a_file_has_one_concept_and_at_most_420_lines() -> None:
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _python_files("reconciler/")}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_words_are_plain() -> None:
    offenders = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path in _paths()
        if path.startswith(("reconciler/", "tests/", "bench/", "docs/", "examples/", "deploy/")) or "/" not in path
        if path.endswith((".py", ".md", ".yaml", ".yml", ".toml", ".html")) and path not in WORDS_ALLOWED
        for text in [(ROOT / path).read_text(encoding="utf-8", errors="replace")]
        for match in BANNED_WORDS.finditer(text)
    ]
    assert offenders == []
