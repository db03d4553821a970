"""The pages that explain the codes of problems, each with an example of wrong and of right YAML (`problems.md`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

_HEADING: Final = re.compile(r"^## ([EW][0-9]{3}): (.+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """The explanation of one code. `text` is Markdown: paragraphs, and code blocks of YAML or of commands."""

    code: str
    title: str
    text: str


def read_problem_pages_text() -> str:
    """Return the Markdown of all pages."""
    return files(__package__).joinpath("problems.md").read_text("utf-8")


def load_problem_pages() -> Mapping[str, ProblemPage]:
    """Return all pages, by their codes."""
    _, *pieces = _HEADING.split(read_problem_pages_text())
    pages = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return {code: ProblemPage(code, title, text.strip()) for code, title, text in pages}
