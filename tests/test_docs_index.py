"""The pages of docs/: every link resolves, and every decision is listed and linked from the code it explains."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"
RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))
PAGES = [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md"))]
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
ROW = re.compile(r"^\| (\d+) \| \[(.+)\]\((\S+)\) \| (.+) \| (\d{4}-\d\d-\d\d) \|$", re.MULTILINE)
CODE_LINK = re.compile(r"\]\(\.\./(reconciler/[^)]+\.py)\)(?: · (`\w+`(?:, `\w+`)*))?")


def name_of(path: Path) -> str:
    """Return the path relative to the repository, as the id of a test."""
    return path.relative_to(ROOT).as_posix()


@cache
def read_prose(path: Path) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@cache
def list_anchors(path: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them from its headings."""
    headings = re.findall(r"^#+ (.+)$", read_prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    for target, anchor in LINK.findall(read_prose(page)):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        assert not anchor or anchor in list_anchors(path), f"{target}#{anchor}"


def test_the_index_links_every_page() -> None:
    targets = {(DOCS / target).resolve() for target, _ in LINK.findall(read_prose(DOCS / "README.md")) if target}
    targets |= {DOCS / "README.md", *RECORDS}
    assert [name_of(page) for page in DOCS.rglob("*.md") if page.resolve() not in targets] == []


def test_the_table_of_decisions_has_every_record() -> None:
    rows = ROW.findall(read_prose(DECISIONS / "README.md"))
    expected = []
    for record in RECORDS:
        title, _, status = record.read_text(encoding="utf-8").split("\n")[:3]
        number, _, text = title.removeprefix("# ").partition(". ")
        state, _, date = status.removeprefix("Status: ").partition(" · ")
        assert record.name.startswith(f"{int(number):04}-")
        expected.append((number, text, record.name, state, date))
    assert rows == expected


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_a_module_links_the_decision(record: Path) -> None:
    assert any(f"docs/decisions/{record.name}" in docstring for docstring in _list_module_docstrings())


def test_modules_link_decisions_that_exist() -> None:
    links = {link for module in MODULES for link in re.findall(r"docs/decisions/([\w.-]*\w)", _read_module(module))}
    assert links <= {record.name for record in RECORDS}


def test_the_architecture_names_code_that_exists() -> None:
    links = CODE_LINK.findall((DOCS / "architecture.md").read_text(encoding="utf-8"))
    assert len(links) > 30
    for path, names in links:
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^ *(?:def|class) {name}\b|^{name}\b", _read_module(ROOT / path), re.MULTILINE), name


@cache
def _read_module(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _list_module_docstrings() -> list[str]:
    return [ast.get_docstring(ast.parse(_read_module(module))) or "" for module in MODULES]
