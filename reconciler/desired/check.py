"""Plain data -> checked data, with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.messages import problem_of
from reconciler.desired.salvage import salvage
from reconciler.desired.schema.document import DOCUMENT, DocumentEntry
from reconciler.desired.yaml.document import Document
from reconciler.model.position import Problem


@dataclass(frozen=True, slots=True)
class Checked:
    """One document as far as it is valid. `indexes`: where each kept torrent stands in the file's list."""

    document: Document
    entry: DocumentEntry
    indexes: Sequence[int]


def check(document: Document, problems: list[Problem]) -> Checked:
    """Check one document against the schema, adding to `problems`."""
    errors: list[ErrorDetails] = []
    try:
        entry = DOCUMENT.validate_python(document.data)
        return Checked(document, entry, range(len(entry.get("torrents", ()))))
    except ValidationError as error:
        errors = error.errors(include_url=False)
    known = {problem.at for problem in document.problems}  # what could not be read has been said already
    found = (problem_of(document, error) for error in errors)
    problems += (problem for problem in found if problem.at not in known)
    return Checked(document, *salvage(document.data, errors))
