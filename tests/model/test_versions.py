"""The table of Web API versions: what a version can do, and that no other module has a version of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model import versions
from reconciler.model.versions import (
    TAGS_AT_ADD,
    TORRENT_CREATOR,
    Capability,
    is_tested,
    parse_api_version,
    resets_category_limits,
)

PACKAGE = Path(versions.__file__).parents[1]
TABLE = Path(versions.__file__).relative_to(PACKAGE)
ROWS = {name: value for name, value in vars(versions).items() if isinstance(value, Capability)}
# Versions that are no bound of a behaviour, by module: what the in-memory instance and the gateway report as theirs.
REPORTED_VERSIONS = {
    Path("testing/memory.py"): {"2.5.1", "2.8.19", "2.11.4", "2.16.2"},
    Path("web/gateway/read_endpoints.py"): {"2.11.4"},
}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2.5.1", (2, 5, 1)),
        ("2.11", (2, 11)),
        ("2.16.2-dev", (2, 16, 2)),
        ("10.0.1", (10, 0, 1)),
        ("", None),
        ("2", None),
        ("v2.1", None),
        ("<html>", None),
    ],
)
def test_versions_are_numbers(text: str, numbers: tuple[int, ...] | None) -> None:
    assert parse_api_version(text) == numbers


@pytest.mark.parametrize(
    ("web_api", "tags_at_add", "resets_limits", "tested"),
    [
        ((2, 6, 1), False, False, True),
        ((2, 7), True, False, True),
        ((2, 11, 4), True, False, True),
        ((2, 15, 1), True, True, True),
        ((2, 16, 1), True, True, True),
        ((2, 16, 2), True, False, True),
        ((2, 16, 3), True, False, False),
        ((2, 100), True, False, False),
    ],
)
def test_capabilities_follow_from_the_version(
    web_api: tuple[int, ...], tags_at_add: bool, resets_limits: bool, tested: bool
) -> None:
    answers = TAGS_AT_ADD.is_available(web_api), resets_category_limits(web_api), is_tested(web_api)
    assert answers == (tags_at_add, resets_limits, tested)


def test_the_torrent_creator_came_with_the_first_beta_of_5_0() -> None:
    assert TORRENT_CREATOR.is_available((2, 10, 4))
    assert not TORRENT_CREATOR.is_available((2, 9, 3))
    assert TORRENT_CREATOR.since_text == "2.10.4"


def test_labels_are_unique() -> None:
    assert len({row.label for row in ROWS.values()}) == len(ROWS)


def test_every_row_is_used() -> None:
    nodes = [node for path in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert ROWS.keys() - used == set()


def test_no_other_module_has_a_version_of_its_own() -> None:
    modules = {path.relative_to(PACKAGE): path for path in PACKAGE.rglob("*.py")}
    strays = {
        f"{module}:{line}: {version}"
        for module, path in modules.items()
        if module != TABLE
        for line, version in iter_versions(ast.parse(path.read_text()))
        if version not in REPORTED_VERSIONS.get(module, ())
    }
    assert strays == set()


def test_versions_are_found_in_tuples_and_texts() -> None:
    source = "if api >= (2, 8, 4) or api < (\n2,\n7,\n) or since('2.10.4') or (2, 'a') or (1, 2) or '2.5 GiB': pass"
    assert [version for _, version in iter_versions(ast.parse(source))] == ["2.8.4", "2.7", "2.10.4"]


def iter_versions(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each Web API version that stands as a literal (a tuple of numbers, or a text), with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            numbers = [element.value for element in node.elts if isinstance(element, ast.Constant)]
            if len(numbers) == len(node.elts) in (2, 3) and numbers[0] == 2 and all(type(n) is int for n in numbers):
                yield node.lineno, ".".join(map(str, numbers))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"2(\.\d+){1,2}", node.value)
        ):
            yield node.lineno, node.value
