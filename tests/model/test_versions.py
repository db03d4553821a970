"""The table of Web API versions: what a version can do, and that no other module has a version of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model import versions
from reconciler.model.versions import (
    EVERY_VERSION,
    TAGS_AT_ADD,
    TORRENT_CREATOR,
    V2_TORRENTS,
    Capability,
    is_tested,
    parse_version,
    resets_category_limits,
)
from reconciler.testing.releases import WEB_API_VERSIONS

PACKAGE = Path(versions.__file__).parents[1]
TABLE = Path(versions.__file__).relative_to(PACKAGE)
ROWS = {name: value for name, value in vars(versions).items() if isinstance(value, Capability)}
# Versions that are no bound of a behaviour, by module: what the in-memory instance and the gateway report as theirs.
REPORTED_VERSIONS = {
    Path("testing/releases.py"): set(WEB_API_VERSIONS.values()),
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
    assert parse_version(text) == numbers


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


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_names_its_source_and_the_first_release_with_its_version(name: str) -> None:
    row = ROWS[name]
    if row is EVERY_VERSION:
        return
    assert re.match(r"(tag|changelog|tried on|tested on)\b", row.source)
    releases = {_parse_release(release): parse_version(web_api) or () for release, web_api in WEB_API_VERSIONS.items()}
    release = _parse_release(row.release)
    first = min(number for number in releases if number[:2] == release[:2] and number >= release)
    assert releases[first] >= row.since, "a release of that name has it"
    earlier = [api for number, api in releases.items() if number < release]
    assert all(api < row.since for api in earlier), "no earlier one reports a version that has it"


def _parse_release(text: str) -> tuple[int, ...]:
    numbers = tuple(map(int, text.split(".")))
    return (*numbers, 0) if len(numbers) == 2 else numbers


def test_libtorrent_decides_together_with_the_web_api() -> None:
    assert V2_TORRENTS.is_available((2, 11, 4), (2, 0, 11)) and not V2_TORRENTS.is_available((2, 11, 4), (1, 2, 19))
    assert not V2_TORRENTS.is_available((2, 8, 2), (2, 0, 11)), "4.3 does not show v2 infohashes"
    assert V2_TORRENTS.is_available((2, 11, 4)), "where the library is unknown, the Web API decides"
    assert TAGS_AT_ADD.is_available((2, 7), (1, 2, 19))


def test_labels_are_unique() -> None:
    assert len({row.label for row in ROWS.values()}) == len(ROWS)


def test_every_row_is_used() -> None:
    named = re.compile(rf"\b({'|'.join(ROWS)})\b").search  # other modules need not be parsed
    sources = [source for path in PACKAGE.rglob("*.py") if named(source := path.read_text())]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert ROWS.keys() - used == set()


def test_no_other_module_has_a_version_of_its_own() -> None:
    sources = {path.relative_to(PACKAGE): path.read_text() for path in PACKAGE.rglob("*.py")}
    strays = {
        f"{module}:{line}: {version}"
        for module, source in sources.items()
        if module != TABLE and re.search(r"\b2\s*[.,]", source)  # the others need not be parsed
        for line, version in iter_versions(ast.parse(source))
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
